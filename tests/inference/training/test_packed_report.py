"""What `pack` sets beside its own figures."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from inference.training import packed_report
from inference.training.pack import Wish
from inference.training.packed_report import article_seconds_of
from inference.training.splits import BadData, Row

ROWS = [Row(Path(f"{index}.png"), index % 2, "train", f"P{index}") for index in range(10)]


def wish(**changes):
    return Wish(Path("run"), Path("data"), Path("out"), "model", "0.0.1", **changes)


@pytest.fixture(autouse=True)
def _article(monkeypatch):
    record = SimpleNamespace(images={"train": 10}, seconds_an_epoch=1260.0)
    monkeypatch.setattr(packed_report, "read_run", lambda _: SimpleNamespace(record=record))


def test_an_epoch_of_the_article_is_told_if_there_is_one():
    assert article_seconds_of(wish(), ROWS) is None
    assert article_seconds_of(wish(article_run=Path("article")), ROWS) == 1260.0


@pytest.mark.parametrize(("rows", "limit"), [(ROWS[:6], None), (ROWS, 6), (ROWS * 2, None)])
def test_an_epoch_on_another_number_of_radiographs_is_refused(rows, limit):
    with pytest.raises(BadData, match="fitted 10 radiographs, where train has"):
        article_seconds_of(wish(article_run=Path("article"), limit=limit), rows)
