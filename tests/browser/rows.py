"""What the pages are looked at with: every state a page knows, at sites of their own.

It runs in a process of its own on the data of the product under test. The workers there cannot
run the versions that are live at these sites, so what waits goes on waiting.
"""

import json
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from portal.accounts.link_services import make_link
from portal.accounts.models import Site, User
from portal.accounts.people_services import disable_user
from portal.accounts.roles import Role
from portal.accounts.services import create_site, create_token, create_user
from portal.accounts.throttle_services import PER_NAME, Guess, take_guesses
from portal.predictions.challenger_services import start_shadow
from portal.predictions.deployment_selectors import challenger_at
from portal.predictions.deployment_services import (
    approve_deployment,
    decline_deployment,
    propose_deployment,
)
from portal.predictions.models import ModelVersion, Prediction, ShadowScore
from portal.predictions.pause_services import pause_model, resume_model
from portal.predictions.services import Answer, complete_prediction, fail_prediction
from portal.predictions.shadow_selectors import due_in_shadow
from portal.predictions.version_services import deploy_model
from portal.predictions.widening_selectors import widening_in_force
from portal.predictions.widening_services import approve_widening, propose_widening
from portal.predictions.wider import Wider
from portal.reviews.lease_selectors import LEASE
from portal.reviews.models import StudyLease
from portal.reviews.operating_point_services import (
    approve_operating_point,
    propose_operating_point,
)
from portal.reviews.services import Read, amend_review, sign_review
from portal.studies.models import Study
from portal.watch.models import Alert
from portal.watch.selectors import monday
from portal.watch.services import acknowledge_alert
from tests.chaos import radiographs
from tests.factories import (
    PASSWORD,
    make_instance,
    make_model_version,
    make_prediction,
    make_study,
    mapped,
    new_uid,
    start,
)
from tests.portal.reviews.signed_worlds import choice_of, sign_studies
from tests.portal.watch.worlds import scanned
from tests.reports import make_report

SITES = {
    "full": "The Royal Featherstonehaugh-Cholmondeley Memorial Hospital of St Mary and All Saints",
    "calm": "Calm Clinic",
    "halted": "Halted Hospital",
}
LONG_NAME = "Dr Wilhelmina-Alexandrina Featherstonehaugh-Cholmondeley-Majoribanks of Strathallan"
LONG_PATIENT = "Featherstonehaugh-Cholmondeley-Majoribanks^Alexandrina Wilhelmina Philippa^Wilma"
LONG_WORDS = "Four false alarms in a row on scanner 2, all with a line across the left lung. " * 4
SCANNERS = (
    ("Acme", "Ray 7"),
    ("Featherstonehaugh Imaging Works", "Portable Chest Unit with Grid"),
    ("Bolt", "DX-1"),
)
FAILURES = 52  # more than a page holds
REMEDY = (
    "Read the study without the AI. If a retry ends the same way, whoever runs the server has to "
    "look into the worker's log."
)
NOT_SCORED = {
    "not_applicable": (
        "age",
        "The patient is 71; the model reads ages 1 to 5.",
        "Read without AI.",
    ),
    "rejected_quality": ("too_dark", "The image is nearly black.", "Take it again."),
}


def prepare() -> None:
    """Make everything and print where it is, as JSON."""
    sites = {slug: create_site(slug=slug, name=name) for slug, name in SITES.items()}
    people = {slug: _people(site) for slug, site in sites.items()}
    _models(sites["full"], people["full"])
    paths = {f"study_{name}": uid for name, uid in _studies(sites["full"], people["full"]).items()}
    _failures(sites["full"])
    _watched(sites["full"], people["full"])
    paths["study_cut_off"] = _cut_offs(sites["full"], people["full"])
    _halted(sites["halted"], people["halted"])
    sessions = {
        f"{slug}.{role}": _session(user)
        for slug, some in people.items()
        for role, user in some.items()
    }
    for _ in range(PER_NAME.holds):
        take_guesses(Guess(PER_NAME, "throttled"))
    words = {"detail": "The database does not answer."}
    bodies = {name: render_to_string(f"{name}.html", words) for name in ("400", "500", "503")}
    paths |= _doors(sites["full"]) | _addresses(people)
    print(json.dumps({"paths": paths, "sessions": sessions, "bodies": bodies}))


