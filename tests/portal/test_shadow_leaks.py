"""What a challenger says in shadow reaches nobody: not as a number, and not as an order.

Every address of the product is read twice, while only what the challenger said of each image
changes in between: nothing that is told may change with it. Figures over many signed studies
may, for some; those who read are told nothing that changes with what it says of which study. The
addresses are those of the authorisation matrix, so a new one is here by itself.
"""

import io
import json
import re
import zipfile

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from portal.accounts.roles import Role
from portal.predictions.challenger_services import start_shadow
from portal.predictions.deployment_selectors import challenger_at
from portal.predictions.models import Prediction, ShadowScore
from portal.reviews.models import Review
from portal.studies.models import Instance
from portal.watch.selectors import Scope
from portal.watch.view_selectors import watched
from tests.authorisation.routes import address_of
from tests.authorisation.rows import ROWS, Row
from tests.authorisation.world import things_of
from tests.factories import make_model_version, make_user
from tests.portal.reviews.signed_worlds import sign_studies

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("portal_airlock")]
SAID = "123456789"
"""The digits of whatever the challenger says; nothing else has them."""
COMPARING = {"operating-point", "api:operating-points", "model-comparison", "api:comparison"}
"""They hold scores against what was signed, for whoever decides on models and nobody else."""
BY_STUDY = {"model-comparison", "api:comparison"}
"""Of these: they say so of single studies, for whoever compares and does not read."""
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
"""Of a set of signed studies with their scores: it names the set, and tells nothing of it."""
COMPARED = {"comparisons.json", "manifest.json", "manifest.sig"}
"""Of an evidence pack: the same, and what says that it is so."""
VERSION = {"version_id", "model_id"}
"""What an address calls a version: each is asked about the live one and the challenger."""
NOT_READ = {"healthz", "readyz", "metrics", "api:verify", "api:openapi", "api:docs"}
"""They know no study, or (the trail) only what people did."""
READ_BY_POST = {"worklist-rows", "api:search", "evidence-pack", "api:next"}
OF_THE_MOMENT = re.compile(
    r'name="csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"'
    r'|\d\d:\d\d(:\d\d)?(\.\d+)?|"(wait|run)_seconds":[\d.]+'
)
"""Tokens, what time it is, and how long something has waited."""
FIRST = [0.005 * place + 0.00123456789 for place in range(98)]
THEN = [0.99 - 0.005 * place + 0.00123456789 for place in range(98)]
"""What it says of each image, oldest first: once rising, once falling, and on the other side."""


def reading() -> list[Row]:
    """Return the rows of all that is read: each GET, and what is asked for by POST."""
    by_post = [row for row in ROWS if row.verb == "POST" and row.route in READ_BY_POST]
    return [row for row in ROWS if row.verb == "GET" and row.route not in NOT_READ] + by_post


@pytest.fixture
def world(site, data_scientist, reviewer):
    """All that there is to read at a site, among it a challenger in shadow."""
    things = things_of(site, reviewer, data_scientist)
    live = Prediction.objects.get(pk=things["prediction_id"]).model_version
    sign_studies(site, live, reviewer)
    tried = make_model_version(reported=True, version="5.0.0")
    start_shadow(version=tried, why="Better.", days=30, by=data_scientist)
    day = timezone.now().date()
    return things | {"panels": [one.slug for one in watched(Scope(site, live, day, day)).panels]}


def images(site):
    found = Instance.objects.filter(site=site).order_by("pk")
    assert 30 < len(found) < len(FIRST)
    return found


def say_in_shadow(site, numbers) -> None:
    """Let the challenger have said these numbers of the images of its site."""
    now, challenger = timezone.now(), challenger_at(site)
    for image, score in zip(images(site), numbers, strict=False):
        said = {"state": "done", "outcome": "scored", "score": score, "finished_at": now}
        ShadowScore.objects.update_or_create(
            deployment=challenger, instance=image, defaults={"lease_until": now} | said
        )


def say_of_others(site) -> None:
    """Let it say of each study what it said of one that was signed and read and taken alike."""
    alike: dict[tuple[str, ...], list[ShadowScore]] = {}
    for said in challenger_at(site).shadow_scores.order_by("pk"):
        review = Review.objects.filter(study=said.instance.series.study).last()
        scored = Prediction.objects.filter(instance=said.instance, outcome="scored")
        read_by = sorted(scored.values_list("model_version__version", flat=True))
        presence = review.finding.presence if review else ""
        alike.setdefault((presence, *read_by, str(said.instance.facts)), []).append(said)
    signed = [presence for (presence, *_), rows in alike.items() if presence and len(rows) > 10]
    assert {"present", "absent"} <= set(signed)
    for rows in alike.values():
        for row, score in zip(rows, [row.score for row in reversed(rows)], strict=True):
            ShadowScore.objects.filter(pk=row.pk).update(score=score)


