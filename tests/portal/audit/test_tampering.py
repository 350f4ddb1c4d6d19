"""Whoever owns the database may change any row; `verify_audit` names the first bad one."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.audit import keys, selectors
from portal.audit.models import AuditEvent, AuditHead
from portal.audit.selectors import verify_all, verify_chain
from portal.audit.services import GENESIS, Action, digest, export_heads, heads_file, record
from tests.portal.audit.conftest import COLUMNS, detail_sql, event_at, look_at

T = "audit_auditevent"


def verified(*arguments: str) -> tuple[int, str]:
    """Return exit code and words of ``verify_audit``."""
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out, skip_checks=True)
    except SystemExit as left:
        return int(left.code), out.getvalue()
    return 0, out.getvalue()


def test_an_untouched_chain_is_intact(chain):
    assert verified() == (0, "demo: intact, 6 events\n")


def test_each_chain_is_checked_by_itself(chain, attacker):
    look_at("study:x", chain="other")
    attacker(f"UPDATE {T} SET actor = 'nobody' WHERE chain = 'demo' AND seq = 2")
    assert verified("--chain", "other") == (0, "other: intact, 1 events\n")
    code, words = verified()
    assert code == 1
    assert "demo: BROKEN at event 2" in words
    assert "other: intact" in words


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "2020-01-01 00:00:00+00:00"),
        ("actor", "somebody"),
        ("action", "user.signed_in"),
        ("subject", "study:9"),
        ("outcome", "refused"),
        ("detail", detail_sql({"place": "home"})),
        ("previous_digest", "a" * 64),
        ("digest", "b" * 64),
        ("signature", "c" * 128),
    ],
)
@pytest.mark.parametrize("seq", [1, 3, 6])
def test_an_edited_column_is_named(attacker, chain, column, value, seq):
    attacker(f"UPDATE {T} SET {column} = %s WHERE chain = 'demo' AND seq = %s", value, seq)
    found = verify_chain(chain)
    assert (found.intact, found.seq) == (False, seq)


@pytest.mark.parametrize("seq", [1, 3])
def test_a_deleted_event_is_named(attacker, chain, seq):
    attacker(f"DELETE FROM {T} WHERE chain = 'demo' AND seq = %s", seq)
    assert verify_chain(chain).seq == seq


def test_a_deleted_event_with_the_rest_renumbered_is_named(attacker, chain):
    attacker(f"DELETE FROM {T} WHERE chain = 'demo' AND seq = 3")
    for seq in (4, 5, 6):
        attacker(f"UPDATE {T} SET seq = %s WHERE chain = 'demo' AND seq = %s", seq - 1, seq)
    attacker("UPDATE audit_audithead SET seq = 5 WHERE chain = 'demo'")
    assert verify_chain(chain).seq == 3


def test_an_inserted_event_is_named(attacker, chain):
    for seq in (6, 5, 4):
        attacker(f"UPDATE {T} SET seq = %s WHERE chain = 'demo' AND seq = %s", seq + 1, seq)
    attacker(f"UPDATE {T} SET previous_digest = %s WHERE seq = 5", "d" * 64)
    attacker(
        f"INSERT INTO {T} (chain, {COLUMNS}) SELECT chain, 4, at, actor, action, 'study:0', "
        f"outcome, detail, %s, %s, signature FROM {T} WHERE chain = 'demo' AND seq = 3",
        event_at(3).digest,
        "d" * 64,
    )
    assert verify_chain(chain).seq == 4


def test_an_event_appended_without_the_key_is_named(attacker, chain):
    forged = AuditEvent(
        chain="demo", seq=7, at=event_at(6).at, actor="", action="study.opened",
        subject="study:7", detail={}, previous_digest=event_at(6).digest,
    )  # fmt: skip
    forged.digest, forged.signature = digest(forged), event_at(6).signature
    forged.save(force_insert=True)
    AuditHead.objects.filter(chain=chain).update(seq=7, digest=forged.digest)
    found = verify_chain(chain)
    assert (found.seq, found.problem) == (7, "its signature is not ours")


def test_two_swapped_events_are_named(attacker, chain):
    attacker(f"UPDATE {T} SET seq = 100 WHERE chain = 'demo' AND seq = 2")
    attacker(f"UPDATE {T} SET seq = 2 WHERE chain = 'demo' AND seq = 5")
    attacker(f"UPDATE {T} SET seq = 5 WHERE chain = 'demo' AND seq = 100")
    assert verify_chain(chain).seq == 2


def test_two_events_with_their_contents_swapped_are_named(attacker, chain):
    attacker(f"UPDATE {T} SET subject = 'study:5' WHERE chain = 'demo' AND seq = 2")
    attacker(f"UPDATE {T} SET subject = 'study:2' WHERE chain = 'demo' AND seq = 5")
    assert verify_chain(chain).seq == 2


def test_a_cut_tail_is_named(attacker, chain):
    attacker(f"DELETE FROM {T} WHERE chain = 'demo' AND seq > 4")
    found = verify_chain(chain)
    assert (found.seq, found.problem) == (5, "the chain was cut: it once had 6 events")


def test_a_chain_that_was_removed_whole_is_named(attacker, chain):
    attacker(f"DELETE FROM {T} WHERE chain = 'demo'")
    assert [found.seq for found in verify_all()] == [1]


def test_a_cut_tail_with_the_head_set_back_contradicts_the_exported_head(attacker, chain):
    export_heads()
    cut_with_its_head(attacker, 4)
    assert verify_chain(chain).seq == 5


def test_a_chain_removed_with_its_head_contradicts_the_exported_head(attacker, chain):
    export_heads()
    attacker(f"DELETE FROM {T} WHERE chain = 'demo'")
    attacker("DELETE FROM audit_audithead WHERE chain = 'demo'")
    assert [(found.chain, found.seq) for found in verify_all()] == [("demo", 1)]


def test_a_head_that_names_another_event_is_named(attacker, chain):
    attacker("UPDATE audit_audithead SET digest = %s WHERE chain = 'demo'", event_at(5).digest)
    found = verify_chain(chain)
    assert (found.seq, found.problem) == (6, "the head does not name the last event")


def test_a_missing_head_is_named(attacker, chain):
    attacker("DELETE FROM audit_audithead WHERE chain = 'demo'")
    assert verify_chain(chain).seq == 6


def test_a_head_with_a_foreign_signature_is_named(attacker, chain):
    attacker(
        "UPDATE audit_audithead SET signature = %s WHERE chain = 'demo'", event_at(2).signature
    )
    assert verify_chain(chain).problem == "the head is not signed by us"


def test_a_chain_computed_anew_lacks_our_signatures(attacker, chain):
    rechain(attacker, start=3, subject="study:forged")
    found = verify_chain(chain)
    assert (found.seq, found.problem) == (3, "its signature is not ours")


def test_a_chain_computed_anew_with_a_stolen_key_contradicts_the_exported_head(attacker, chain):
    export_heads()
    rechain(attacker, start=3, subject="study:forged", sign=keys.sign)
    found = verify_chain(chain)
    assert (found.seq, found.problem) == (6, "it differs from the exported head")


def test_an_exported_head_changed_in_its_file_is_noticed(chain):
    export_heads()
    lines = [json.loads(line) for line in heads_file().read_text().splitlines()]
    lines[0]["digest"] = "e" * 64
    heads_file().write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert verify_chain(chain).seq == 6


@given(st.data())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_changed_text_is_named(attacker, chain, data):
    seq = data.draw(st.integers(1, 6))
    text = data.draw(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=40))
    before = event_at(seq).subject
    attacker(f"UPDATE {T} SET subject = %s WHERE chain = 'demo' AND seq = %s", text, seq)
    found = verify_chain(chain)
    attacker(f"UPDATE {T} SET subject = %s WHERE chain = 'demo' AND seq = %s", before, seq)
    assert found.seq == (None if text == before else seq)


def cut_with_its_head(attacker, keep: int) -> None:
    last = event_at(keep)
    attacker(f"DELETE FROM {T} WHERE chain = 'demo' AND seq > %s", keep)
    attacker(
        "UPDATE audit_audithead SET seq = %s, digest = %s, signature = %s WHERE chain = 'demo'",
        keep,
        last.digest,
        last.signature,
    )


def rechain(attacker, *, start: int, subject: str, sign=None) -> None:
    """Change event ``start`` and compute everything after it anew."""
    previous = event_at(start - 1).digest if start > 1 else GENESIS
    for seq in range(start, 7):
        event = event_at(seq)
        event.subject = subject if seq == start else event.subject
        event.previous_digest = previous
        event.digest = previous = digest(event)
        event.signature = sign(event.digest) if sign else event.signature
        attacker(
            f"UPDATE {T} SET subject = %s, previous_digest = %s, digest = %s, signature = %s "
            "WHERE chain = 'demo' AND seq = %s",
            event.subject,
            event.previous_digest,
            event.digest,
            event.signature,
            seq,
        )
    attacker(
        "UPDATE audit_audithead SET digest = %s, signature = %s WHERE chain = 'demo'",
        event.digest,
        event.signature,
    )


def test_an_event_written_while_the_chain_is_read_is_no_breach(chain, monkeypatch):
    """The head is read first: here it is older than the events by one."""
    heads = iter([AuditHead.objects.get(chain="demo")])
    with transaction.atomic():
        record(Action.AUDIT_READ, chain="demo", subject="audit:demo", by=None)
    real = selectors._head
    monkeypatch.setattr(selectors, "_head", lambda chain: next(heads, None) or real(chain))
    assert verify_chain("demo").intact
    assert next(heads, None) is None
