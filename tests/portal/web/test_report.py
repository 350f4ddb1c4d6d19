"""The report of a model version on the page about it, and its pictures."""

import re

import pytest

from portal.predictions.version_services import deploy_model
from tests.factories import make_model_version
from tests.portal.web.pages import at, prose_of, text_of
from tests.reports import document, make_report, pictures, split

pytestmark = pytest.mark.django_db
HEADS = "Validation {0} Internal test {0} Another hospital {0} Official test at 28 px {0}"


@pytest.fixture
def page(model_version, as_, reviewer):
    """Return a function that gives the page about a version with a report."""

    def shown(**changes):
        make_report(model_version, **changes)
        return as_(reviewer).get(at("model", model_version.pk))

    return shown


def line(words: str, label: str, after: str = "What was measured") -> str:
    """Return what a table says beside ``label``."""
    return words.split(f" {after} ", 1)[1].split(f" {label} ", 1)[1][:300]


def test_the_figures_of_other_hospitals_stand_beside_those_of_ones_own(page):
    words = prose_of(page())
    counts = "618 radiographs, 387 with pneumonia, 427 patients"
    assert HEADS.format(counts) in words
    auc = "0.998 (0.978 to 1.018) 0.957 (0.937 to 0.977) 0.602 (0.582 to 0.622) 0.911 (0.891 to"
    assert line(words, "Area under the ROC curve").startswith(auc)
    at_95 = "0.878 (0.858 to 0.898) 0.837 (0.817 to 0.857) 0.482 (0.462 to 0.502) 0.791"
    assert line(words, "Specificity at 95 % sensitivity").startswith(at_95)


@pytest.mark.parametrize("table", ["With the gates off", "Subgroups", "Floors", "Shortcuts"])
def test_every_table_has_a_column_for_each_split(page, table):
    text = text_of(page())
    found = re.search(rf'aria-label="{table}".*?</table>', text, re.S)
    assert found
    heads = re.findall(r'<th scope="col">([^<]*)', found[0])
    assert heads == [
        "Figure", "Validation", "Internal test", "Another hospital", "Official test at 28 px",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ("Where 5 % have pneumonia", "positive 0.180 (0.150 to 0.220) negative 0.999 (0.998 to 1"),
        ("Where 74.1 % have pneumonia", "positive 0.180"),
        ("All that were refused", "3 of 618 3 of 618 3 of 618 3 of 618"),
        ("Outcome: rejected quality", "1 1 1 1"),
        ("Reason: not a chest", "2 2 2 2"),
        ("subtype: bacteria", "radiographs 618 AUC 0.968 (0.948 to 0.988) sensitivity 0.950 (0.93"),
        ("JPEG, quality 30", "radiographs 6 mean change 0.016 largest change 0.061 c"),
        ("half the size", "radiographs 6 mean change 0.016"),
        ("Native size against the copy measured", "radiographs 40 mean change"),
        ("bytes per pixel", "0.162 (0.129 to 0.199)"),
        ("Logistic regression on 32 x 32 thumbnails, AUC", "0.911 0.911"),
        ("Pneumonia, not suggested", "6 6 6 6"),
        ("0.00 to 0.05", "normal 33 pneumonia 2"),
        ("0.95 to 1.00", "normal 18 pneumonia 349"),
    ],
)
def test_each_figure_is_there_as_text(page, label, says):
    assert line(prose_of(page()), label).startswith(says)


def test_with_the_gates_off_the_figures_are_others(page):
    words = prose_of(page())
    found = line(words, "Area under the ROC curve", after="With the gates off")
    assert found.startswith("0.988 (0.968 to 1.008) 0.947")


def test_aims_stand_beside_what_was_measured(page):
    words = prose_of(page())
    assert "AUC, another hospital at least 0.80 0.602 (0.582 to 0.622) Not met" in words
    assert "AUC, internal test 0.95 0.957 Met" in words
    assert "Seconds a study at most 2 not measured Open" in words


def test_training_strangers_and_gates_are_told(page):
    words = prose_of(page())
    assert "Recipe two stages About Head first, then the last block. Body ImageNet" in words
    assert "Radiographs train 4,166; val 1,040" in words
    assert "Seconds an epoch 321.4 Seconds features 812; fit 1930.5" in words
    assert "Interval of the cut-off 0.4400 to 0.5700 around 0.5000" in words
    assert "188 of 200 refused: photographs and radiographs of hands" in words
    assert "least contrast 0.04 sides 64, 4,096" in words
    assert "Epoch loss accuracy loss, validation AUC, validation 1 0.61 0.7 0.61 0.8" in words
    assert "3 0.33 0.9 0.33 0.95" in words


def test_the_speed_of_the_article_stands_beside_ours(page):
    training = document()["training"] | {"article_seconds_an_epoch": 400}
    assert "321.4 (by the article: 400)" in prose_of(page(training=training))


