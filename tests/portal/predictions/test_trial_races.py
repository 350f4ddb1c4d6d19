"""Several processes at once with a challenger, on both databases."""

SEED = """
from tests.factories import make_model_version, make_site, make_user, scored_study
from portal.predictions.challenger_services import start_shadow
from portal.predictions.deployment_services import approve_deployment, propose_deployment
from portal.predictions.version_services import deploy_model
site = make_site("demo")
old, new = make_model_version(), make_model_version(reported=True, version="2.0.0")
deploy_model(site=site, version=old)
scientist = make_user(site, "data_scientist", username="scientist")
make_user(site, "reviewer", username="reviewer")
chief = make_user(site, "reviewer", username="chief")
if sys.argv[1] == "canary":
    propose_deployment(version=new, why="x", share=50, by=scientist)
    approve_deployment(version=new, by=chief)
else:
    start_shadow(version=new, why="x", by=scientist)
    for _ in range(30):
        scored_study(site)
say(True)
"""
ASK = """
from portal.accounts.selectors import user_named
from portal.predictions.challenger_services import end_challenger
from portal.predictions.models import ModelVersion
from portal.predictions.services import request_prediction
from tests.factories import make_instance, make_study
by, version = user_named("reviewer"), ModelVersion.objects.get(version="2.0.0")
instances = [make_instance(make_study(by.site, by=by)) for _ in range(0 if sys.argv[1] else 15)]
ready()
if sys.argv[1]:
    import time
    time.sleep(0.05)
    end_challenger(version=version, reason="x", by=by)
for instance in instances:
    request_prediction(instance=instance, by=by)
say(True)
"""
COUNT = """
from collections import Counter
from portal.predictions.models import Prediction
from portal.reviews.invariants import check_invariants
rows = Prediction.objects.values_list("model_version__version", "state")
say({
    "states": Counter(f"{version} {state}" for version, state in rows),
    "broken": [b for i in check_invariants() for b in i.breaches],
})
"""
CLAIM = """
from datetime import timedelta
from portal.predictions.shadow_services import claim_in_shadow
ready()
mine = []
for _ in range(40):
    mine += claim_in_shadow(limit=3, lease=timedelta(minutes=5))
say([row.instance_id for row in mine])
"""


def test_what_is_asked_for_in_the_moment_a_canary_ends_does_not_wait_for_it(own_portal):
    own_portal.run(SEED, "canary")
    own_portal.race(ASK, ["", "", "", "end"])
    counted = own_portal.run(COUNT)
    assert sum(counted["states"].values()) == 45
    assert set(counted["states"]) <= {"1.0.0 queued", "2.0.0 cancelled"}
    assert counted["broken"] == []


def test_workers_that_claim_at_once_read_each_image_once_and_all_of_them(own_portal):
    own_portal.run(SEED, "shadow")
    claimed = [one for mine in own_portal.race(CLAIM, ["", "", "", ""]) for one in mine]
    assert len(claimed) == len(set(claimed)) == 30
