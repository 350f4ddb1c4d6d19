"""The demo's own reviews, with real processes: made up, read, signed, exported as labels."""

import csv

import pytest

from tests.chaos.harness import overread

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


def test_the_demo_signs_and_its_labels_are_exported_only_when_asked_for(bundle, tmp_path):
    with overread(tmp_path, bundle) as one:
        one.start("--demo", within=240)
        said = one.manage("sign_demo", "--studies", "6", "--url", one.origin)
        assert "6 studies signed by the demo's reviewer" in said
        export = ("export_labels", "--site", "demo", "--out")
        assert "every reader had seen the AI" in one.manage(*export, str(tmp_path / "none"))
        folder = tmp_path / "labels"
        assert ": 6 labels" in one.manage(*export, str(folder), "--include-after-ai")
        assert "BROKEN" not in one.manage("verify_audit")
    with (folder / "splits.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sorted(row["label"] for row in rows) == ["NORMAL"] * 3 + ["PNEUMONIA"] * 3
    assert {row["label_tier"] for row in rows} == {"after-ai"}
    assert all((folder / row["file"]).is_file() for row in rows)
