"""The card says what the report says and what it lacks, and the shipped one is up to date."""

import json
import re

import pytest
from scipy.stats import binomtest

from inference.training.__main__ import main
from inference.training.aims import aims_of
from inference.training.card import card
from inference.training.cards.words import code, mean_of_views, wilson
from tests.architecture.sources import ROOT
from tests.bundles import SHIPPED
from tests.inference.training.reports import VIEWS, disturbed, figures, split, whole_report

SMALL = "public test of 624 at 28 pixels, gates off"
LOOKS = "chest radiographs refused for their looks"


def shipped_report():
    """Return the report of the shipped bundle, and the card that must say the same."""
    report = json.loads((SHIPPED / "report.json").read_text(encoding="utf-8"))
    return report, ROOT / "docs" / "model-card.md"


def test_the_card_in_the_documentation_is_that_of_the_shipped_report():
    report, file = shipped_report()
    assert card(report) == file.read_text(encoding="utf-8")
    assert card(report) == (SHIPPED / "card.md").read_text(encoding="utf-8")


def test_the_card_of_the_recipe_that_is_not_shipped_is_that_of_its_report():
    home = ROOT / "docs" / "single-source"
    report = json.loads((home / "report.json").read_text(encoding="utf-8"))
    assert report["training"]["recipe"] == "single-source"
    assert card(report) == (home / "model-card.md").read_text(encoding="utf-8")


def test_the_card_says_whether_maps_depend_on_what_was_learned():
    check = {"method": "Grad-CAM", "images": 24, "bound": 0.5, "passed": True}
    check["correlations"] = {"head": 0.127, "block 5": 0.024}
    said = card(whole_report() | {"explanation": check})
    assert "| head | 0.127 |" in said
    assert "so it was, and maps are shown" in said
    assert "not why" in said
    failed = card(whole_report() | {"explanation": check | {"passed": False}})
    assert "no map is shown" in failed
    assert "Not checked, so none are shown." in card(whole_report())


@pytest.fixture(scope="module")
def text():
    return card(whole_report())


def row_of(text, start):
    """Return the cells of the table row whose first cell begins so."""
    (line,) = [one for one in text.splitlines() if one.startswith(f"| {start}")]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_the_internal_figure_stands_beside_the_other_hospitals(text):
    auc = [line for line in text.splitlines() if line.startswith("| AUC |")]
    assert auc[0] == (
        "| AUC | 0.990 (0.980 to 1.000) | 0.986 (0.976 to 0.996) | 0.870 (0.860 to 0.880) |"
    )
    assert auc[1].endswith(
        "| 0.869 (0.859 to 0.879) | 0.860 (0.830 to 0.900) | 0.900 (0.870 to 0.940) "
        "| 0.880 (0.859 to 0.908) |"
    )


@pytest.mark.parametrize(
    "said",
    [
        "# Model card: vgg16-pneumonia 9.9.9",
        "A second reader's suggestion.",
        "This is not a diagnosis.",
        "| age | 1 to 5 completed years |",
        "| seed | 7 |",
        "| together | 2,700 |",
        "An epoch took 300.0 s; one of the article's recipe, on the same machine, 1260.0 s",
        "| block 5 | 2 | 0.250 | 0.900 | 0.300 | 0.910 | 0.980 | 0.900 |",
        "| threshold | 0.620 (0.550 to 0.700) |",
        "| residual: blocks | 3, 4 |",
        "| residual: bound | 12.5000 |",
        "Photographs and slices: 212 of 220 (96.4 %; ",
        "| internal test | 2 of 618 (0.3 %; 0.1 % to 1.2 %) | not applicable 1, rejected quality 1",
        "600 radiographs, AUC 0.987 (0.977 to 0.997)",
        "| 74.1 % | internal test | 0.770 (0.300 to 0.900) | 0.990 (0.980 to 0.995) |",
        "| this model, public test of 624, gates off | 28 | 0.971 (0.961 to 0.981) | 0.951",
        "| MedMNIST v2, ResNet-50 (224) | 28 | 0.962 | 0.884 |",
        "| Kermany et al. 2018, Inception V3 | 299 | 0.968 | 0.928 | 0.932 | 0.901 |",
        "| internal test | subtype | virus | 250 (120) | 0.960 (0.930 to 1.000) |",
        "| val (chosen on) | jpeg q30 | 80 | 0.010 | 0.200 | 2.5 % | 0.0 % |",
        "| val (chosen on) | 315 | 0.020 | 0.300 | 2.0 % | 0.0 % |",
        "| sharpness | 0.795 (0.750 to 0.830) |",
        "| floor: logistic regression on 32 x 32 thumbnails | 0.902 | 0.902 | 0.902 |",
        "Internal test, pneumonia scored low:\n\n- `a|b/sick.png`",
        "Internal test, no pneumonia scored high:\n\n- `` a/well`s.png ``",
        "The first thing to know.\n\nThe second.",
        "- ChestX-ray14",
        "- Weights: CC BY 4.0",
    ],
)
def test_what_the_report_says_is_on_the_card(text, said):
    assert said in text


