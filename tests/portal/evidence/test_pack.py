"""The pack: the same rows the same bytes, verified outside of Overread, and nobody named in it."""

import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from scipy.stats import binomtest

from portal.audit.models import AuditEvent
from portal.audit.services import Action, record_alone
from portal.errors import InvalidInput
from portal.evidence import verify
from portal.evidence.services import MayNotExport, export_evidence
from portal.predictions.pause_services import pause_model, resume_model
from portal.predictions.prevalence_services import enter_prevalence
from portal.reviews.models import Finding
from portal.studies.models import Study
from portal.watch.models import Alert
from portal.watch.selectors import Scope, monday
from portal.watch.services import acknowledge_alert
from tests.portal.reviews.signed_worlds import chosen_point, sign_studies
from tests.portal.watch.worlds import scanned
from tests.privacy.canaries import canaries, found
from tests.reports import make_report

pytestmark = pytest.mark.django_db
TODAY = timezone.now().date()
WORDS = canaries("evidence")


@pytest.fixture
def scope(site, deployed):
    return Scope(site, deployed, TODAY - timedelta(days=30), TODAY)


@pytest.fixture
def history(site, deployed, reviewer, data_scientist, site_admin):
    """Reads, a pause, an alert and its answer; the studies carry what names a patient."""
    make_report(deployed)
    at = timezone.now() - timedelta(minutes=1)
    for score, presence in ((0.9, "present"), (0.9, "absent"), (0.1, "absent"), (0.2, "present")):
        scanned(site, deployed, reviewer, at=at, score=score, presence=presence)
    Study.objects.update(
        patient_name=WORDS["patient_name"], patient_id=WORDS["patient_id"],
        accession_number=WORDS["accession_number"], patient_birth_date="2021-03-17",
        study_description=WORDS["study_description"],
    )  # fmt: skip
    enter_prevalence(share=0.2, basis="Counted.", by=data_scientist)
    for study in Study.objects.all():
        record_alone(
            Action.STUDY_OPENED, chain=site.slug, subject=f"study:{study.study_instance_uid}",
            by=reviewer, comment=WORDS["comment"],
        )  # fmt: skip
    pause_model(version=deployed, reason="Four false alarms.", by=reviewer)
    alert = Alert.objects.create(
        site=site, model_version=deployed, rule="failures", week=monday(TODAY),
        figures={"rate": 0.5, "bound": 0.05, "found": 30, "of": 60},
    )  # fmt: skip
    acknowledge_alert(alert=alert, act="model_paused", words="Paused.", by=reviewer)
    return alert


def made(scope, by=None):
    stream = io.BytesIO()
    export_evidence(scope=scope, to=stream, by=by)
    return stream.getvalue()


def opened(pack):
    archive = zipfile.ZipFile(io.BytesIO(pack))
    return {name: archive.read(name) for name in archive.namelist()}


