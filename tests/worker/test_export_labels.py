"""Signed reviews become labels that `fit` reads: nobody is named, nobody's answer is the AI's."""

import csv
import io
import json
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from PIL import Image

from inference.airlock.client import Airlock
from inference.preprocess import squash
from inference.training.features import read_grey
from inference.training.splits import read_rows
from portal.audit.models import AuditEvent
from portal.predictions.challenger_services import start_shadow
from portal.predictions.models import ShadowScore
from portal.reviews.models import Finding, Review
from portal.studies.models import Instance
from tests.airlock_server import running
from tests.dicom_files import chest_pixels, child_chest
from tests.factories import make_instance, make_model_version, make_study, make_user
from tests.privacy.canaries import canaries, found
from worker.labels import COLUMNS, FolderNotEmpty, Wish, export_labels, split_of

pytestmark = pytest.mark.django_db
WORDS = canaries("labels")
SECRET = b"of one export"


@pytest.fixture(scope="module")
def airlock(tmp_path_factory):
    with running(tmp_path_factory.mktemp("labels") / "airlock.sock") as server:
        yield Airlock(server.socket)


@pytest.fixture
def folder(tmp_path):
    """Return where to: the data of the product lie in ``tmp_path`` too."""
    return tmp_path / "labels"


def signed(site, by, seed, presence, **more):
    """Return the signed review of a study with one small radiograph."""
    sick = presence == "present"
    pixels = (chest_pixels(seed, 96, 80) * (0.5 if sick else 0.9) + 1800 * sick).astype("uint16")
    elements = {
        "PatientName": WORDS["patient_name"],
        "PatientID": WORDS["patient_id"],
        "AccessionNumber": WORDS["accession_number"][:16],
        "PatientComments": WORDS["patient_comments"],
    } | more.pop("elements", {})
    patient = more.pop("patient", f"{WORDS['patient_id']}{seed}")
    study = make_study(
        site, patient_id=patient, patient_name=WORDS["patient_name"], patient_sex="F"
    )
    facts = {"view": "AP", "age_years": more.pop("age", 4.7)}
    make_instance(study, content=child_chest(pixels=pixels, **elements), facts=facts)
    for _ in range(more.pop("more_images", 0)):
        make_instance(study)
    said = {"stage": "before", "comment": WORDS["comment"]} | more
    finding = Finding.objects.create(study=study, reader=by, presence=presence, **said)
    return Review.objects.create(
        study=study, finding=finding, reviewer=by, reviewer_name="R", signed_at=timezone.now()
    )


def opened(file):
    """Return a picture whose file is closed again."""
    return Image.open(io.BytesIO(file.read_bytes()))


def listed(folder):
    with (folder / "splits.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def reads(site, reviewer):
    """Twenty blinded reads of ten patients, half of them of pneumonia."""
    for number in range(20):
        presence = ("absent", "present")[number % 2]
        signed(site, reviewer, number, presence, patient=f"{WORDS['patient_id']}{number % 10}")


def test_what_is_written_is_what_fit_reads(reads, site, airlock, folder):
    done = export_labels(Wish(site, folder), airlock, SECRET)
    rows = listed(folder)
    assert (done.labels, len(rows), list(rows[0])) == (20, 20, list(COLUMNS))
    read = read_rows(folder, needed=())
    assert sum(row.label for row in read) == 10
    assert {(row.age, row.sex, row.view, row.label_tier) for row in read} == {
        (4, "F", "AP", "blinded")
    }
    assert len({row.patient for row in read}) == 10


def test_what_a_challenger_said_changes_no_file(reads, site, airlock, folder, shipped):
    export_labels(Wish(site, folder / "before"), airlock, SECRET)
    challenger = start_shadow(
        version=make_model_version(reported=True, version="9.0.0"),
        why="Better.",
        by=make_user(site, "data_scientist"),
    )
    for place, image in enumerate(Instance.objects.order_by("pk")):
        ShadowScore.objects.create(
            deployment=challenger, instance=image, state="done", outcome="scored",
            score=0.04 * place, finished_at=timezone.now(), lease_until=timezone.now(),
        )  # fmt: skip
    export_labels(Wish(site, folder / "after"), airlock, SECRET)
    before, after = files_in(folder / "before"), files_in(folder / "after")
    assert len(before) > 20
    assert before == after


def files_in(folder):
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in found}


def test_a_patient_is_in_one_split_and_the_same_secret_gives_the_same(reads, site, airlock, folder):
    for name in ("one", "two"):
        export_labels(Wish(site, folder / name), airlock, SECRET)
    export_labels(Wish(site, folder / "three"), airlock)
    rows, again, other = (listed(folder / name) for name in ("one", "two", "three"))
    splits = {}
    for row in rows:
        splits.setdefault(row["patient"], set()).add((row["split"], row["fold"]))
    assert {len(one) for one in splits.values()} == {1}
    assert rows == again
    assert not {row["patient"] for row in rows} & {row["patient"] for row in other}


def test_of_a_hundred_patients_seventy_are_fitted():
    places = [split_of(number) for number in range(1000)]
    assert [places.count(name) for name in ("train", "val", "test_internal")] == [700, 200, 100]