def test_every_row_of_a_table_has_as_many_cells_as_its_head(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    width = None
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if set(after) <= {"|", "-"} and after:
            width = len(re.findall(r"(?<!\\)\|", after))
        assert len(re.findall(r"(?<!\\)\|", line)) == width, line


def test_a_cell_cannot_break_out_of_its_table():
    report = whole_report(aims=[{"figure": "a|b\nc", "aim": "x", "measured": "y", "met": True}])
    assert "| a\\|b c | x | y | met |" in card(report)


@pytest.mark.parametrize("part", sorted(set(whole_report()) - {"schema", "weights_bytes"}))
def test_a_part_that_is_missing_is_said_to_be(part):
    report = whole_report()
    del report[part]
    for text in (card(report), card({**report, part: None})):
        assert "ot measured" in text or part == "notes"
        assert "None" not in text.replace("None of these", "")
    assert ("Nothing was noted." in card(report)) == (part == "notes")


def test_a_report_of_nothing_gives_a_whole_card(text):
    empty = card({"schema": 2})
    titles = re.compile("^##? .*", re.MULTILINE)
    assert titles.findall(empty)[1:] == titles.findall(text)[1:]
    assert "None" not in empty.replace("None of these", "")


@pytest.mark.parametrize("split", ["val", "test_internal", "external_report", "official_test_28"])
def test_a_split_that_the_gates_emptied_has_no_figures_but_a_card(split):
    report = whole_report()
    emptied = report["splits"][split]
    for name in [name for name in emptied if f"{name}_ci" in emptied]:
        emptied |= {name: None, f"{name}_ci": None}
    emptied |= {"n": 0, "pneumonia": 0, "patients": 0, "predictive_values": []}
    assert "not measured" in card(report)


def test_the_same_report_gives_the_same_text_through_json(text):
    assert card(json.loads(json.dumps(whole_report()))) == text


def test_a_share_has_the_interval_that_scipy_gives():
    for part, whole in ((0, 20), (7, 50), (220, 220)):
        expected = binomtest(part, whole).proportion_ci(method="wilson")
        assert wilson(part, whole) == pytest.approx(tuple(expected), abs=1e-6)


def test_the_mean_of_the_views_needs_both():
    assert mean_of_views({"subgroups": VIEWS})[0] == pytest.approx(0.88)
    assert mean_of_views({"subgroups": VIEWS[:1]}) is None
    assert mean_of_views(None) is None


def test_code_holds_backticks():
    assert code("a") == "`a`"
    assert code("a``b") == "``` a``b ```"


# Aims


def met(report):
    return {one["figure"]: one["met"] for one in aims_of(report)}


def test_the_aims_of_a_good_report_are_met_but_the_one_that_is_not():
    found = met(whole_report())
    assert len(found) == 15
    assert {title for title, one in found.items() if one is not True} == {
        "findings that change when a native normal file is recompressed to quality 30"
    }
    assert card(whole_report()).count("**not met**") == 1


def test_what_was_not_measured_is_neither_met_nor_missed():
    assert set(met({"schema": 2}).values()) == {None}
    assert all("not measured" in one["measured"] for one in aims_of({"schema": 2}))


def test_an_aim_says_what_was_measured_with_its_interval():
    found = {one["figure"]: one for one in aims_of(whole_report())}
    assert found["internal test, AUC"]["aim"] == ">= 0.985"
    assert found["internal test, AUC"]["measured"] == (
        "0.986 (0.976 to 0.996); gates off 0.985 (0.975 to 0.995)"
    )
    (epoch,) = [one for title, one in found.items() if title.startswith("an epoch")]
    assert epoch["measured"] == "4.2 times (300.0 s, 1,260.0 s)"


def on_machine(processor, cores):
    return {"machine": {"processor": processor, "cores": cores, "amx": True}}


def changed(path, value):
    report = whole_report()
    *way, last = path.split(".")
    place = report
    for key in way:
        place = place[key]
    place[last] = value
    return report


@pytest.mark.parametrize(
    ("path", "value", "start", "expected"),
    [
        ("splits.test_internal.auc", 0.984, "internal test, AUC", False),
        ("splits.test_internal.accuracy", 0.949, "internal test, accuracy", False),
        ("splits.test_internal.specificity_at_95_sensitivity", 0.89, "internal test, spec", False),
        ("splits.test_internal.ece", 0.031, "internal test, calibration", False),
        ("splits.official_test_28.ungated.auc", 0.969, f"{SMALL}, A", False),
        ("splits.official_test_28.ungated.accuracy", 0.89, f"{SMALL}, a", False),
        ("splits.official_test_28.ungated.accuracy", 0.884, f"{SMALL}, b", False),
        ("splits.external_report.subgroups", [], "other hospital", None),
        ("splits.test_internal.auc", 0.97, "other hospital", False),
        ("splits.val.disturbances", [disturbed("jpeg_q30", 0.02)], "findings that", True),
        ("splits.val.parity.n", 0, "findings that", None),
        ("strangers.refused", 200, "what is no chest", False),
        ("strangers", None, "what is no chest", None),
        ("splits.test_internal.refused.by_reason", {"noise": 13}, f"{LOOKS}, i", False),
        ("splits.test_internal.refused.by_reason", {"noise": 12, "age_outside_range": 99},
         f"{LOOKS}, i", True),
        ("splits.external_report.refused.by_reason", {"no_chest": 11}, f"{LOOKS}, o",
         False),
        ("training.seconds", {"all": 5401.0}, "training on", False),
        ("training.article_seconds_an_epoch", 1000.0, "an epoch", False),
        ("training.article_seconds_an_epoch", None, "an epoch", None),
        ("training.about", "the head alone, on the frozen body", "an epoch", False),
        ("training.origin", on_machine("X", 2), "training on", True),
        ("training.origin", on_machine("X", 64), "training on", None),
        ("weights_bytes", 40_000_001, "shipped", False),
    ],
)  # fmt: skip
def test_each_aim_has_its_bound(path, value, start, expected):
    (found,) = [one for title, one in met(changed(path, value)).items() if title.startswith(start)]
    assert found is expected


@pytest.mark.parametrize(
    ("images", "auc", "expected"),
    [
        ({"train": 9}, 0.68, True),
        ({"train": 9}, 0.67, False),
        ({"train": 9, "external_dev": 1}, 0.85, False),
        (None, 0.99, None),
    ],
)
def test_the_aim_at_the_other_hospital_depends_on_where_the_model_learned(images, auc, expected):
    report = changed("training.images", images)
    for view in report["splits"]["external_report"]["subgroups"]:
        view["auc"] = auc
    (found,) = [one for title, one in met(report).items() if title.startswith("other hospital")]
    assert found is expected


def test_the_aims_of_a_report_are_not_computed_again():
    text = card(whole_report(aims=[]))
    assert "internal test, AUC |" not in text


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("blocks 3 to 5 tuned from a linear probe", "(blocks 3 to 5 tuned)"),
        ("Block 5 tuned from the probe.", "(block 5 tuned)"),
        ("the head alone on the frozen body", "(head alone)"),
        ("the article's recipe", "(what is tuned is not said)"),
    ],
)
def test_the_aim_of_an_epoch_says_what_was_tuned(about, said):
    (title,) = [one for one in met(changed("training.about", about)) if one.startswith("an epoch")]
    assert title.endswith(said)