def _people(site: Site) -> dict[str, User]:
    """Return a person for each role; the reviewer of the full site has a long name."""
    make = partial(create_user, site=site, password=PASSWORD)
    people = {
        role: make(username=f"{site.slug}.{role}", roles=[role], name=f"Dr {role}".title())
        for role in ("reader", "reviewer", "uploader", "auditor", "pacs_admin", "data_scientist")
    }
    people["site_admin"] = make(username=f"{site.slug}.site_admin", roles=["site_admin"])
    if site.slug == "full":
        name = f"{site.slug}.{'very-long-username-' * 3}"
        people["long"] = make(username=name, roles=list(Role.values), name=LONG_NAME)
    return people


def _session(user: User) -> str:
    browser = Client()
    browser.force_login(user)
    return browser.cookies["session"].value


def _doors(site: Site) -> dict[str, str]:
    """Return the paths of one-time links, and leave accounts in every state."""
    alive, gone = (
        create_user(username=f"{site.slug}.{name}", site=site, roles=["reader"])
        for name in ("invited", "late")
    )
    left = create_user(username=f"{site.slug}.left", site=site, roles=["uploader"])
    disable_user(user=left, by=User.objects.get(username=f"{site.slug}.site_admin"))
    link, dead = make_link(user=alive), make_link(user=gone)
    User.objects.filter(pk=gone.pk).update(link_expires_at=timezone.now() - timedelta(days=1))
    link, dead = (urlsplit(one).path for one in (link, dead))
    return {"link": link, "dead_link": dead, "left": str(left.pk), "late": str(gone.pk)}


def _addresses(people: dict[str, dict[str, User]]) -> dict[str, str]:
    admin, reader = people["full"]["site_admin"], people["full"]["long"]
    create_token(user=reader, lasts=timedelta(days=30))
    return {
        "self": str(admin.pk),
        "person": str(reader.pk),
        "live": str(ModelVersion.objects.get(version="1.0.0").pk),
        "free": str(ModelVersion.objects.get(version="4.0.0").pk),
        "tried": str(ModelVersion.objects.get(version="5.0.0").pk),
        "proposed": str(ModelVersion.objects.get(version="2.0.0").pk),
    }


# ---------------------------------------------------------------------- studies


def _image(study: Study, seed: int, **fields: Any) -> Any:
    side = radiographs.SIDE
    content = radiographs.dicom(seed)
    return make_instance(study, content=content, rows=side, columns=side, **fields)


def _asked(site: Site, seed: int, **fields: Any) -> tuple[Study, Prediction]:
    """Return a study with a picture that waits for the machine."""
    fields = {"patient_name": f"Test^Child {seed}", "accession_number": f"A{seed:06}"} | fields
    study = make_study(site, **fields)
    return study, make_prediction(_image(study, seed))


def _ended(site: Site, seed: int, answer: Answer, **fields: Any) -> Study:
    study, prediction = _asked(site, seed, **fields)
    if answer.outcome == "failed":
        fail_prediction(start(prediction), answer)
    else:
        complete_prediction(start(prediction), answer)
    return study


def _scored(site: Site, seed: int, score: float = 0.87, **fields: Any) -> Study:
    finding = "present" if score >= 0.5 else "absent"
    answer = Answer("scored", score=score, finding=finding, unknown=("view", "patient_age"))
    return _ended(site, seed, answer, **fields)


