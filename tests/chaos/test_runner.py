"""The seeded runner, small: nothing that was promised is lost, nothing is read twice."""

import os

import pytest

from tests.chaos.harness import overread
from tests.chaos.runner.killer import Faults
from tests.chaos.runner.run import Tier, run
from tests.chaos.servers import own_broker

pytestmark = [pytest.mark.services, pytest.mark.timeout(540)]
SEED = 20261124
SMALL = Tier()
STRUCK = ("worker", "all", "airlock child")
WITH_THE_MODEL = Tier(
    uploads=40,
    spread=40,
    faults=Faults(kills=3, freezes=1, memory_losses=0, full_stops=0, targets=STRUCK),
    lease=10,
    patience=90,  # each start loads the network: 5 s on a quiet machine, 30 s on a busy one
)


def test_300_uploads_and_12_kills_lose_nothing_and_double_nothing(bundle, tmp_path):
    """On PostgreSQL with a Redis of its own; else with the bundled Valkey."""
    with overread(tmp_path, bundle) as one:
        if os.environ.get("DATABASE_URL", "").startswith("postgres"):
            with own_broker(tmp_path / "redis") as broker:
                one.own_broker = broker
                one.env["REDIS_URL"] = broker.url
                report = run(one.start(), tmp_path / "ledger.jsonl", SEED, SMALL)
        else:
            report = run(one.start(), tmp_path / "ledger.jsonl", SEED, SMALL)
    print(report)
    assert report.breaches == [], f"{report}\n{one.output()[-20_000:]}"
    assert report.numbers["promises"] >= SMALL.uploads
    assert report.numbers["faults"] == 17


def test_the_real_model_killed_under_load_loses_nothing(tmp_path):
    with overread(tmp_path, None, OVERREAD_LEASE_SECONDS=str(WITH_THE_MODEL.lease)) as one:
        report = run(one.start(), tmp_path / "ledger.jsonl", SEED, WITH_THE_MODEL)
    print(report)
    assert report.breaches == [], f"{report}\n{one.output()[-20_000:]}"
    assert report.numbers["promises"] >= WITH_THE_MODEL.uploads
