"""Several processes sign at once, on both databases: one wins, and everybody is told."""

from tests.portal.predictions.test_deciding_races import COUNT

SEED = """
from tests.factories import PASSWORD, make_model_version, make_site, make_user
from portal.predictions.version_services import deploy_model
from portal.predictions.wider import Wider
from portal.predictions.widening_services import propose_widening
site = make_site("demo")
version = make_model_version()
deploy_model(site=site, version=version)
for n in range(4):
    make_user(site, "reviewer", username=f"r{n}")
    made = make_user(site, "data_scientist", username=f"d{n}")
if PROPOSED:
    propose_widening(
        version=version, wider=Wider((0, 17)), why="x", password=PASSWORD, by=made
    )
say(True)
"""
ACT = """
from portal.accounts.selectors import user_named
from portal.errors import PortalError
from portal.predictions import widening_services as w
from portal.predictions.models import ModelVersion, Widening
from portal.predictions.wider import Wider
from tests.factories import PASSWORD
name, act = sys.argv[1].split(":")
by, row = user_named(name), Widening.objects.first()
said = {"password": PASSWORD, "by": by}
version = ModelVersion.objects.get()
acts = {
    "propose": lambda: w.propose_widening(
        version=version, wider=Wider((0, 17)), why="x", **said
    ),
    "approve": lambda: w.approve_widening(widening=row, **said),
    "withdraw": lambda: w.withdraw_widening(widening=row, reason="x", by=by),
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
    assert sorted(said) == ["done", *["widening_over"] * 3]
    said = own_portal.race(ACT, [f"r{n}:withdraw" for n in range(4)])
    assert sorted(said) == ["done", *["widening_over"] * 3]
    assert own_portal.run(COUNT)["broken"] == []


def test_four_propose_at_once_and_one_waits(own_portal):
    own_portal.run("PROPOSED = False" + SEED)
    said = own_portal.race(ACT, [f"d{n}:propose" for n in range(4)])
    assert sorted(said) == ["done", *["widening_waits"] * 3]
    assert own_portal.run(COUNT)["broken"] == []