def _studies(site: Site, people: dict[str, User]) -> dict[str, str]:
    """Return the UID of a study in each state."""
    long = {
        "patient_name": LONG_PATIENT,
        "patient_id": "P" * 64,
        "accession_number": "A" * 16,
        "study_description": "Thorax in two planes, supine, portable, after placing the line",
    }
    rows = {
        "long": _scored(site, 1, **long, patient_sex="F", study_date="2024-06-01"),
        "absent": _scored(site, 2, 0.03),
        "failed": _ended(site, 3, _gave_up()),
        "several": _several(site),
        "without": make_study(site, patient_id="WITHOUT", patient_name=""),
        "signed": _scored(site, 5),
        "overridden": _scored(site, 6),
        "amended": _scored(site, 7),
        "mine": _scored(site, 8),
        "held": _scored(site, 9),
        "widened": _widened(site),
        "mapped": _ended(site, 18, mapped()),
    }
    _image(rows["without"], 10)
    _image(rows["mapped"], 19)
    for number, (outcome, (code, detail, remedy)) in enumerate(NOT_SCORED.items()):
        answer = Answer(outcome, code=code, detail=detail, remedy=remedy)
        rows[outcome] = _ended(site, 11 + number, answer)
    rows["queued"], _ = _asked(site, 13)
    rows["running"], prediction = _asked(site, 14)
    start(prediction, lease=timedelta(days=1))
    _read(rows, people)
    return {name: study.study_instance_uid for name, study in rows.items()}


def _gave_up(detail: str = "The worker was lost 3 times while it read this image.") -> Answer:
    return Answer("failed", code="gave_up", detail=detail, remedy=REMEDY)


def _widened(site: Site) -> Study:
    """Return a study that is scored only because the site has signed for it."""
    row = widening_in_force(site, ModelVersion.objects.get(version="1.0.0"))
    assert row is not None
    outside = {"outside_use": ["view_not_frontal", "age_outside_range"]}
    answer = Answer("scored", score=0.4, finding="absent", provenance=outside, widening=row.pk)
    return _ended(site, 17, answer)


def _several(site: Site) -> Study:
    """Return a study with a scored image, one that is out of scope and one nobody has read."""
    study = _scored(site, 4, patient_name="Several^Images")
    code, detail, remedy = NOT_SCORED["not_applicable"]
    answer = Answer("not_applicable", code=code, detail=detail, remedy=remedy)
    complete_prediction(start(make_prediction(_image(study, 15))), answer)
    make_prediction(_image(study, 16))
    return study


def _read(rows: dict[str, Study], people: dict[str, User]) -> None:
    """Sign some, and have others in hand."""
    by, other = people["reviewer"], people["long"]
    sign = partial(sign_review, password=PASSWORD, by=by)
    sign(study=rows["signed"], read=Read("present", confidence=5))
    sign(study=rows["overridden"], read=Read("absent", "OTHER", LONG_WORDS, 2))
    first = sign(study=rows["amended"], read=Read("absent", "FP_atelectasis", "Seen before.", 3))
    amend_review(
        review=first,
        read=Read("present", comment="The lateral view decides."),
        amend_reason=LONG_WORDS,
        password=PASSWORD,
        by=by,
    )
    for name, reader in (("mine", by), ("held", other)):
        StudyLease.objects.create(study=rows[name], reader=reader, until=timezone.now() + LEASE)


# ---------------------------------------------------------------------- models, failed work


def _models(site: Site, people: dict[str, User]) -> None:
    """Leave a history, two proposals that wait and one that was declined."""
    before, live = make_model_version(version="0.9.0"), make_model_version()
    make_report(live)
    deploy_model(site=site, version=before)
    propose_deployment(version=live, why="It was measured.", by=people["data_scientist"])
    approve_deployment(version=live, by=people["reviewer"])
    pause_model(version=live, reason=LONG_WORDS, by=people["reviewer"])
    resume_model(version=live, note="The line was removed.", by=people["long"])
    versions = [make_model_version(version=f"{number}.0.0") for number in (2, 3, 4)]
    make_report(versions[2])
    make_report(versions[1])
    make_report(versions[0], splits={}, training={}, aims=[{"aim": LONG_WORDS}], strangers=None)
    by = people["data_scientist"]
    for version in versions[:2]:
        propose_deployment(version=version, why="Fewer false alarms on our radiographs.", by=by)
    decline_deployment(version=versions[1], reason=LONG_WORDS, by=people["long"])
    propose_deployment(version=versions[1], why=LONG_WORDS, by=people["long"])
    _widenings(site, live, people)
    tried = make_model_version(reported=True, version="5.0.0")
    start_shadow(version=tried, why=LONG_WORDS, days=60, by=people["data_scientist"])