def test_every_picture_is_shown_lazily_with_words_instead_of_it(page, model_version):
    text = text_of(page())
    images = re.findall(r'<img src="([^"]+)" alt="([^"]+)" loading="lazy"', text)
    shown = {src.split("?")[0] for src, _ in images}
    assert shown == {at("model-picture", model_version.pk, n[:-4]) for n in pictures()}
    assert len({alt for _, alt in images}) == len(images)
    assert "Internal test: AUC 0.957 (0.937 to 0.977); sensitivity 0.950" in text
    assert "Another hospital: calibration error 0.070 (0.050 to 0.090)" in text
    assert "381 found, 6 missed, 54 false alarms, 177 rightly not suggested" in text


def test_the_page_about_the_live_model_shows_it_too(site, model_version, as_, reviewer):
    make_report(model_version)
    deploy_model(site=site, version=model_version)
    assert "Specificity at 95 % sensitivity" in prose_of(as_(reviewer).get(at("about")))


def test_what_the_report_lacks_was_not_measured(page):
    words = prose_of(page(splits={"val": split(0.9)}))
    auc = "0.900 (0.880 to 0.920) not measured not measured not measured"
    assert line(words, "Area under the ROC curve").startswith(auc)
    assert line(words, "Reason: not a chest").startswith("2 not measured not measured")


def test_parts_that_no_split_has_are_named(page):
    bare = {name: one for name, one in split(0.9).items() if name not in {"parity", "subgroups"}}
    words = prose_of(page(splits={"val": bare}, strangers=None))
    assert "Not measured: Subgroups; The same picture in two sizes." in words
    assert "no chest radiographs Not measured." in words


def test_nothing_is_missing_in_a_whole_report(page):
    assert "Not measured" not in prose_of(page())


def test_a_reason_that_one_splits_gates_never_gave_is_0_there(page):
    other = split(0.8)
    other["refused"] = {"n": 0, "by_outcome": {}, "by_reason": {}}
    words = prose_of(page(splits={"val": split(0.9), "test_internal": other}))
    assert line(words, "Reason: not a chest").startswith("2 0 not measured not measured")


@pytest.mark.parametrize("wrong", [None, [], "x", 7, True, {"x": [1]}])
def test_parts_of_another_kind_break_nothing(page, wrong):
    parts = ("splits", "training", "threshold", "calibration", "gates", "strangers", "aims")
    assert page(**dict.fromkeys(parts, wrong)).status_code == 200


@pytest.mark.parametrize("wrong", [None, [], [1], "x", 7, True, {"x": [1]}])
def test_parts_of_a_split_of_another_kind_break_nothing(page, wrong):
    assert page(splits={"val": dict.fromkeys(split(0.9), wrong)}).status_code == 200


def test_the_words_of_a_report_are_escaped(page):
    aims = [{"figure": "<script>", "aim": "<b>", "measured": "<i>", "met": True}]
    assert "&lt;script&gt; &lt;b&gt; &lt;i&gt; Met" in prose_of(page(aims=aims))


def test_without_a_report_the_page_shows_the_manifest(model_version, as_, reviewer):
    response = as_(reviewer).get(at("model", model_version.pk))
    words = prose_of(response)
    assert "Floors" not in words
    assert "Area under the ROC curve not measured not measured not measured" in words
    assert "<img" not in text_of(response)


class TestThePictures:
    @pytest.fixture
    def address(self, model_version):
        make_report(model_version)
        return at("model-picture", model_version.pk, "network")

    def test_they_are_kept_for_a_year_by_who_may_see_them(self, address, as_, reviewer):
        response = as_(reviewer).get(address)
        assert response.content == pictures()["network.png"]
        assert response["Content-Type"] == "image/png"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cache-Control"] == "private, max-age=31536000, immutable"

    def test_what_the_browser_has_is_not_sent_again(self, address, as_, reviewer):
        etag = as_(reviewer).get(address)["ETag"]
        again = as_(reviewer).get(address, headers={"If-None-Match": etag})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
        other = as_(reviewer).get(address, headers={"If-None-Match": '"x"'})
        assert other.status_code == 200

    def test_a_stranger_is_asked_to_sign_in(self, address, client):
        response = client.get(address)
        assert response.status_code == 302
        assert "Cache-Control" not in response or "immutable" not in response["Cache-Control"]

    @pytest.mark.parametrize("name", ["nothing", "NETWORK"])
    def test_another_picture_there_is_not(self, address, as_, reviewer, name, model_version):
        response = as_(reviewer).get(at("model-picture", model_version.pk, name))
        assert response.status_code == 404
        assert response["Cache-Control"] == "no-store"

    def test_a_version_without_a_report_has_none(self, address, as_, reviewer):
        bare = make_model_version(version="9.0.0")
        assert as_(reviewer).get(at("model-picture", bare.pk, "network")).status_code == 404


def test_whether_maps_follow_the_weights_stands_there(page):
    words = prose_of(page())
    assert "head by chance 0.22 block 5 by chance 0.14 At most 0.50 Radiographs 24" in words
    assert "Maps Grad-CAM of block5_conv3 So maps are shown" in words


@pytest.mark.parametrize("check", [None, {}, {"passed": True}])
def test_whether_maps_follow_the_weights_was_not_measured(check, page):
    words = prose_of(page(explanation=check))
    assert "Whether maps of where it looked depend on what it learned Not measured." in words
