"""The round trip of docs/refit.md: signed reviews, their export, and a head fitted on them."""

import re
from itertools import count
from pathlib import Path

import pytest

from inference.training.__main__ import main
from inference.training.body import load_body
from inference.training.run import read_run
from tests.inference.training.conftest import base
from tests.worker.test_export_labels import airlock, signed
from worker.labels import Wish, _Alias, export_labels, split_of

__all__ = ["airlock", "base"]
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
DOCUMENT = Path(__file__).parents[2] / "docs" / "refit.md"
PATIENTS = [f"P{number}" for number in range(9)]


def secret_with(fewest):
    """Return a secret by which so many patients are fitted and chosen on."""
    for number in count():
        secret = bytes([number])
        splits = [split_of(_Alias(secret).number("split", f"patient {one}")) for one in PATIENTS]
        if min(splits.count("train"), splits.count("val")) >= fewest:
            return secret
    raise AssertionError("unreachable")


def test_a_head_is_fitted_on_exported_reviews(site, reviewer, airlock, base, tmp_path):
    for number, patient in enumerate(PATIENTS):
        for presence in ("absent", "present"):
            seed = 2 * number + (presence == "present")
            signed(site, reviewer, seed, presence, patient=patient)
    export_labels(Wish(site, tmp_path / "labels"), airlock, secret_with(3))
    found = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    (tmp_path / "head.toml").write_text(found[1])
    asked = ["--data", str(tmp_path / "labels"), "--recipe", str(tmp_path / "head.toml")]
    asked += ["--base-weights", str(base), "--out", str(tmp_path / "run")]
    assert main(["fit", *asked]) == 0
    run, before = read_run(tmp_path / "run"), load_body(str(base))
    assert run.record.images["train"] >= 6
    assert run.head.blocks == (4, 5)
    changes = [abs(run.body.weights[name] - one).max() for name, one in before.weights.items()]
    assert max(changes) < 1e-3  # what is shipped is rounded
