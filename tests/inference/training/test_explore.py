"""The analysis finds what was planted, names it, and says the same on the page and in figures."""

import csv
import hashlib
import json
import re
import shutil
import struct
import zlib
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from inference.training import measures
from inference.training.__main__ import main
from inference.training.explore.page import CONTENTS
from inference.training.explore.simple import SIMPLE, measure_picture
from inference.training.explore.summary import summarise

HEADER = [
    "file", "label", "split", "patient", "subtype", "age", "sex", "view", "label_tier",
    "native_copy", "source", "sha256",
]  # fmt: skip
EVIL = "<script>alert(1)<img src=x onerror=alert(2)>&\"'$head.png"
SIZES = {"train": 8, "val": 4, "test_internal": 4, "external_report": 4}


def picture(seed, sick, *, brighter=True, height=72):
    """Return a picture like no other: wide patches, brighter (or darker) in the sick."""
    rng = np.random.default_rng(seed)
    patches = Image.fromarray((rng.random((6, 6)) * 150).astype(np.uint8))
    grey = np.asarray(patches.resize((64, height), Image.Resampling.BICUBIC), np.float32)
    grey = grey + rng.normal(0, 2, grey.shape) + (60 if sick == brighter else 10)
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def records():
    """Return the rows of the list: every patient has one radiograph, but for train's first."""
    number = 0
    for split, many in SIZES.items():
        away = split == "external_report"
        for index in range(2 * many):
            row = dict.fromkeys(HEADER, "")
            row |= {
                "file": f"{split}-{index}.png",
                "label": ("NORMAL", "PNEUMONIA")[index % 2],
                "split": split,
                "patient": "P0" if number in (0, 2) else f"P{number}",
                "subtype": "<b>virus</b>" if index % 2 else "",
                "source": "away" if away else "home",
            }
            if away:
                row |= {"age": str(40 + index), "sex": "MF"[index // 2 % 2], "view": "AP"}
            yield number, row
            number += 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return 40 pictures with one shortcut, one duplicate and one near duplicate across splits."""
    folder = tmp_path_factory.mktemp("radiographs")
    rows = []
    for number, row in records():
        away = row["split"] == "external_report"
        image = picture(number, row["label"] == "PNEUMONIA", brighter=not away)
        image.save(folder / row["file"])
        rows.append(row)
    by_file = {row["file"]: row for row in rows}
    shutil.copy(folder / "train-3.png", folder / "test_internal-1.png")
    with Image.open(folder / "train-5.png") as image:
        image.resize((96, 100)).save(folder / "val-1.jpg", quality=60)
        image.resize((90, 90)).save(folder / "native.jpg")
    mark(by_file)
    (folder / EVIL).write_bytes((folder / "train-7.png").read_bytes())
    rows.append(by_file["train-5.png"] | {"file": "native.jpg", "native_copy": ""})
    rows[-1]["split"] = "train_native"
    with (folder / "splits.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    (folder / "duplicates_removed.csv").write_text("identical_to\ntest_internal-0.png\n")
    return folder


def mark(by_file):
    """Plant what the list says: names, a native copy, doubtful labels, another file's hash."""
    by_file["val-1.png"]["file"] = "val-1.jpg"
    by_file["train-5.png"]["native_copy"] = "native.jpg"
    by_file["train-7.png"]["file"] = EVIL
    by_file["train-7.png"]["sha256"] = hashlib.sha256(b"another file").hexdigest()
    by_file["external_report-1.png"]["label_tier"] = "expert-contradicted"
    by_file["external_report-2.png"]["label_tier"] = "expert-negative"


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "RESAMPLES", 40)
        yield


def explore(folder, out, *more):
    return main(["explore", "--data", str(folder), "--out", str(out), *more])


class Page(HTMLParser):
    """What a browser would see: elements, their attributes, and the text."""

    def __init__(self, html):
        super().__init__()
        self.html, self.elements, self.said = html, [], []
        self.feed(html)
        self.text = re.sub(r"\s+", " ", " ".join(self.said))

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_data(self, data):
        self.said.append(data)

    def of(self, name):
        return [attributes for found, attributes in self.elements if found == name]


@pytest.fixture(scope="module")
def out(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    assert explore(folder, out, "--samples", "3") == 0
    return out


@pytest.fixture(scope="module")
def page(out):
    return Page((out / "explore.html").read_text())


@pytest.fixture(scope="module")
def figures(out):
    return json.loads((out / "explore.json").read_text())


def test_every_section_is_there_and_in_the_contents(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert not [name for name, times in Counter(ids).items() if times > 1]
    links = [attributes["href"] for attributes in page.of("a")]
    assert links == [f"#{key}" for key in CONTENTS]
    assert {link[1:] for link in links} <= set(ids)
    assert [s["aria-labelledby"] for s in page.of("section")] == list(CONTENTS)


def test_the_page_can_be_read_by_everybody(page):
    assert page.of("html") == [{"lang": "en"}]
    assert len(page.of("caption")) == len(page.of("table")) > 15
    assert len(page.of("h1")) == 1
    assert all(image["alt"] for image in page.of("img"))
    assert all(drawing["aria-label"] for drawing in page.of("svg"))
    assert {head["scope"] for head in page.of("th")} == {"col", "row"}


def test_the_page_needs_nothing_but_itself(page, folder, out):
    assert not re.search(r"https?:|file:|@import", page.html)
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.of("img"))
    assert not page.of("script")
    assert not page.of("link")
    for text in (page.html, (out / "explore.json").read_text()):
        assert str(folder) not in text
        assert str(out) not in text


def test_a_file_name_is_text_and_not_markup(page):
    assert "<script" not in page.html
    assert "<b>virus" not in page.html
    assert not any(name == "img" and "onerror" in a for name, a in page.elements)
    assert EVIL in page.text


def test_radiographs_are_counted(page, figures):
    assert figures["radiographs"] == 41  # the official test does not count a second time
    train = figures["splits"][0]
    assert (train["split"], train["source"]) == ("train", "home")
    assert (train["NORMAL"], train["PNEUMONIA"], train["patients"]) == (8, 8, 15)
    assert train["pneumonia_share"] == 0.5
    assert "train home 8 8 16 50.0 % 15" in page.text
    subtypes = {record["subtype"]: record["images"] for record in figures["subtypes"]}
    assert figures["subtypes"][0]["splits"]["train_native"] == 1
    assert subtypes == {"not stated": 20, "<b>virus</b>": 21}


def test_patients_are_described(page, figures):
    train = figures["images_a_patient"][0]
    assert train["with"] == {"1": 14, "2": 1, "3": 0, "4": 0, "5": 0}
    assert (train["most"], train["in_both_classes"]) == (2, 0)
    normal, pneumonia = figures["people"]
    assert (normal["split"], normal["age_stated"]) == ("external_report", 4)
    assert normal["age"] == [40, 41.5, 43, 44.5, 46]
    assert pneumonia["sex"] == {"F": 2, "M": 2}
    assert "AP 4 (100 %)" in page.text


def test_sizes_are_measured(figures):
    home, away = figures["spreads"]["height"]["sources"]
    assert away["quantiles"]["NORMAL"] == dict.fromkeys(home["quantiles"]["NORMAL"], 72)
    assert home["quantiles"]["PNEUMONIA"]["highest"] == 100
    assert sum(home["shares"]["NORMAL"]) == pytest.approx(1, abs=1e-4)
    kinds = {(kind["source"], kind["kind"]): kind["PNEUMONIA"] for kind in figures["kinds"]}
    assert kinds == {("home", "PNG, L"): 15, ("home", "JPEG, L"): 2, ("away", "PNG, L"): 4}


def shortcut(figures, group, measure):
    (found,) = [g for g in figures["shortcuts"] if g["name"] == group]
    return next(one for one in found["measures"] if one["measure"] == measure)


def test_a_planted_shortcut_is_found_and_said_in_words(page, figures):
    bright = shortcut(figures, "train", "brightness")
    assert bright["auc"] > 0.9
    assert bright["low"] <= bright["auc"] <= bright["high"]
    assert (bright["shortcut"], bright["direction"]) == (True, "higher")
    said = f"{bright['auc']:.3f} ({bright['low']:.3f} to {bright['high']:.3f})"
    assert f"{said} shortcut: higher in PNEUMONIA" in page.text
    assert "not stated" in page.text  # the age in train
    even = shortcut(figures, "external_report", "width")
    assert (even["auc"], even["note"]) == (None, "the same in all")
    assert shortcut(figures, "train_native", "width")["note"] == "one class only"


def test_a_shortcut_that_runs_the_other_way_elsewhere_is_said_first(page, figures):
    assert shortcut(figures, "external_report", "brightness")["direction"] == "lower"
    said = next(s for s in figures["summary"] if "other way" in s)
    assert "brightness (lower in external_report, higher in train, val, test_internal)" in said
    assert said in page.text


def test_a_weak_measure_is_no_shortcut(figures):
    weak = [
        one
        for group in figures["shortcuts"]
        for one in group["measures"]
        if one["auc"] is not None and 0.3 < one["auc"] < 0.7
    ]
    assert weak
    assert not any(one["shortcut"] for one in weak)
    nothing = {"exact": [], "near": [], "compared": 2}
    (first, second) = summarise([], [], nothing, [], [])
    assert first.startswith("No simple measure alone")
    assert second == "No duplicates and no near duplicates among 2 radiographs."


def test_duplicates_across_splits_are_named_with_their_patients(page, figures):
    (group,) = figures["duplicates"]["exact"]
    assert group["across_splits"]
    assert not group["across_classes"]
    assert [(copy["file"], copy["split"]) for copy in group["files"]] == [
        ("train-3.png", "train"),
        ("test_internal-1.png", "test_internal"),
    ]
    assert "test_internal, PNEUMONIA, patient P25: test_internal-1.png" in page.text
    said = next(s for s in figures["summary"] if "byte-identical" in s)
    assert said.startswith("1 group of byte-identical files and 1 pair of near duplicates; 2 of")
    assert "P25" in said


def test_another_size_and_compression_is_a_near_duplicate(page, figures):
    (pair,) = figures["duplicates"]["near"]
    assert {copy["file"] for copy in pair["files"]} == {"train-5.png", "val-1.jpg"}
    assert pair["across_splits"]
    assert not pair["same_patient"]
    assert pair["correlation"] >= figures["limits"]["correlation"]
    assert "val, PNEUMONIA, patient P17: val-1.jpg" in page.text


def test_a_declared_native_copy_is_no_duplicate(page, figures):
    assert figures["duplicates"]["compared"] == 40
    assert (figures["duplicates"]["declared"], figures["duplicates"]["declared_apart"]) == (1, [])
    assert "1 file is listed with a native copy" in page.text


def test_doubtful_labels_and_changed_files_are_listed(page, figures):
    assert [(one["file"], one["label_tier"]) for one in figures["read_again"]] == [
        ("external_report-1.png", "expert-contradicted"),
        ("external_report-2.png", "expert-negative"),
    ]
    assert figures["changed_files"] == [EVIL]
    assert f"Not the file of the list, by SHA-256 (1): {EVIL}" in page.text


def test_samples_and_extremes_show_their_files(page, figures):
    sheets = {(s["split"], s["label"]): s for s in figures["sheets"]}
    assert len(sheets) == 9
    assert len(sheets["train", "NORMAL"]["files"]) == 3
    assert sheets["train", "NORMAL"]["of"] == 8
    shown = next(e for e in figures["extremes"] if e["measure"] == "brightness")
    assert shown["lowest"][0]["value"] < shown["highest"][0]["value"]
    assert {one["label"] for one in shown["highest"]} <= {"NORMAL", "PNEUMONIA"}
    wide = next(e for e in figures["extremes"] if e["measure"] == "aspect")
    assert wide["highest"][0]["file"] == "native.jpg"  # not the file that it is a copy of
    assert wide["lowest_tied"] == 38
    assert "Lowest (38 share it; the first are shown)" in page.text
    alts = {image["alt"] for image in page.of("img")}
    files = [f for s in figures["sheets"] for f in s["files"]]
    assert all(any(alt.endswith(file) for alt in alts) for file in files)
    assert {"Mean NORMAL radiograph of home", "Mean PNEUMONIA radiograph of away"} <= alts


def test_the_means_of_the_classes_differ_by_what_was_planted(page, figures):
    full = figures["mean_differences"]
    assert full["home"] > 0.15
    assert f"PNEUMONIA less NORMAL; full colour is {full['home']:.2f}" in page.text


def test_every_measure_has_a_sentence_and_a_table(page, figures):
    for simple in SIMPLE:
        assert simple.meaning in page.text
        assert f"{simple.title} ({simple.unit}) by source and class" in page.text
        assert figures["measures"][simple.key] == simple.meaning


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_samples(folder, out, tmp_path):
    assert explore(folder, tmp_path / "again", "--samples", "3") == 0
    for name in ("explore.html", "explore.json"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()
    assert explore(folder, tmp_path / "other", "--samples", "3", "--seed", "1") == 0
    sheets = [
        json.loads((where / "explore.json").read_text())["sheets"]
        for where in (out, tmp_path / "other")
    ]
    assert sheets[0] != sheets[1]


def test_the_public_tree_is_explored_as_well(tmp_path):
    for number in range(60):
        sick = number % 2
        part = tmp_path / "cxr" / "train" / ("NORMAL", "PNEUMONIA")[sick]
        part.mkdir(parents=True, exist_ok=True)
        name = f"person{number}_virus_1.png" if sick else f"IM-{number:04d}-0001.png"
        picture(number, sick).save(part / name)
    assert explore(tmp_path / "cxr", tmp_path / "out") == 0
    page = Page((tmp_path / "out" / "explore.html").read_text())
    figures = json.loads((tmp_path / "out" / "explore.json").read_text())
    assert {record["split"] for record in figures["splits"]} == {"train", "val"}
    assert figures["radiographs"] == 60
    assert "The list states no age, sex or view." in page.text
    assert "The list marks no radiograph as read again by experts." in page.text


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def far_too_large(data):
    """Return the PNG ``data``, claiming 60,000 x 60,000 pixels."""
    return data[:8] + chunk(b"IHDR", struct.pack(">II", 60_000, 60_000) + data[24:29]) + data[33:]


def interrupted(data):
    """Return the PNG ``data`` with something that is no chunk in the middle of its pixels."""
    start = data.index(b"IDAT") + 4
    return data[: start - 8] + chunk(b"IDAT", data[start : start + 500]) + b"\xff" * 400


BREAKS = {
    "text": lambda data: b"not an image",
    "empty": lambda data: b"",
    "cut": lambda data: data[:900],
    "bomb": far_too_large,
    "interrupted": interrupted,
}


@pytest.mark.parametrize("break_", BREAKS.values(), ids=BREAKS)
def test_files_that_cannot_be_read_are_all_named(folder, tmp_path, capsys, break_):
    shutil.copytree(folder, tmp_path / "copy")
    for name in ("val-2.png", "train-1.png"):
        file = tmp_path / "copy" / name
        file.write_bytes(break_(file.read_bytes()))
    assert explore(tmp_path / "copy", tmp_path / "out") == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "train-1.png is not a readable image" in said
    assert "val-2.png is not a readable image" in said
    assert not (tmp_path / "out").exists()


def test_a_validation_split_that_is_too_small_is_refused(folder, tmp_path, capsys):
    shutil.copytree(folder, tmp_path / "copy")
    listed = tmp_path / "copy" / "splits.csv"
    lines = listed.read_text().splitlines()
    kept = [line for line in lines if not re.match(r"val-[24]\.png", line)]
    listed.write_text("\n".join(kept))
    assert explore(tmp_path / "copy", tmp_path / "out") == 2
    assert "'val' holds too few radiographs of the class NORMAL: 2" in capsys.readouterr().err


def measured(grey):
    return measure_picture(grey, grey, 512)


@pytest.fixture
def noise():
    return np.random.default_rng(0).random((64, 32), np.float32) * 0.2 + 0.4


def test_measures_of_a_picture_are_what_they_say(noise):
    noise[:16], noise[16:24] = 0, 1
    found = measured(noise)
    assert (found["width"], found["height"], found["short_side"]) == (32, 64, 32)
    assert found["aspect"] == 0.5
    assert found["megapixels"] == pytest.approx(0.002048)
    assert found["bytes_per_pixel"] == 0.25
    assert (found["black"], found["white"]) == (0.25, 0.125)
    assert found["brightness"] == pytest.approx(noise.mean(), abs=1e-6)
    assert found["contrast"] == pytest.approx(noise.std(), abs=1e-6)


def test_sharpness_is_of_detail_and_not_of_contrast(noise):
    flat = (noise - 0.5) * 0.5 + 0.5
    smooth = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 3
    assert measured(flat)["sharpness"] == pytest.approx(measured(noise)["sharpness"], rel=1e-3)
    assert measured(flat)["detail"] == pytest.approx(measured(noise)["detail"] / 4, rel=1e-3)
    assert measured(smooth)["sharpness"] < 0.7 * measured(noise)["sharpness"]


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (8, 8)])
def test_an_even_or_tiny_picture_has_no_sharpness(shape):
    found = measure_picture(np.full(shape, 0.5, np.float32), np.full((8, 8), 0.5, np.float32), 9)
    assert (found["sharpness"], found["detail"], found["strokes"]) == (0, 0, 0)


def test_letters_are_strokes_and_bright_fields_are_not():
    letters = np.full((64, 64), 0.2, np.float32)
    field = letters.copy()
    letters[10:30, 10:13] = 0.9
    field[10:30, 10:40] = 0.9
    assert measured(letters)["strokes"] == pytest.approx(60 / 64**2)
    assert measured(field)["strokes"] == 0