def _widenings(site: Site, live: ModelVersion, people: dict[str, User]) -> None:
    """Leave one that is in force, one that waits and one that was replaced."""
    wider = Wider((0, 130), ("RG", "OT"), ("THORAX",), ("LL", "LATERAL"))
    for why in ("Our own 400.", LONG_WORDS):
        row = propose_widening(
            version=live, wider=wider, why=why, password=PASSWORD, by=people["data_scientist"]
        )
        approve_widening(widening=row, note=why, password=PASSWORD, by=people["long"])
    propose_widening(
        version=live, wider=Wider((0, 17)), why=LONG_WORDS, password=PASSWORD, by=people["long"]
    )
    assert widening_in_force(site, live) == row


def _failures(site: Site) -> None:
    for number in range(FAILURES):
        study = make_study(site, patient_name=f"Failed^{number}")
        fail_prediction(start(make_prediction(make_instance(study))), _gave_up())
    study = make_study(site, patient_name=LONG_PATIENT, patient_id="F" * 64)
    answer = Answer("failed", code="pixels_undecodable", detail="The pixels do not decode.")
    fail_prediction(start(make_prediction(make_instance(study))), answer)


def _watched(site: Site, people: dict[str, User]) -> None:
    """Leave answers of six weeks, half of them read, and alerts of which one is answered."""
    live = ModelVersion.objects.get(version="1.0.0")
    make_report(live)
    now, week = timezone.now(), monday(timezone.now().date())
    for number in range(90):
        more = {"score": (number * 37 % 100) / 100, "scanner": SCANNERS[number % 3]}
        more |= {"view": ("AP", "PA")[number % 2], "age": float(number)}
        if number % 2:
            more["presence"] = ("present", "absent")[number % 3 == 0]
        scanned(site, live, people["uploader"], at=now - timedelta(days=number / 2), **more)
    figures = {"rate": 0.4, "before": 0.1, "overridden": 10, "read": 25, "read_before": 50}
    alerts = [
        Alert.objects.create(
            site=site, model_version=live, rule="overrides", scanner=" ".join(scanner),
            week=week, figures=figures,
        )
        for scanner in SCANNERS
    ]  # fmt: skip
    acknowledge_alert(alert=alerts[0], act="watched", words=LONG_WORDS, by=people["long"])
    _read_in_shadow(site, now)


def _read_in_shadow(site: Site, now: datetime) -> None:
    """Leave what the challenger says, which is seldom what the live version said."""
    challenger = challenger_at(site)
    assert challenger is not None
    for row in due_in_shadow(challenger):
        scored = row.score is not None
        said = {"outcome": "scored", "score": 1 - row.score} if scored else {
            "outcome": "not_applicable", "code": "view_not_frontal",
        }  # fmt: skip
        ShadowScore.objects.create(
            deployment=challenger, instance_id=row.instance_id, state="done",
            lease_until=now, finished_at=now, **said,
        )  # fmt: skip


def _cut_offs(site: Site, people: dict[str, User]) -> str:
    """Leave one in force and one that waits; return the UID of a study that is held against it."""
    live, proposed = (ModelVersion.objects.get(version=f"{number}.0.0") for number in (1, 2))
    by, other = people["data_scientist"], people["long"]
    sign_studies(site, proposed, people["uploader"])
    for why in ("A missed pneumonia costs more here.", LONG_WORDS):
        choice = choice_of(0.35, "Signed since the spring, all three scanners")
        said = {"why": why, "password": PASSWORD, "by": by}
        row = propose_operating_point(version=live, choice=choice, **said)
        approve_operating_point(point=row, note=why, password=PASSWORD, by=other)
    said = {"why": LONG_WORDS, "password": PASSWORD, "by": other}
    propose_operating_point(version=proposed, choice=choice_of(0.4, "N" * 120), **said)
    return _scored(site, 22, 0.42).study_instance_uid


def _halted(site: Site, people: dict[str, User]) -> None:
    """Leave a model that is paused, and a study that waited for it."""
    _scored(site, 20)
    _asked(site, 21, study_instance_uid=new_uid())
    live = ModelVersion.objects.get(version="1.0.0")
    pause_model(version=live, reason=LONG_WORDS, by=people["reviewer"])
