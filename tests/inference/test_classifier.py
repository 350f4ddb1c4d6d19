"""One answer a file, whatever the files are. A tiny network behind the real path and airlock."""

import dataclasses
import json
import subprocess
import sys
import threading

import numpy as np
import pytest

import inference
from inference.airlock.client import Airlock, AirlockUnavailable
from inference.choice import EngineUnavailable
from inference.classifier import Classifier, Radiograph
from inference.refusal import Refusal
from inference.score import Score
from inference.vgg16 import Reading
from tests.bundles import ALLOW, tiny_bundle
from tests.dicom_files import chest_pixels, child_chest, jpeg_chest, png_chest


@pytest.fixture
def classifier(tiny_classifier):
    return tiny_classifier


class Engine:
    """Answers what it is told to, in place of a network that went wrong."""

    name = "broken"
    batch_size = 8
    device = "cpu"

    def __init__(self, value):
        self.value = value
        self.runs = 0

    def read(self, pixels):
        self.runs += 1
        return Reading(np.full((len(pixels), 64), self.value, np.float32))


def test_a_child_is_scored_with_all_that_is_needed_to_judge_the_score(classifier, bundle):
    (score,) = classifier.classify([child_chest()])
    assert isinstance(score, Score)
    assert 0 < score.probability < 1
    assert score.finding == ("present" if score.probability >= score.threshold else "absent")
    assert score.unknown == ()
    assert score.facts["age_years"] == 4
    assert score.weights_sha256 == bundle.manifest.weights_sha256
    assert (score.model, score.version) == ("tiny", "0.0.1")
    assert len(score.pixel_sha256) == 64
    assert json.dumps(dataclasses.asdict(score))


def test_a_picture_says_nothing_of_itself_and_the_score_says_so(classifier):
    plain, told = classifier.classify(
        [
            png_chest(),
            Radiograph(png_chest(), {"age_years": 3, "view": "AP", "modality": "CR"}),
        ]
    )
    assert plain.unknown == ("modality", "body_part", "view", "age")
    assert told.unknown == ("body_part",)
    assert plain.probability == told.probability


def test_what_the_sender_says_of_a_picture_can_put_it_outside_the_intended_use(classifier):
    (refusal,) = classifier.classify([Radiograph(png_chest(), {"age_years": 40})])
    assert (refusal.code, refusal.outcome) == ("age_outside_range", "not_applicable")


def test_a_widening_goes_with_its_own_radiograph_and_the_score_names_it(classifier):
    adult, adults = {"age_years": 40}, inference.Widening(number=7, age_years=(0, 130))
    refused, widened, inside = classifier.classify(
        [
            Radiograph(png_chest(), adult),
            Radiograph(png_chest(), adult, adults),
            Radiograph(png_chest(), {"age_years": 3}, adults),
        ]
    )
    assert isinstance(refused, Refusal)
    assert (widened.outside_use, widened.widening) == (("age_outside_range",), 7)
    assert (inside.outside_use, inside.widening) == ((), None)
    assert json.dumps(dataclasses.asdict(widened))


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"ViewPosition": "LL"}, "view_not_frontal"),
        ({"BodyPartExamined": "KNEE"}, "body_part_not_chest"),
        ({"PatientAge": "061Y"}, "age_outside_range"),
        ({"PatientAge": "011M"}, "age_outside_range"),
        ({"PatientAge": None, "PatientBirthDate": "19600101"}, "age_outside_range"),
        ({"Modality": "MG"}, "modality_not_supported"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for_processing"),
        ({"pixels": np.stack([chest_pixels(0), chest_pixels(1)])}, "multi_frame"),
    ],
)
def test_outside_the_intended_use_there_is_no_score(classifier, overrides, code):
    (refusal,) = classifier.classify([child_chest(**overrides)])
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.outcome) == (code, "not_applicable")


@pytest.mark.parametrize(
    ("overrides", "unknown"),
    [
        ({"ViewPosition": ""}, ("view",)),
        ({"BodyPartExamined": None}, ("body_part",)),
        ({"PatientAge": None, "PatientBirthDate": None}, ("age",)),
        ({"PatientAge": None}, ()),  # from birth and study
        ({"PatientAge": "018M"}, ()),
    ],
)
def test_what_the_header_leaves_open_is_allowed_and_named(classifier, overrides, unknown):
    (score,) = classifier.classify([child_chest(**overrides)])
    assert isinstance(score, Score)
    assert score.unknown == unknown


def test_the_header_is_asked_before_the_pixels_are_decoded(classifier):
    whole = child_chest(ViewPosition="LL")
    (refusal,) = classifier.classify([whole.replace(b"MONOCHROME2", b"MONOCHROMEX")])
    assert refusal.code == "view_not_frontal"


