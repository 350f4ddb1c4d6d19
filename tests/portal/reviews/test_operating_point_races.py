"""Several processes decide on a cut-off at once, on both databases: one wins, all are told."""

from tests.portal.predictions.test_deciding_races import COUNT

SEED = """
from portal.predictions.version_services import deploy_model
from portal.reviews.services import Read, sign_review
from tests.factories import PASSWORD, make_model_version, make_site, make_user, scored_study
from tests.portal.reviews.signed_worlds import chosen_point
site = make_site("demo")
version = make_model_version()
deploy_model(site=site, version=version)
for n in range(4):
    reviewer = make_user(site, "reviewer", username=f"r{n}")
    made = make_user(site, "data_scientist", username=f"d{n}")
for presence, score in [("present", 0.8), ("absent", 0.3)] * 10:
    study = scored_study(site, presence, score)
    sign_review(study=study, read=Read(presence), password=PASSWORD, by=reviewer)
if PROPOSED:
    chosen_point(site, version, by=made, approved=False)
say(True)
"""
ACT = """
from portal.accounts.selectors import user_named
from portal.errors import PortalError
from portal.predictions.models import ModelVersion, OperatingPoint
from portal.reviews import operating_point_services as p
from tests.factories import PASSWORD
from tests.portal.reviews.signed_worlds import choice_of
name, act = sys.argv[1].split(":")
by, row, version = user_named(name), OperatingPoint.objects.first(), ModelVersion.objects.get()
said = {"password": PASSWORD, "by": by}
acts = {
    "propose": lambda: p.propose_operating_point(
        version=version, choice=choice_of(), why="x", **said
    ),
    "approve": lambda: p.approve_operating_point(point=row, **said),
    "withdraw": lambda: p.withdraw_operating_point(point=row, reason="x", by=by),
}
ready()
try:
    acts[act]()
    say("done")
except PortalError as refusal:
    say(refusal.code)
"""


def test_four_approve_at_once_and_one_signs(own_portal):
    own_portal.run("PROPOSED = True" + SEED)
    said = own_portal.race(ACT, [f"r{n}:approve" for n in range(4)])
    assert sorted(said) == ["done", *["operating_point_over"] * 3]
    said = own_portal.race(ACT, [f"r{n}:withdraw" for n in range(4)])
    assert sorted(said) == ["done", *["operating_point_over"] * 3]
    assert own_portal.run(COUNT)["broken"] == []


def test_four_propose_at_once_and_one_waits(own_portal):
    own_portal.run("PROPOSED = False" + SEED)
    said = own_portal.race(ACT, [f"d{n}:propose" for n in range(4)])
    assert sorted(said) == ["done", *["operating_point_waits"] * 3]
    assert own_portal.run(COUNT)["broken"] == []
