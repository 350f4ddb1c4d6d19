"""Restarts in order, while uploads come in: nobody is turned away, nothing is lost."""

import pytest

from tests.chaos.harness import overread
from tests.chaos.runner.killer import Blow
from tests.chaos.runner.run import Tier, run

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]
ROUND = (
    Blow(2, "reload", "web"),
    Blow(5, "end", "worker"),
    Blow(8, "end", "general"),
    Blow(11, "end", "airlock"),
    Blow(14, "end", "web"),
)


def test_each_process_is_restarted_in_turn_under_load(bundle, tmp_path):
    tier = Tier(uploads=60, spread=18)
    with overread(tmp_path, bundle) as one:
        report = run(one.start(), tmp_path / "ledger.jsonl", 1, tier, ROUND)
        assert report.breaches == [], f"{report}\n{one.output()[-20_000:]}"
    print(report)
    assert report.numbers["faults"] == len(ROUND)
    assert set(report.answers) <= {"202", "503", "ConnectionError"}
    assert report.numbers["given up"] == 0
