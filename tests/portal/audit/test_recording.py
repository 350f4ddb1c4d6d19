import json
import stat
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from portal.audit import keys
from portal.audit.models import AuditEvent, AuditHead
from portal.audit.selectors import events_of, verify_all, verify_chain
from portal.audit.services import (
    GENESIS,
    Action,
    export_heads,
    exported_heads,
    heads_file,
    record,
    record_alone,
    record_once,
)
from tests.portal.audit.conftest import event_at, look_at


@pytest.mark.django_db(transaction=True)
def test_an_event_belongs_inside_the_transaction_that_it_tells_of():
    with pytest.raises(RuntimeError):
        record(Action.STUDY_OPENED, chain="demo", subject="study:1", by=None)
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_leaves_no_event_and_no_gap():
    look_at("study:1")
    with transaction.atomic():
        record(Action.STUDY_OPENED, chain="demo", subject="study:lost", by=None)
        transaction.set_rollback(True)
    look_at("study:2")
    assert list(events_of("demo").values_list("seq", "subject")) == [
        (2, "study:2"),
        (1, "study:1"),
    ]
    assert verify_chain("demo").intact


def test_events_count_from_one_and_follow_from_each_other(chain):
    events = list(AuditEvent.objects.filter(chain=chain).order_by("seq"))
    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6]
    assert events[0].previous_digest == GENESIS
    assert [e.previous_digest for e in events[1:]] == [e.digest for e in events[:-1]]


def test_the_head_is_the_last_event_signed(chain):
    head, last = AuditHead.objects.get(chain=chain), event_at(6)
    assert (head.seq, head.digest, head.signature) == (6, last.digest, last.signature)
    assert keys.is_signed(head.digest, head.signature)


def test_an_event_says_who_did_what_to_which(reviewer):
    event = record_alone(
        Action.STUDY_OPENED, chain="demo", subject="study:1", by=reviewer, images=2
    )
    event.refresh_from_db()
    assert (event.actor, event.action, event.subject) == ("reviewer", "study.opened", "study:1")
    assert event.detail == {"images": 2}
    assert events_of("demo").filter(subject="study:1", actor="reviewer").exists()


def test_a_detail_of_any_json_verifies_after_a_round_trip(db):
    detail = {"z": [1, 2.5, None, True], "a": {"ü": "\u2028"}, "n": 0.1 + 0.2, "big": 2**53}
    record_alone(Action.STUDY_OPENED, chain="demo", subject="study:ß", by=None, **detail)
    assert verify_chain("demo").intact


def test_chains_do_not_know_each_other(chain):
    look_at("study:1", chain="other")
    assert event_at(1, chain="other").previous_digest == GENESIS
    assert [found.intact for found in verify_all()] == [True, True]


def test_a_look_is_recorded_once_within_its_time(reviewer, auditor):
    look = {"chain": "demo", "subject": "study:1", "within": timedelta(minutes=15)}
    assert record_once(Action.IMAGE_VIEWED, by=reviewer, **look)
    assert record_once(Action.IMAGE_VIEWED, by=reviewer, **look) is None
    assert record_once(Action.IMAGE_VIEWED, by=auditor, **look)
    assert record_once(Action.STUDY_OPENED, by=reviewer, **look)
    assert record_once(Action.IMAGE_VIEWED, by=reviewer, **look | {"within": timedelta()})


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 6},
        {"seq": 0},
        {"digest": "short"},
        {"signature": "short"},
        {"previous_digest": "short"},
    ],
)
def test_the_database_refuses_an_event_out_of_line(chain, changes):
    last = event_at(6)
    fields = {
        "chain": chain,
        "seq": 7,
        "at": last.at,
        "action": last.action,
        "subject": "study:7",
        "previous_digest": last.digest,
        "digest": "f" * 64,
        "signature": "f" * 128,
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.create(**fields | changes)


def test_the_database_refuses_a_fork(chain):
    last = event_at(6)
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.create(
            chain=chain, seq=7, at=last.at, action=last.action, subject="study:7",
            previous_digest=event_at(5).digest, digest="f" * 64, signature="f" * 128,
        )  # fmt: skip


def test_the_key_is_for_its_owner_alone(chain, own_data_folder):
    mode = (own_data_folder / "keys" / "audit.pem").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_the_public_key_checks_a_chain_elsewhere(chain, own_data_folder):
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    public = load_pem_public_key((own_data_folder / "keys" / "audit.pub").read_bytes())
    event = event_at(4)
    public.verify(bytes.fromhex(event.signature), event.digest.encode())


def test_a_signature_that_is_not_hex_is_not_ours(chain):
    assert not keys.is_signed(event_at(1).digest, "z" * 128)


def test_heads_are_exported_once_each(chain):
    look_at("study:1", chain="other")
    assert (export_heads(), export_heads()) == (2, 0)
    look_at("study:2", chain="other")
    assert export_heads() == 1
    seen = [(head["chain"], head["seq"]) for head in exported_heads()]
    assert sorted(seen[:2]) == [("demo", 6), ("other", 1)]
    assert seen[2:] == [("other", 2)]


def test_exported_heads_are_signed(chain):
    export_heads()
    (head,) = exported_heads()
    assert keys.is_signed(head["digest"], head["sig"])


def test_a_line_cut_by_a_crash_does_not_hide_the_others(chain):
    export_heads()
    with heads_file().open("a") as file:
        file.write('{"chain": "demo", "se')
    assert [head["seq"] for head in exported_heads()] == [6]
    assert verify_chain(chain).intact


def test_heads_are_exported_in_json_lines(chain):
    export_heads()
    (line,) = heads_file().read_text().splitlines()
    assert json.loads(line).keys() == {"at", "chain", "seq", "digest", "sig"}
    assert not heads_file().parent.stat().st_mode & 0o077


WRITER = """
from portal.audit.services import Action, record_alone
ready()
for number in range(25):
    subject = f"study:{sys.argv[1]}.{number}"
    record_alone(Action.STUDY_OPENED, chain="demo", subject=subject, by=None)
say(True)
"""
VERIFY = """
from portal.audit.models import AuditEvent
from portal.audit.selectors import verify_chain
found = verify_chain("demo")
say([found.intact, found.events, AuditEvent.objects.values("subject").distinct().count()])
"""


def test_parallel_writers_leave_one_chain(own_portal):
    own_portal.race(WRITER, ["1", "2", "3", "4"])
    assert own_portal.run(VERIFY) == [True, 100, 100]


def test_a_new_installation_makes_one_key_however_many_start_at_once(own_portal):
    script = "from portal.audit import keys; ready(); say(keys.sign('x'))"
    assert len(set(own_portal.race(script, ["1", "2", "3", "4", "5", "6"]))) == 1