def measured(report, start):
    (found,) = [one["measured"] for one in aims_of(report) if one["figure"].startswith(start)]
    return found


def test_the_time_of_training_is_said_with_its_precision_and_processor():
    assert measured(whole_report(), "training on") == (
        "45 min (precision not noted; processor not noted)"
    )
    report = changed("training.origin", on_machine("Xeon", 2))
    report["training"]["precision"] = "bfloat16"
    assert measured(report, "training on") == "45 min (bfloat16; Xeon, 2 cores, with AMX)"
    assert "| machine | Xeon, 2 cores, with AMX |" in card(report)


def test_recompression_says_what_was_measured_and_where():
    assert measured(whole_report(), "findings that") == (
        "val (chosen on): 2.5 % of the normal ones of 80 files (native where there is such a copy, "
        "which was not counted); internal test: 10.0 % of the normal ones of 80 files (none "
        "native); other hospital: 10.0 % of the normal ones of 80 files (none native)"
    )


@pytest.mark.parametrize(("of_native", "expected"), [(0.02, True), (0.03, False)])
def test_the_aim_of_recompression_is_that_of_the_native_files(of_native, expected):
    counted = {"normal": 40, "pneumonia": 40, "native_pneumonia": 9, "flipped_native_pneumonia": 0}
    row = disturbed("jpeg_q30", 0.1) | counted
    some = row | {"native_normal": 31, "flipped_native_normal": of_native}
    none = row | {"native_normal": 0, "flipped_native_normal": None}
    report = changed("splits.val.disturbances", [some])
    report["splits"]["test_internal"]["disturbances"] = [none]
    said = f"31 native, of which {100 * of_native:.1f} %"
    assert measured(report, "findings that").startswith(
        f"val (chosen on): 10.0 % of 40 normal files ({said}); "
        "internal test: 10.0 % of 40 normal files (none native); other hospital"
    )
    (found,) = [one for title, one in met(report).items() if title.startswith("findings that")]
    assert found is expected
    assert "| val (chosen on) | jpeg q30 | 80 (40 native) | 0.010 |" in card(report)


