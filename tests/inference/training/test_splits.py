"""Which folders can be learned from, and which cannot, in a sentence."""

import csv

import numpy as np
import pytest
from PIL import Image

from inference.training.splits import BadData, list_sha256, of_split, patient_of, read_rows

HEADER = ["file", "label", "split", "patient", "native_copy"]
GOOD = [
    ["a.png", "NORMAL", "train", "N1", ""],
    ["b.png", "PNEUMONIA", "train", "P1", ""],
    ["c.png", "NORMAL", "val", "N2", ""],
    ["d.png", "PNEUMONIA", "val", "P2", ""],
    ["c3.png", "NORMAL", "val", "N8", ""],
    ["d3.png", "PNEUMONIA", "val", "P8", ""],
    ["c4.png", "NORMAL", "val", "N9", ""],
    ["d4.png", "PNEUMONIA", "val", "P9", ""],
]


@pytest.fixture
def folder(tmp_path):
    def make(rows, header=HEADER):
        with (tmp_path / "splits.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])
        for row in [row for row in rows if ".." not in row[0]]:
            Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / row[0])
        return tmp_path

    return make


def test_a_good_list_is_read_in_its_order(folder):
    rows = read_rows(folder(GOOD))
    assert [row.file.name for row in rows] == [row[0] for row in GOOD]
    assert [row.label for row in rows] == [0, 1, 0, 1, 0, 1, 0, 1]


def test_a_patient_in_two_splits_is_refused(folder):
    rows = [*GOOD, ["e.png", "NORMAL", "val", "N1", ""]]
    with pytest.raises(BadData, match="Patient N1 is in train and val"):
        read_rows(folder(rows))


def test_another_size_of_a_listed_file_is_not_another_radiograph(folder):
    rows = [*GOOD, ["native.png", "NORMAL", "train_native", "N1", ""]]
    with pytest.raises(BadData, match="N1"):
        read_rows(folder(rows))
    rows[0] = [*GOOD[0][:4], "native.png"]
    read = read_rows(folder(rows))
    assert len(read) == len(rows)
    assert (read[0].native, read[0].native_of) == (read[-1].file, False)
    assert (read[-1].native, read[-1].native_of) == (None, True)


def test_what_the_list_says_more_is_kept(folder):
    header = [*HEADER, "age", "sex", "source", "fold"]
    rows = [[*GOOD[0], "4", "F", "here", "2"], *([*row, "", "", "", ""] for row in GOOD[1:])]
    said, silent, *_ = read_rows(folder(rows, header))
    assert (said.age, said.sex, said.source, said.fold) == (4, "F", "here", "2")
    assert (silent.age, silent.sex) == (None, "")
    rows[0][5] = "four"
    with pytest.raises(BadData, match=r"a\.png: the age 'four' is not a number"):
        read_rows(folder(rows, header))


def test_a_native_copy_that_is_not_there_is_named(folder):
    rows = [[*GOOD[0][:4], "nowhere.png"], *GOOD[1:]]
    with pytest.raises(BadData, match=r"nowhere.png is in the list but not in the folder"):
        read_rows(folder(rows))


def test_only_the_splits_that_are_needed_must_be_whole(folder):
    path = folder([row for row in GOOD if row[2] == "val"])
    assert len(read_rows(path, needed=["val"])) == 6
    with pytest.raises(BadData, match="'test_internal' holds no radiographs"):
        read_rows(path, needed=["test_internal"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[0].__setitem__(1, "SICK"), "label 'SICK'"),
        (lambda rows: rows[0].__setitem__(3, ""), "no patient"),
        (lambda rows: rows.pop(0), "'train' holds one class"),
        (lambda rows: [r.__setitem__(2, "train") for r in rows], "'val' holds no radiographs"),
        (
            lambda rows: rows.pop(),
            "'val' holds too few radiographs of the class PNEUMONIA: 2, where at least 3",
        ),
        (lambda rows: rows[0].__setitem__(2, ""), r"a\.png: no split"),
        (lambda rows: rows.append(["a.png", "NORMAL", "val", "X", ""]), r"a\.png is .* twice"),
        (lambda rows: rows[1].pop(), r"Line 3 of splits\.csv .* not as long as its head"),
        (lambda rows: rows[1].append("more"), r"Line 3 of splits\.csv .* not as long as its head"),
        (lambda rows: rows[0].__setitem__(0, "../x/a.png"), r"\.\./x/a\.png: a file is named by"),
        (lambda rows: rows[0].__setitem__(4, "/etc/passwd"), r"/etc/passwd: a file is named by"),
    ],
)
def test_a_bad_list_is_refused_in_a_sentence(folder, change, said):
    rows = [list(row) for row in GOOD]
    change(rows)
    with pytest.raises(BadData, match=said):
        read_rows(folder(rows))