def test_the_gates_can_be_left_out_but_not_the_quality(classifier):
    adult, blank = classifier.classify(
        [child_chest(PatientAge="061Y"), child_chest(pixels=np.full((256, 256), 7, np.uint16))],
        gates=False,
    )
    assert isinstance(adult, Score)
    assert adult.facts["age_years"] == 61
    assert (blank.code, blank.outcome) == ("constant_image", "rejected_quality")


def test_bad_files_do_not_harm_their_neighbours_and_answers_keep_their_order(classifier, tmp_path):
    stored = tmp_path / "chest.dcm"
    stored.write_bytes(child_chest(seed=3))
    answers = classifier.classify(
        [
            b"",
            child_chest(seed=1),
            b"MZ not an image",
            child_chest(seed=2)[:700],
            tmp_path / "gone.dcm",
            tmp_path,
            stored,
            child_chest(ViewPosition="LL"),
            jpeg_chest(seed=4),
        ]
    )
    kinds = [getattr(answer, "code", "score") for answer in answers]
    assert [kind == "score" for kind in kinds] == [0, 1, 0, 0, 0, 0, 1, 0, 1]
    assert kinds[4] == kinds[5] == "file_missing"
    alone = classifier.classify([child_chest(seed=3)])[0]
    assert answers[6].probability == pytest.approx(alone.probability, abs=1e-6)


def test_no_files_no_answers(classifier):
    assert classifier.classify([]) == []


def test_a_batch_of_refusals_does_not_run_the_network(bundle, airlock):
    engine = Engine(0.5)
    with Classifier(bundle, airlock, engine) as classifier:
        classifier.classify([b"", child_chest(ViewPosition="LL")])
    assert engine.runs == 0


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 20])
def test_the_score_does_not_depend_on_the_batch(classifier, count):
    files = [child_chest(seed=seed) for seed in range(count)]
    together = [answer.probability for answer in classifier.classify(files)]
    alone = [classifier.classify([file])[0].probability for file in files]
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert len(set(together)) == count


def test_the_files_of_the_next_batch_are_opened_while_one_is_in_the_network(bundle, airlock):
    opened, last_is_open = [], threading.Event()

    class Door:
        header = airlock.header

        def decode(self, file, size):
            opened.append(file)
            if len(opened) == 12:
                last_is_open.set()
            return airlock.decode(file, size)

    class Waiting(Engine):
        def read(self, pixels):
            assert last_is_open.wait(20)
            return super().read(pixels)

    with Classifier(bundle, Door(), Waiting(0.5)) as classifier:
        answers = classifier.classify([child_chest(seed=seed) for seed in range(12)])
    assert len(answers) == 12


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_probability_is_no_score(bundle, airlock, value):
    with Classifier(bundle, airlock, Engine(value)) as classifier:
        answers = classifier.classify([child_chest()])
    assert [(a.code, a.outcome) for a in answers] == [("model_output_invalid", "failed")]


def test_an_airlock_that_is_away_is_an_outage_and_no_fault_of_a_file(bundle, tmp_path):
    with (
        Classifier(bundle, Airlock(tmp_path / "nobody.sock")) as classifier,
        pytest.raises(AirlockUnavailable),
    ):
        classifier.classify([child_chest()])


def test_load_starts_an_airlock_of_its_own_and_no_tensorflow(tmp_path):
    folder = tiny_bundle(tmp_path / "tiny-0.0.1")
    program = (
        "import sys, inference\n"
        "with inference.load(sys.argv[1]) as classifier:\n"
        "    classifier.warm_up()\n"
        "    print(classifier.classify([open(sys.argv[2], 'rb').read()])[0].finding)\n"
        "print('tensorflow' in sys.modules)\n"
    )
    (tmp_path / "chest.dcm").write_bytes(child_chest())
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), str(tmp_path / "chest.dcm")],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", **ALLOW},
    )
    assert done.stdout.split() in (["present", "False"], ["absent", "False"])


def test_importing_the_library_loads_no_tensorflow():
    program = "import sys, inference; print([m for m in sys.modules if 'tensorflow' in m])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
    assert inference.load.__doc__


def test_a_network_that_gives_up_when_it_is_warmed_up_is_unavailable(tiny_classifier, monkeypatch):
    def give_up(_):
        raise RuntimeError("no memory")

    monkeypatch.setattr(tiny_classifier._engine, "read", give_up)
    with pytest.raises(EngineUnavailable, match=r"tiny 1 numpy .* cannot run .* here: no memory\."):
        tiny_classifier.warm_up()