def test_intervals_that_were_put_together_from_others_are_said_to_be(text):
    assert "put together from the ends of those of sensitivity and specificity" in text
    report = whole_report()
    for part in report["splits"].values():
        part["roc"] = None  # as in every report since
    assert "put together from the ends" not in card(report)


# The second hospital, and what the view tells


def test_a_hospital_that_was_learned_from_is_the_second_one_and_not_untouched(text):
    assert "The second hospital is no untouched one: the model learned from other" in text
    assert "| at the threshold 0.620 | val (chosen on) | internal test | second hospital |" in text
    assert "never without the second hospital's" in text
    alone = card(changed("training.images", {"train": 4166}))
    assert "untouched" not in alone
    assert "| at the threshold 0.620 | val (chosen on) | internal test | other hospital |" in alone


def test_the_figures_by_view_stand_below_the_pooled_one(text):
    lines = text.splitlines()
    place = next(index for index, line in enumerate(lines) if line.startswith("| AUC |"))
    assert lines[place + 1 : place + 4] == [
        "| AUC, each view and class weighted alike | not measured | not measured | not measured |",
        "| AUC, AP films, gates off | not measured | not measured | 0.860 (0.830 to 0.900) |",
        "| AUC, PA films, gates off | not measured | not measured | 0.900 (0.870 to 0.940) |",
    ]
    assert text.count("weighted alike") == 1
    report = whole_report()
    external = report["splits"]["external_report"]
    for part in (external, external["ungated"]):
        part.update(auc_view_matched=0.85, auc_view_matched_ci=[0.8, 0.9])
    rows = [line for line in card(report).splitlines() if "weighted alike" in line]
    assert rows[0].endswith("| not measured | 0.850 (0.800 to 0.900) |")
    assert rows[1].endswith("| not measured | 0.850 (0.800 to 0.900) |  |  |  |")


# The subcommand


def bundle_of(folder, content):
    folder.mkdir()
    (folder / "report.json").write_text(content, encoding="utf-8")
    return folder


def test_a_card_is_printed_or_written(tmp_path, capsys, text):
    bundle = bundle_of(tmp_path / "one", json.dumps(whole_report()))
    assert main(["card", "--bundle", str(bundle)]) == 0
    assert capsys.readouterr().out == text
    out = tmp_path / "docs" / "card.md"
    assert main(["card", "--bundle", str(bundle), "--out", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == text
    assert capsys.readouterr().out == f"card in {out}\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "The report.json of one is of schema 1; a card is made of schema 2."),
        ("[]", "The report.json of one is of schema 1; a card is made of schema 2."),
        ('{"schema": 3}', "The report.json of one is of schema 3; a card is made of schema 2."),
        ("not JSON", "one has no readable report.json."),
    ],
)
def test_a_card_of_what_is_no_report_is_refused(tmp_path, capsys, content, said):
    bundle = bundle_of(tmp_path / "one", content)
    assert main(["card", "--bundle", str(bundle)]) == 2
    assert capsys.readouterr().err.strip() == said
    assert main(["card", "--bundle", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.strip() == "nowhere has no readable report.json."


def test_the_fixture_has_the_shape_of_a_split():
    assert set(figures(9, 5, 0.9)) < set(split(9, 5, 0.9))
