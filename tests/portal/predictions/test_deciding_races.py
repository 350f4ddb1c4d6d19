"""Several processes at once, on both databases: one wins, and everybody is told."""

SEED = """
from tests.factories import failed_study, make_model_version, make_site, make_user
from portal.predictions.deployment_services import propose_deployment
from portal.predictions.version_services import deploy_model
site = make_site("demo")
old, new = make_model_version(), make_model_version(reported=True, version="2.0.0")
deploy_model(site=site, version=old)
scientist = make_user(site, "data_scientist", username="scientist")
for n in range(4):
    make_user(site, "reviewer", "pacs_admin", username=f"r{n}")
propose_deployment(version=new, why="x", by=scientist)
failed_study(site)
say([old.pk, new.pk])
"""
ACT = """
from portal.accounts.selectors import user_named
from portal.errors import PortalError
from portal.predictions import deployment_services as d, operator_services as o
from portal.predictions import pause_services as p
from portal.predictions.models import ModelVersion, Prediction
name, act, subject = sys.argv[1].split(":")
by = user_named(name)
version = ModelVersion.objects.filter(version=subject).first()
prediction = Prediction.objects.filter(state="failed").first()
acts = {
    "approve": lambda: d.approve_deployment(version=version, by=by),
    "pause": lambda: p.pause_model(version=version, reason="x", by=by),
    "resume": lambda: p.resume_model(version=version, by=by),
    "retry": lambda: o.retry_prediction(prediction=prediction, by=by),
}
ready()
try:
    acts[act]()
    say("done")
except PortalError as refusal:
    say(refusal.code)
"""
COUNT = """
from collections import Counter
from portal.predictions.models import Deployment, Pause, Prediction
from portal.reviews.invariants import check_invariants
broken = [b for i in check_invariants() for b in i.breaches]
say({
    "deployments": sorted(
        f"{d.model_version.version} {d.status}" for d in Deployment.objects.all()
    ),
    "pauses": Pause.objects.count(),
    "predictions": dict(Counter(Prediction.objects.values_list("state", flat=True))),
    "broken": broken,
})
"""


def test_four_approve_at_once_and_one_does(own_portal):
    own_portal.run(SEED)
    said = own_portal.race(ACT, [f"r{n}:approve:2.0.0" for n in range(4)])
    assert sorted(said) == ["done", *["nothing_proposed"] * 3]
    counted = own_portal.run(COUNT)
    assert counted["deployments"] == ["1.0.0 replaced", "2.0.0 live"]
    assert counted["broken"] == []


def test_approve_against_pause_leaves_one_current_version_whoever_is_first(own_portal):
    own_portal.run(SEED)
    said = own_portal.race(
        ACT, ["r0:approve:2.0.0", "r1:pause:1.0.0", "r2:pause:1.0.0", "r3:approve:2.0.0"]
    )
    approvals, pauses = [said[0], said[3]], [said[1], said[2]]
    assert sorted(approvals) == ["done", "nothing_proposed"]
    assert sorted(pauses) in (["done", "model_not_live"], ["model_not_live"] * 2)
    counted = own_portal.run(COUNT)
    assert counted["deployments"] == ["1.0.0 replaced", "2.0.0 live"]
    assert counted["pauses"] == pauses.count("done")
    assert counted["broken"] == []


def test_four_pause_at_once_and_one_does(own_portal):
    own_portal.run(SEED)
    said = own_portal.race(ACT, [f"r{n}:pause:1.0.0" for n in range(4)])
    assert sorted(said) == ["done", *["model_not_live"] * 3]
    said = own_portal.race(ACT, [f"r{n}:resume:1.0.0" for n in range(4)])
    assert said.count("done") == 1
    assert set(said) <= {"done", "model_not_paused", "same_person"}
    counted = own_portal.run(COUNT)
    assert (counted["pauses"], counted["broken"]) == (1, [])


def test_four_retry_at_once_and_there_is_one_new_row(own_portal):
    own_portal.run(SEED)
    said = own_portal.race(ACT, [f"r{n}:retry:" for n in range(4)])
    assert sorted(said) == ["done", *["prediction_retried_already"] * 3]
    counted = own_portal.run(COUNT)
    assert counted["predictions"] == {"failed": 1, "queued": 1}
    assert counted["broken"] == []


REQUEST = """
from portal.accounts.selectors import user_named
from portal.predictions.pause_services import pause_model
from portal.predictions.models import ModelVersion
from portal.predictions.services import request_prediction
from tests.factories import make_instance, make_study
by, version = user_named("r0"), ModelVersion.objects.get(version="1.0.0")
instances = [make_instance(make_study(by.site, by=by)) for _ in range(0 if sys.argv[1] else 15)]
ready()
if sys.argv[1]:
    import time
    time.sleep(0.05)
    pause_model(version=version, reason="x", by=user_named(sys.argv[1]))
for instance in instances:
    request_prediction(instance=instance, by=by)
say(True)
"""


def test_what_is_asked_for_in_the_moment_of_a_pause_does_not_wait_for_ever(own_portal):
    own_portal.run(SEED)
    own_portal.race(REQUEST, ["", "", "", "r1"])
    assert set(own_portal.run(COUNT)["predictions"]) <= {"failed", "cancelled"}
    assert own_portal.run(COUNT)["broken"] == []