def test_the_picture_is_what_the_classifier_sees_at_its_own_aspect(site, reviewer, airlock, folder):
    review = signed(site, reviewer, 1, "absent")
    export_labels(Wish(site, folder), airlock, SECRET)
    file = next((folder / "images").iterdir())
    from portal.studies.blobs import store

    instance = review.study.series.get().instances.get()
    decoded = airlock.decode(store.path(instance.sha256))
    assert opened(file).size == (80, 96)
    assert np.abs(squash(read_grey(file)) - decoded.pixels).max() < 1 / 128


def test_nobody_is_named_in_any_file(reads, site, airlock, folder):
    export_labels(Wish(site, folder), airlock, SECRET)
    files = [p for p in folder.rglob("*") if p.is_file()]
    places = [(str(p), p.read_bytes() + str(p).encode()) for p in files]
    assert len(places) == 22
    assert found(WORDS, places) == []
    rows = listed(folder)
    assert not any("reviewer" in value for row in rows for value in row.values())
    assert all(opened(p).info == {} for p in files if p.suffix == ".png")


def test_labels_of_those_who_saw_the_ai_are_left_out_unless_asked_for(
    site, reviewer, airlock, folder
):
    signed(site, reviewer, 1, "absent", stage="after")
    done = export_labels(Wish(site, folder / "without"), airlock)
    assert (done.labels, done.left_out) == (0, {"saw_the_ai": 1})
    assert listed(folder / "without") == []
    asked = Wish(site, folder / "with", include_after_ai=True)
    assert export_labels(asked, airlock).labels == 1
    (row,) = listed(folder / "with")
    assert (row["label_tier"], row["stage"]) == ("after-ai", "after")


@pytest.mark.parametrize(
    ("why", "more"),
    [
        ("indeterminate", {"presence": "indeterminate"}),
        ("several_images", {"more_images": 1}),
        ("burned_in_annotation", {"elements": {"BurnedInAnnotation": "YES"}}),
    ],
)
def test_what_is_no_label_is_counted(site, reviewer, airlock, folder, why, more):
    signed(site, reviewer, 1, **{"presence": "absent"} | more)
    signed(site, reviewer, 2, "present")
    done = export_labels(Wish(site, folder), airlock)
    assert (done.labels, done.left_out) == (1, {why: 1})
    said = json.loads((folder / "export.json").read_text())
    assert said["left_out"] == {why: 1}


def test_a_file_that_does_not_open_is_counted_by_its_code(site, reviewer, airlock, folder):
    study = make_study(site)
    make_instance(study)
    finding = Finding.objects.create(
        study=study, reader=reviewer, presence="absent", stage="before"
    )
    Review.objects.create(
        study=study, finding=finding, reviewer=reviewer, reviewer_name="R", signed_at=timezone.now()
    )
    done = export_labels(Wish(site, folder), airlock)
    assert (done.labels, sum(done.left_out.values())) == (0, 1)


def test_other_sites_and_days_are_not_exported(site, other_site, reviewer, airlock, folder):
    signed(other_site, make_user(other_site, "reviewer"), 1, "absent")
    signed(site, reviewer, 2, "absent")
    yesterday = timezone.now().date() - timedelta(days=1)
    assert export_labels(Wish(site, folder / "a", last=yesterday), airlock).labels == 0
    assert export_labels(Wish(site, folder / "b", first=yesterday), airlock).labels == 1


def test_the_adjudication_counts_and_who_is_very_old_is_ninety(site, reviewer, airlock, folder):
    review = signed(site, reviewer, 1, "absent", age=97.2)
    finding = Finding.objects.create(
        study=review.study, reader=reviewer, presence="present", stage="before",
        purpose="adjudication",
    )  # fmt: skip
    Review.objects.create(
        study=review.study, finding=finding, reviewer=reviewer, reviewer_name="R",
        signed_at=timezone.now(), purpose="adjudication",
    )  # fmt: skip
    export_labels(Wish(site, folder), airlock)
    (row,) = listed(folder)
    assert (row["label"], row["age"]) == ("PNEUMONIA", "90")


def test_the_export_is_in_the_trail(reads, site, airlock, folder):
    export_labels(Wish(site, folder), airlock)
    event = AuditEvent.objects.get(action="labels.exported")
    assert (event.chain, event.subject, event.actor) == ("demo", "site:demo", "")
    assert event.detail == {
        "event": "DCM 110106", "exported": 20, "left_out": {}, "include_after_ai": False,
    }  # fmt: skip


def test_a_folder_with_something_in_it_is_refused(site, airlock, folder):
    folder.mkdir()
    (folder / "x").touch()
    with pytest.raises(FolderNotEmpty):
        export_labels(Wish(site, folder), airlock)
    assert not AuditEvent.objects.filter(action="labels.exported").exists()


def test_the_command_says_plainly_that_all_had_seen_the_ai(
    site, reviewer, airlock, folder, settings
):
    settings.OVERREAD_AIRLOCK_SOCKET = airlock._socket_path
    signed(site, reviewer, 1, "absent", stage="after")
    said = io.StringIO()
    call_command("export_labels", "--site", "demo", "--out", str(folder / "a"), stdout=said)
    assert "left out, saw the ai: 1" in said.getvalue()
    assert "every reader had seen the AI" in said.getvalue()
    with pytest.raises(CommandError, match="not empty"):
        call_command("export_labels", "--site", "demo", "--out", str(folder / "a"))
