"""A whole Overread with two sites; what belongs to the other one is planted to be found."""

import json
from dataclasses import dataclass, field

import pytest

from tests.chaos.conftest import bundle
from tests.chaos.harness import Overread, overread

__all__ = ["bundle"]
PEOPLE = ("uploader", "reader", "reviewer", "adjudicator", "auditor", "pacs_admin")
PLANT = """
import json, sys
from portal.accounts.selectors import site_named
from portal.accounts.services import create_site, create_user
from portal.predictions.models import ModelVersion
from portal.predictions.version_services import deploy_model
from portal.reviews.services import Read, sign_review
from tests.factories import PASSWORD, failed_study, make_user, scored_study
site = create_site(slug="canary-hospital", name="Canary Hospital")
deploy_model(site=site, version=ModelVersion.objects.get())  # the one that the worker can run
by = make_user(site, "reviewer", "uploader", username="canary-reviewer")
found = ["canary", "Canary", "CANARY"]
names = {"patient_name": "Canary^Ada", "patient_id": "CANARY-P1", "accession_number": "CANARY-A1"}
from portal.studies.models import Study
for study in (scored_study(site, by=by), failed_study(site, by=by)):
    Study.objects.filter(pk=study.pk).update(**names, study_description="Canary chest")
    instance = study.series.get().instances.get()
    prediction = instance.predictions.get()
    found += [str(study), str(instance), instance.sha256, str(prediction.pk)]
review = sign_review(study=study, read=Read("absent", comment="canary"), password=PASSWORD, by=by)
print(json.dumps({
    "strings": found, "study": str(study), "prediction": str(prediction.pk), "review": review.pk,
}))
"""


@dataclass
class Contract:
    """The running product, tokens, and what nobody of the site may ever be told."""

    overread: Overread
    tokens: dict[str, str]
    document: dict
    canaries: list[str] = field(default_factory=list)
    foreign: dict = field(default_factory=dict)


@pytest.fixture(scope="session")
def contract(bundle, tmp_path_factory):
    with overread(tmp_path_factory.mktemp("contract"), bundle) as one:
        one.start()
        tokens = one.people(*PEOPLE)
        planted = json.loads(one.python(PLANT).splitlines()[-1])
        document = one.request("GET", "/api/v1/openapi.json", tokens["reader"]).json()
        yield Contract(one, tokens, document, planted.pop("strings"), planted)
        assert not one.said("Traceback"), one.output()
