"""docs/refusals.md names every code of an upload, in the words of the code."""

import re
from pathlib import Path

from inference.airlock.refused import CATALOGUE as AIRLOCK
from portal.dicom.refusal import CATALOGUE
from portal.intake.settle import NO_LIVE_MODEL

TABLE = Path(__file__).resolve().parents[3] / "docs" / "refusals.md"


def rows() -> dict[str, tuple[str, str]]:
    """Return detail and remedy by code, as the document says."""
    found = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", TABLE.read_text(), re.MULTILINE)
    assert len(found) == len({code for code, _, _ in found}), "a code twice"
    return {code: (detail, remedy) for code, detail, remedy in found}


def expected() -> dict[str, tuple[str, str]]:
    airlock = {
        code: (words.detail, words.remedy)
        for code, words in AIRLOCK.items()
        if words.outcome == "refused"
    }
    return airlock | dict(CATALOGUE)


def test_the_document_has_every_code_and_no_other():
    assert set(rows()) == set(expected())


def test_the_document_has_the_words_of_the_code():
    assert rows() == expected()


def test_the_document_explains_an_accepted_file_without_a_prediction():
    assert f"`{NO_LIVE_MODEL}`" in TABLE.read_text()