def test_a_missing_column_is_named(folder):
    with pytest.raises(BadData, match="no column 'patient'"):
        read_rows(folder([row[:3] for row in GOOD], HEADER[:3]))


def test_what_a_spreadsheet_wrote_is_read_and_another_encoding_refused(folder):
    path = folder([[*GOOD[0][:3], "Müller", ""], *GOOD[1:]]) / "splits.csv"
    text = path.read_text()
    path.write_text(text, encoding="utf-8-sig")
    assert read_rows(path.parent)[0].patient == "Müller"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(BadData, match=r"splits\.csv in .* is not a CSV file in UTF-8"):
        read_rows(path.parent)


def test_a_list_of_duplicates_without_their_twins_is_refused(folder):
    path = folder(GOOD)
    (path / "duplicates_removed.csv").write_text("file\na.png\n")
    with pytest.raises(BadData, match=r"duplicates_removed\.csv .* no column 'identical_to'"):
        read_rows(path)


def test_a_list_has_a_fingerprint_and_so_has_a_tree(folder):
    path = folder(GOOD)
    before = list_sha256(path)
    folder(GOOD[::-1])
    assert list_sha256(path) != before
    (path / "splits.csv").unlink()
    named = []
    for name in ("one.png", "two.png"):
        file = path / "train" / "NORMAL" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        named.append(list_sha256(path))
    assert len({before, *named}) == 3


def test_a_missing_file_is_named(folder):
    path = folder(GOOD)
    (path / "c.png").unlink()
    with pytest.raises(BadData, match=r"c\.png"):
        read_rows(path)


def test_no_folder_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(BadData, match="no folder"):
        read_rows(tmp_path / "nowhere")
    with pytest.raises(BadData, match="neither"):
        read_rows(tmp_path)


def test_the_public_tree_is_read_with_a_fifth_of_the_patients_set_aside(tmp_path):
    names = {
        "train/NORMAL": [f"IM-{n:04d}-0001.jpeg" for n in range(30)],
        "train/PNEUMONIA": [f"person{n}_virus_{k}.jpeg" for n in range(30) for k in (1, 2)],
        "val/NORMAL": [f"NORMAL2-IM-{n:04d}-0001.jpeg" for n in range(4)],
        "test/NORMAL": ["IM-0001-0001.jpeg"],
        "test/PNEUMONIA": ["person1_virus_6.jpeg"],
    }
    for part, files in names.items():
        (tmp_path / part).mkdir(parents=True)
        for name in files:
            (tmp_path / part / name).touch()
    rows = read_rows(tmp_path)
    assert len(of_split(rows, "test_internal")) == 2
    patients = [{row.patient for row in of_split(rows, split)} for split in ("train", "val")]
    assert not patients[0] & patients[1]
    assert 0.05 < len(patients[1]) / len(patients[0] | patients[1]) < 0.4


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("person1000_bacteria_2931.jpeg", "person1000"),
        ("person1000_virus_1681.jpeg", "person1000"),
        ("IM-0115-0001.jpeg", "IM-0115"),
        ("NORMAL2-IM-0115-0001.jpeg", "NORMAL2-IM-0115"),
        ("chest.png", "chest.png"),
    ],
)
def test_the_file_name_names_the_patient(name, patient):
    assert patient_of(name) == patient


def test_a_limit_keeps_both_classes(folder):
    rows = read_rows(folder(GOOD))
    assert {row.label for row in of_split(rows, "train", 2)} == {0, 1}
    assert len(of_split(rows, "train", 100)) == 2


def test_the_official_test_is_the_internal_one_with_its_copies(folder):
    rows = [*GOOD, ["e.png", "NORMAL", "test_internal", "N3", ""],
            ["f.png", "PNEUMONIA", "test_internal", "P3", ""]]  # fmt: skip
    path = folder(rows)
    assert not of_split(read_rows(path), "official_test")
    removed = [["removed_file", "identical_to"], ["g.png", "e.png"], ["h.png", "a.png"]]
    with (path / "duplicates_removed.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(removed)
    official = of_split(read_rows(path), "official_test")
    assert [row.file.name for row in official] == ["e.png", "f.png", "e.png"]
    assert len(of_split(read_rows(path), "test_internal")) == 2
    assert of_split(read_rows(path, needed=["official_test"]), "official_test") == official
