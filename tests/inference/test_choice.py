"""Which engine runs where, and which may not."""

import dataclasses

import pytest

from inference import choice
from inference.agreement import tolerance
from inference.choice import EngineUnavailable, choose_engine
from inference.engines import wanted_of
from inference.manifest import Interval, ManifestInvalid, Reduced, read_manifest, write_manifest
from inference.measured import FigureInvalid
from inference.vgg16 import DeviceUnavailable
from tests.bundles import tiny_manifest

HELD = Reduced((4.0,) * 13, 128, 1033, 0.0004, 0.03, 2)


def manifest(reduced=None):
    plain = tiny_manifest()
    val = dataclasses.replace(plain.measured.val, ece=Interval(0.03, 0.02, 0.04))
    measured = dataclasses.replace(plain.measured, val=val)
    return dataclasses.replace(plain, measured=measured, reduced=reduced)


@pytest.fixture(autouse=True)
def nothing_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.delenv("OVERREAD_ENGINE", raising=False)
    monkeypatch.delenv("OVERREAD_DEVICE", raising=False)
    monkeypatch.setattr(choice, "NVIDIA", tmp_path / "none")


@pytest.mark.parametrize(
    ("engine", "device", "chosen"),
    [
        ("auto", "auto", "ncnn"),
        ("auto", "cpu", "ncnn"),
        ("auto", "gpu", "tensorflow"),
        ("tensorflow", "cpu", "tensorflow"),
        ("ncnn", "cpu", "ncnn"),
        ("onnx", "auto", "onnx"),
        ("reduced", "cpu", "reduced"),
    ],
)
def test_what_is_chosen(monkeypatch, engine, device, chosen):
    monkeypatch.setenv("OVERREAD_ENGINE", engine)
    monkeypatch.setenv("OVERREAD_DEVICE", device)
    assert choose_engine(manifest(HELD)) == chosen


@pytest.mark.parametrize(("seen", "chosen"), [("gpu", "tensorflow"), ("cpu", "ncnn")])
def test_where_there_is_a_driver_tensorflow_is_asked_for_a_gpu(monkeypatch, tmp_path, seen, chosen):
    monkeypatch.setattr(choice, "NVIDIA", tmp_path)
    monkeypatch.setattr(choice, "choose_device", lambda: seen)
    assert choose_engine(manifest()) == chosen


@pytest.mark.parametrize(
    ("engine", "device", "said"),
    [
        ("abacus", "auto", "auto, tensorflow, ncnn, onnx or reduced"),
        ("ncnn", "gpu", "OVERREAD_ENGINE is ncnn, which runs on processors"),
        ("onnx", "gpu", "OVERREAD_ENGINE is onnx, which runs on processors"),
        ("reduced", "gpu", "OVERREAD_ENGINE is reduced, which runs on processors"),
        ("onnx", "tpu", "auto, cpu or gpu"),
    ],
)
def test_what_cannot_be_is_refused_in_words(monkeypatch, engine, device, said):
    monkeypatch.setenv("OVERREAD_ENGINE", engine)
    monkeypatch.setenv("OVERREAD_DEVICE", device)
    with pytest.raises(DeviceUnavailable, match=said):
        choose_engine(manifest(HELD))


@pytest.mark.parametrize(
    ("reduced", "said"),
    [
        (None, "brings no ranges"),
        (dataclasses.replace(HELD, auc_lost=0.0034), r"lost 0\.0034 of the AUC of val; 0\.002"),
        (dataclasses.replace(HELD, auc_lost=float("nan")), "lost nan"),
        (dataclasses.replace(HELD, ece=0.0412), r"0\.0412 with it; at most 0\.0400"),
    ],
)
def test_the_reduced_engine_may_not_run_what_it_was_not_measured_to_hold(reduced, said):
    with pytest.raises(EngineUnavailable, match=said):
        choose_engine(manifest(reduced), "reduced")
    assert choose_engine(manifest(reduced), "onnx") == "onnx"


def test_the_ranges_travel_in_the_manifest():
    text = write_manifest(manifest(HELD))
    assert read_manifest(text).reduced == HELD
    assert wanted_of(read_manifest(text), reduced=True).ranges.tolist() == [4.0] * 13
    assert wanted_of(read_manifest(text)).ranges is None
    assert "reduced" not in write_manifest(manifest())


@pytest.mark.parametrize("ranges", [(4.0,) * 12, (0.0,) * 13])
def test_other_ranges_are_not_those_of_a_vgg16(ranges):
    with pytest.raises(FigureInvalid, match=r"reduced\.ranges"):
        dataclasses.replace(HELD, ranges=ranges)


def test_a_manifest_with_other_ranges_is_refused():
    text = write_manifest(manifest(HELD)).replace("4.0", "4.5", 1)
    with pytest.raises(ManifestInvalid, match="seal"):
        read_manifest(text)


def test_the_reduced_engine_may_lie_further_off_than_the_others():
    whole, reduced = "onnxruntime 1 cpu", "onnxruntime 1 int8 cpu"
    assert tolerance(whole, whole) < tolerance(whole, "tensorflow 2 cpu")
    assert tolerance(whole, "tensorflow 2 cpu") < tolerance(reduced, reduced)
    assert tolerance(reduced, reduced) < tolerance(whole, reduced) == tolerance(reduced, whole)
