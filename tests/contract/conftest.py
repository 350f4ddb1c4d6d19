"""A whole Overread with two sites; what belongs to the other one is planted to be found."""

import json
from dataclasses import dataclass

import pytest

from tests.chaos.conftest import bundle
from tests.chaos.harness import PASSWORD, Overread, overread

__all__ = ["bundle"]
PEOPLE = (
    "uploader", "reader", "reviewer", "adjudicator", "auditor", "pacs_admin", "data_scientist",
    "site_admin",
)  # fmt: skip
PLANT = """
import json
from portal.accounts.services import create_site
from portal.predictions.models import ModelVersion
from portal.predictions.version_services import deploy_model
from portal.reviews.services import Read, sign_review
from portal.studies.models import Study
from tests.factories import (
    PASSWORD, failed_study, make_instance, make_model_version, make_prediction, make_study,
    make_user, scored_study,
)
from tests.reports import make_report
site = create_site(slug="canary-hospital", name="Canary Hospital")
runs = ModelVersion.objects.get()
waits = make_model_version(name=runs.name, version="0.0.2")  # no worker has its bundle
make_report(waits)
make_report(runs)
deploy_model(site=site, version=waits)
by = make_user(site, "reviewer", "uploader", username="canary-reviewer")
found = ["canary-", "Canary", "CANARY"]  # a model may be a canary too
names = {"patient_name": "Canary^Ada", "patient_id": "CANARY-P1", "accession_number": "CANARY-A1"}
waiting = make_study(site, by=by)
make_prediction(make_instance(waiting))
predictions = []
for study in (waiting, failed_study(site, by=by), scored_study(site, by=by)):
    Study.objects.filter(pk=study.pk).update(**names, study_description="Canary chest")
    instance = study.series.get().instances.get()
    predictions.append(str(instance.predictions.get().pk))
    found += [str(study), str(instance), instance.sha256, predictions[-1]]
read = Read("present", comment="canary-comment")
review = sign_review(study=study, read=read, password=PASSWORD, by=by)
foreign = {"study": str(study), "predictions": predictions, "review": review.pk}
print(json.dumps({"strings": found, "foreign": foreign, "runs": runs.pk, "waits": waits.pk}))
"""
WORK = """
import json, sys
from django.db import transaction
from portal.accounts.selectors import site_named
from portal.predictions.models import Prediction
from tests.factories import failed_study, make_instance, make_prediction, make_study
site, number, made = site_named("st-mary"), int(sys.argv[1]), {"failed": [], "queued": []}
for _ in range(number):
    with transaction.atomic():
        study = failed_study(site, code="gave_up")
        failed = Prediction.objects.get(instance__series__study=study)
        queued = make_prediction(make_instance(make_study(site)))
    made["failed"].append(str(failed.pk))
    made["queued"].append(str(queued.pk))
print(json.dumps(made))
"""
SIGN = """
from portal.accounts.models import User
from portal.accounts.selectors import site_named
from portal.reviews.services import Read, sign_review
from tests.factories import PASSWORD, make_user, scored_study
site = site_named("st-mary")
known = User.objects.filter(username="signer").first()
by = known or make_user(site, "reviewer", username="signer")
for presence, score in [] if known else [("present", 0.8), ("absent", 0.3)] * 10:
    study = scored_study(site, presence, score)
    sign_review(study=study, read=Read(presence), password=PASSWORD, by=by)
"""
ELSEWHERE = """
import json
from portal.accounts.selectors import site_named
from portal.predictions.models import Deployment, Pause, Prediction, Proposal
from portal.reviews.models import Finding
site = site_named("canary-hospital")
rows = [
    [
        {name: value for name, value in row.items() if name != "rung_at"}  # the sweep rings again
        for row in model.objects.filter(**{path: site}).order_by("pk").values()
    ]
    for model, path in (
        (Deployment, "site"), (Proposal, "site"), (Pause, "deployment__site"),
        (Prediction, "site"), (Finding, "study__site"),
    )
]
print(json.dumps(rows, default=str, sort_keys=True))
"""


@dataclass
class Contract:
    """The running product, tokens, and what nobody of the site may ever be told.

    ``runs`` is the id of the version that the worker can run, ``waits`` of one that no worker
    has: what is asked of it stays in the queue. Only the second one is live at the other site.
    """

    overread: Overread
    tokens: dict[str, str]
    document: dict
    canaries: list[str]
    foreign: dict
    runs: int
    waits: int

    def decide(self, act: str, model: int, by: str, **sent: str) -> int:
        """Return the status that somebody's decision on a version is answered with."""
        path = f"/api/v1/models/{model}/{act}"
        return self.overread.request("POST", path, self.tokens[by], json=sent).status_code

    def make_live(self, model: int) -> None:
        """Make a version live, whatever was decided before: what is so already is refused."""
        self.decide("resume", model, "site_admin")
        self.decide("propose", model, "data_scientist", why="So that the next test knows.")
        self.decide("approve", model, "site_admin")
        listed = self.overread.request("GET", "/api/v1/models", self.tokens["reader"]).json()
        assert {one["id"]: one["status"] for one in listed["models"]}[model] == "live"

    def work(self, number: int) -> dict[str, list[str]]:
        """Return new ``failed`` and ``queued`` predictions; that which waits is live then."""
        self.make_live(self.waits)
        return json.loads(self.overread.python(WORK, str(number)).splitlines()[-1])

    def sign_studies(self) -> None:
        """Sign enough studies to choose a cut-off on, of the version that waits and is live."""
        self.make_live(self.waits)
        self.overread.python(SIGN)

    def propose_cut_off(self) -> int:
        """Return the id of a cut-off that waits for a second signature."""
        path = f"/api/v1/models/{self.waits}/operating-point"
        sent = {"threshold": 0.4, "set_name": "Fuzz", "why": "x", "password": PASSWORD}
        sent |= {"since": "2020-01-01", "until": "9999-12-31"}
        answer = self.overread.request("POST", path, self.tokens["data_scientist"], json=sent)
        return answer.json()["id"]

    def elsewhere(self) -> str:
        """Return what the other site's rows hold."""
        return self.overread.python(ELSEWHERE).splitlines()[-1]


@pytest.fixture(scope="session")
def contract(bundle, tmp_path_factory):
    with overread(tmp_path_factory.mktemp("contract"), bundle) as one:
        one.start()
        tokens = one.people(*PEOPLE)
        planted = json.loads(one.python(PLANT).splitlines()[-1])
        document = one.request("GET", "/api/v1/openapi.json", tokens["reader"]).json()
        yield Contract(one, tokens, document, planted.pop("strings"), **planted)
        assert one.process.poll() is None, one.output()
        assert not one.said("Traceback"), one.output()