def rewritten(pack, **changes):
    """Return the pack with members changed; None leaves one out."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in (opened(pack) | changes).items():
            if content is not None:
                archive.writestr(name, content)
    return stream.getvalue()


def verified(pack, tmp_path, *options):
    """Return the exit code and words of the script that lies in the pack, run alone."""
    (tmp_path / "pack.zip").write_bytes(pack)
    (tmp_path / "alone.py").write_bytes(opened(pack)["verify.py"])
    command = [sys.executable, "-I", "alone.py", "pack.zip", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_same_rows_give_the_same_bytes_and_others_others(history, scope, auditor, site_admin):
    first = made(scope, auditor)
    assert made(scope, auditor) == first
    assert made(scope) == first
    resume_model(version=scope.version, note="Mended.", by=site_admin)
    assert made(scope) != first


def test_one_changed_read_gives_other_bytes(history, scope, site, reviewer):
    first = made(scope)
    scanned(site, scope.version, reviewer, at=timezone.now(), score=0.9, presence="absent")
    assert Finding.objects.count() == 5
    assert opened(made(scope))["watch/overrides.csv"] != opened(first)["watch/overrides.csv"]


def test_what_is_in_it(history, scope):
    members = opened(made(scope))
    assert {
        "README.md", "manifest.json", "manifest.sig", "verify.py", "decisions.json",
        "audit/events.jsonl", "audit/audit.pub", "model/card.md", "model/report.json",
        "model/manifest.json", "model/operating_points.json", "model/pictures/network.png",
        "watch/watch.json", "watch/overrides.csv", "watch/calibration.csv",
    } <= set(members)  # fmt: skip
    decisions = json.loads(members["decisions.json"])
    assert decisions["pauses"][0]["reason"] == "Four false alarms."
    assert decisions["pauses"][0]["paused_by"] == "reviewer"
    assert decisions["acknowledgements"][0]["words"] == "Paused."
    assert decisions["deployments"][0]["model_version"]["is"] == str(scope.version)
    assert len(members["watch/overrides.csv"].splitlines()) == 3
    manifest = json.loads(members["manifest.json"])
    assert (manifest["site"], manifest["to"]) == ("demo", TODAY.isoformat())


def test_a_cut_off_of_the_site_is_in_it_with_its_figures_and_signatures(
    history, scope, site, reader
):
    sign_studies(site, scope.version, reader)
    point = chosen_point(site, scope.version)
    members = opened(made(scope))
    (told,) = json.loads(members["decisions.json"])["operating_points"]
    assert (told["threshold"], told["set_name"], told["why"]) == (0.4, "First spring", "Our own.")
    assert (told["proposed_by"], told["decided_by"]) == (
        point.proposed_by.username, point.decided_by.username,
    )  # fmt: skip
    assert (told["state"], told["note"], told["set_sha256"]) == (None, "Seen.", point.set_sha256)
    share = told["sensitivity"]
    theirs = binomtest(share["found"], share["of"]).proportion_ci(method="wilson")
    assert share["interval_95"] == pytest.approx([theirs.low, theirs.high])
    assert json.loads(members["model/operating_points.json"])["site"] == [told]
    approved = next(row for row in events(made(scope))
                    if row.get("action") == "operating_point.approved")  # fmt: skip
    assert approved["detail"]["operating_point"] == point.pk


def test_every_date_in_the_file_is_the_end_of_the_period(history, scope):
    infos = zipfile.ZipFile(io.BytesIO(made(scope))).infolist()
    assert {info.date_time[:3] for info in infos} == {(TODAY.year, TODAY.month, TODAY.day)}
    assert [info.filename for info in infos] == sorted(info.filename for info in infos)


def test_what_came_after_the_period_is_not_in_it(history, scope, site_admin):
    yesterday = Scope(scope.site, scope.version, scope.first, TODAY - timedelta(days=1))
    before = made(yesterday)
    assert json.loads(opened(before)["decisions.json"])["pauses"] == []
    assert opened(before)["audit/events.jsonl"] == b""
    resume_model(version=scope.version, note="Mended.", by=site_admin)
    assert made(yesterday) == before


def test_it_is_verified_outside_of_overread(history, scope, tmp_path, own_data_folder):
    pack = made(scope)
    code, words = verified(pack, tmp_path)
    assert (code, words.startswith("INTACT")) == (0, True), words
    assert verified(pack, tmp_path, "--public-key", str(own_data_folder / "keys/audit.pub"))[0] == 0


def test_another_hospitals_key_is_not_theirs(history, scope, tmp_path):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Ed25519PrivateKey.generate().public_key()
    (tmp_path / "other.pub").write_bytes(
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    code, words = verified(made(scope), tmp_path, "--public-key", "other.pub")
    assert code == 1
    assert "the manifest is not signed by this key" in words


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("watch/overrides.csv", lambda text: text + b"x", "overrides.csv was changed"),
        ("manifest.json", lambda text: text.replace(b"demo", b"demi"), "manifest is not signed"),
        ("decisions.json", lambda _: None, "members are not those"),
        ("extra.txt", lambda _: b"more", "members are not those"),
    ],
)
def test_what_is_tampered_with_is_found(history, scope, tmp_path, name, change, words):
    pack = made(scope)
    code, said = verified(rewritten(pack, **{name: change(opened(pack).get(name, b""))}), tmp_path)
    assert code == 1
    assert words in said


def events(pack):
    return [json.loads(line) for line in opened(pack)["audit/events.jsonl"].splitlines()]


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (lambda rows: rows.pop(2), "is missing"),
        (lambda rows: rows[-1]["detail"].update(words="Nothing."), "was changed"),
        (lambda rows: rows[1].update(digest="0" * 64), "does not follow"),
        (lambda rows: rows[1].update(signature="00" * 64), "is not signed"),
    ],
)
def test_a_changed_trail_is_found_although_the_manifest_would_agree(history, scope, tamper, words):
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pack = made(scope)
    key = load_pem_public_key(opened(pack)["audit/audit.pub"])
    rows = events(pack)
    assert list(verify.trail_problems([json.dumps(row) for row in rows], key)) == []
    tamper(rows)
    said = list(verify.trail_problems([json.dumps(row) for row in rows], key))
    assert any(words in one for one in said)


def test_events_about_the_model_are_whole_and_others_only_linked(history, scope):
    rows = events(made(scope))
    whole = {row["action"] for row in rows if "action" in row}
    assert whole >= {"model.paused", "alert.acknowledged", "prevalence.entered"}
    kinds = {"model", "alert", "prevalence", "widening", "operating_point"}
    assert {one.split(".")[0] for one in whole} <= kinds
    assert any("detail" not in row and "subject" not in row for row in rows)
    assert [row["seq"] for row in rows] == list(range(rows[0]["seq"], rows[-1]["seq"] + 1))


def test_no_patient_is_in_it(history, scope):
    members = opened(made(scope))
    places = list(members.items())
    assert found(WORDS, places) == []
    uids = Study.objects.values_list("study_instance_uid", flat=True)
    assert [uid for uid in uids for content in members.values() if uid.encode() in content] == []
    assert b"Seen before." not in b"".join(members.values())


def test_making_it_is_an_export_in_the_trail(history, scope, auditor):
    made(scope, auditor)
    event = AuditEvent.objects.get(action="evidence.exported")
    assert (event.actor, event.detail["event"]) == ("auditor", "DCM 110106")
    assert event.subject == f"model:{scope.version}"


@pytest.mark.parametrize("who", ["reviewer", "data_scientist", "site_admin"])
def test_whoever_may_not_read_the_trail_gets_none_of_it(scope, who, request):
    with pytest.raises(MayNotExport):
        made(scope, request.getfixturevalue(who))
    assert AuditEvent.objects.get(action="evidence.refused").actor == who


def test_an_auditor_of_another_site_gets_none(scope, other_site):
    from tests.factories import make_user

    with pytest.raises(MayNotExport):
        made(scope, make_user(other_site, "auditor"))


@pytest.mark.parametrize(("first", "last"), [(0, -1), (-800, 0), (0, 1)])
def test_days_that_are_none_are_refused(scope, first, last):
    days = (TODAY + timedelta(days=first), TODAY + timedelta(days=last))
    with pytest.raises(InvalidInput):
        made(Scope(scope.site, scope.version, *days))


def test_the_command_writes_what_the_page_sends(history, scope, client, auditor, tmp_path):
    client.force_login(auditor)
    days = {"first": scope.first.isoformat(), "last": scope.last.isoformat()}
    page = client.get(f"/models/{scope.version.pk}").text
    assert "Make the evidence pack" in page
    answer = client.post(f"/models/{scope.version.pk}/evidence", days)
    assert answer["Content-Type"] == "application/zip"
    sent = b"".join(answer.streaming_content)
    out, version = tmp_path / "pack.zip", scope.version
    asked = ["--site", "demo", "--model", f"{version.name}-{version.version}"]
    asked += ["--from", days["first"], "--to", days["last"], "--out", str(out)]
    call_command("evidence_pack", *asked)
    assert out.read_bytes() == sent
    with pytest.raises(CommandError, match="exists"):
        call_command("evidence_pack", *asked)
    known = f"no registered version other-1.0.0. These are: .*{version.name}-{version.version}"
    with pytest.raises(CommandError, match=known):
        call_command("evidence_pack", *asked, "--model", "other-1.0.0")


def test_a_reviewer_has_no_button_for_it(scope, client, reviewer):
    client.force_login(reviewer)
    assert "Make the evidence pack" not in client.get(f"/models/{scope.version.pk}").text
    assert client.post(f"/models/{scope.version.pk}/evidence").status_code == 403
