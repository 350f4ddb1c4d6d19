"""What the plots of a report show as tables, the figures by view, the second hospital, notes."""

import pytest

from tests.portal.web.pages import at, prose_of
from tests.reports import POINTS, SPLITS, document, make_report, split

pytestmark = pytest.mark.django_db
MEASURED, UNTOLD = " What was measured ", "are not in the report of this version"


@pytest.fixture
def words(model_version, as_, reviewer):
    """Return a function that gives the words of the page about a version with a report."""

    def shown(**changes):
        make_report(model_version, **changes)
        return prose_of(as_(reviewer).get(at("model", model_version.pk)))

    return shown


def old_splits():
    """Return splits as reports had them before the points of the plots were kept."""
    old = {"auc_view_matched", "auc_view_matched_ci", *POINTS}
    return {key: {k: v for k, v in split(0.9).items() if k not in old} for key in SPLITS}


@pytest.mark.parametrize(
    "line",
    [
        "At most 10 % of the normal suggested sensitivity 0.000 sensitivity 0.000",
        "At most 15 % of the normal suggested sensitivity 0.998 from the score 0.400 sensitivity 0",
        "At most 100 % of the normal suggested sensitivity 1.000 from the score 0.010",
        "At least 85 % of the sick suggested precision 0.998 from the score 0.400 precision 0.957",
        "At least 90 % of the sick suggested precision 0.630 from the score 0.010",
        "0.00 to 0.50 radiographs 0 radiographs 0",
        "0.50 to 1.00 radiographs 618 mean score 0.830 with pneumonia 62.6 %",
    ],
)
def test_what_the_plots_show_stands_in_tables(words, line):
    found = words()
    assert line in found
    assert "What they show stands in the tables above, too." in found
    assert UNTOLD not in found


def test_a_report_without_the_points_does_not_claim_them(words):
    found = words(splits=old_splits())
    assert "What they show stands in the tables above" not in found
    assert UNTOLD in found
    assert "At most 15 %" not in found
    assert "Not measured" not in found  # they were measured, but not kept


@pytest.mark.parametrize("wrong", [None, {}, {"sensitivity": 3}, [1], "x"])
def test_points_of_another_kind_break_nothing(words, wrong):
    mixed = {"roc": wrong, "precision_recall": wrong, "reliability": [wrong, {"start": "x"}]}
    assert "At most 15 %" not in words(splits={"val": split(0.9) | mixed})


def test_the_figures_by_view_stand_beside_the_pooled_one(words):
    found = words().split(MEASURED, 1)[1]
    pooled, matched = "Area under the ROC curve 0.998", "each view and class weighted alike 0.993"
    views = [f"Area under the ROC curve, {view} films, gates off 0.968" for view in ("AP", "PA")]
    end = found.index("Average precision")
    assert all(found.index(one) < end for one in (pooled, matched, *views))


def test_an_old_report_has_the_figures_by_view_too(words):
    found = words(splits=old_splits()).split(MEASURED, 1)[1]
    assert "Area under the ROC curve, PA films, gates off 0.870" in found
    assert "weighted alike" not in found


def test_a_hospital_that_was_learned_from_is_no_untouched_one(words):
    images = {"images": {"train": 4166, "external_dev": 353}}
    found = words(training=document()["training"] | images)
    assert "Validation 618 radiographs" in found
    assert "Internal test 618 radiographs, 387 with pneumonia, 427 patients Second hosp" in found
    assert "The second hospital is no untouched one: the model learned" in found
    assert 'as the column "Second hospital" shows' in found
    assert "Another hospital" not in found


@pytest.mark.parametrize("images", [{"train": 9}, {"train": 9, "external_dev": 0}, "x"])
def test_a_hospital_that_was_not_learned_from_is_another_one(words, images):
    found = words(training=document()["training"] | {"images": images})
    assert "no untouched one" not in found
    assert "Another hospital 618 radiographs" in found


def test_what_people_wrote_about_the_version_stands_there(words):
    found = words(notes=["Look at <views>.", "Then at labels.", 7])
    assert "What to think of it Look at &lt;views&gt;. Then at labels. Plots" in found


@pytest.mark.parametrize("wrong", [None, [], "x", [7], {}])
def test_without_notes_there_is_no_heading(words, wrong):
    assert "What to think of it" not in words(notes=wrong)