def say_for_readers(site, numbers) -> None:
    """Let the live version have said these numbers: they are what everybody may read."""
    for image, score in zip(images(site), numbers, strict=False):
        Prediction.objects.filter(instance=image, outcome="scored").update(score=score)


def browser_of(site, *roles) -> Client:
    client = Client()
    client.force_login(make_user(site, *roles, username="somebody"))
    return client


def told_by(answer) -> str:
    """Return what an answer says, without what is of the moment."""
    content = answer.getvalue() if answer.streaming else answer.content
    if content.startswith(b"PK"):
        archive = zipfile.ZipFile(io.BytesIO(content))
        content = b"".join(
            archive.read(name) for name in archive.namelist() if name not in COMPARED
        )
    told = f"{answer.status_code} {answer.get('ETag')} {content.decode(errors='replace')}"
    return OF_THE_MOMENT.sub("", told)


def ask(client, row, things, query) -> str:
    """Return what a route tells a person; what asking has changed is taken back."""
    about = {name: which for name, which in row.about.items() if name not in VERSION}
    named = things | {name: things[which] for name, which in about.items()}
    sent = row.sent if row.form else json.dumps(row.sent)
    kind = {} if row.form else {"content_type": "application/json"}
    address = address_of(row.route, named) + query
    with transaction.atomic():
        answer = client.get(address) if row.verb == "GET" else client.post(address, sent, **kind)
        assert answer.status_code < 500, row.route
        told = told_by(answer)
        transaction.set_rollback(True)
    return told


def told_to(client, site, things) -> dict[str, str]:
    """Return what each route tells a person, of the live version and of the challenger."""
    told = {}
    for version in (things["live_version"], challenger_at(site).model_version_id):
        about = things | dict.fromkeys(("version_id", "model_id", "live_version"), version)
        for row in reading():
            query = f"?version={version}" if row.route.startswith("watch") else ""
            for panel in things["panels"] if row.route == "watch-table" else [""]:
                where = f"{row.route} {panel} of {version}"
                told[where] = ask(client, row, about | {"panel": panel}, query)
    return told


@pytest.mark.parametrize(
    ("roles", "comparing"),
    [
        (Role.values, COMPARING),
        (["reader"], set()),
        (["reviewer"], COMPARING),
        (["adjudicator"], COMPARING),
    ],
    ids=["everything", "reader", "reviewer", "adjudicator"],
)
def test_nothing_that_is_told_changes_with_what_it_says(site, world, roles, comparing):
    somebody = browser_of(site, *roles)
    say_in_shadow(site, FIRST)
    first = told_to(somebody, site, world)
    say_in_shadow(site, THEN)
    then = told_to(somebody, site, world)
    changed = {route.split()[0] for route in first if first[route] != then[route]}
    assert changed == comparing
    assert [route for route, told in (*first.items(), *then.items()) if SAID in told] == []


@pytest.mark.parametrize(
    ("roles", "by_study"),
    [
        (Role.values, set()),
        (["reviewer"], set()),
        (["adjudicator"], set()),
        (["data_scientist"], BY_STUDY),
        (["auditor"], BY_STUDY),
    ],
    ids=["everything", "reviewer", "adjudicator", "data scientist", "auditor"],
)
def test_who_reads_learns_of_no_study_what_it_says(site, world, roles, by_study):
    somebody = browser_of(site, *roles)
    say_in_shadow(site, FIRST)
    first = told_to(somebody, site, world)
    say_of_others(site)
    then = told_to(somebody, site, world)
    changed = {
        route.split()[0]
        for route in first
        if DIGEST.sub("", first[route]) != DIGEST.sub("", then[route])
    }
    assert changed == by_study


def test_what_the_live_version_says_is_told(site, world):
    """By the same look at the same routes, so that it would be seen of the challenger too."""
    somebody = browser_of(site, *Role.values)
    say_for_readers(site, FIRST)
    first = told_to(somebody, site, world)
    say_for_readers(site, THEN)
    then = told_to(somebody, site, world)
    changed = {route.split()[0] for route in first if first[route] != then[route]}
    assert {
        "study", "api:prediction", "api:results", "watch", "watch-table", "evidence-pack",
    } <= changed  # fmt: skip
    assert any(SAID in told for route, told in first.items() if route.startswith("api:results"))
