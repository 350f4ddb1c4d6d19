"""How many threads a network is given: no more than there is time for."""

import os

import pytest

from inference import processors, vgg16
from inference.ncnn_engine import NcnnEngine
from inference.onnx_engine import OnnxEngine
from inference.processors import cores
from inference.vgg16 import FeatureSpec
from inference.wanted import Wanted

WHOLE = Wanted("rgb_0_1", FeatureSpec("pooled", (5,)))


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """64 processors, and no control groups yet."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(processors, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(processors, "OWN", tmp_path / "own")


def grouped(tmp_path, own, files):
    """Write which groups the process is in, and what each file of them says."""
    (tmp_path / "own").write_text(own)
    for path, content in files.items():
        file = tmp_path / "cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def test_without_groups_it_is_what_the_process_may_run_on():
    assert cores() == 64


@pytest.mark.parametrize(
    ("quota", "found"),
    [("200000 100000", 2), ("150000 100000", 2), ("1000 100000", 1), ("max 100000", 64)],
)
def test_a_quota_is_rounded_up_and_at_least_one(tmp_path, quota, found):
    grouped(tmp_path, "0::/\n", {"cpu.max": f"{quota}\n"})
    assert cores() == found


def test_a_larger_quota_than_there_are_processors_changes_nothing(tmp_path):
    grouped(tmp_path, "0::/\n", {"cpu.max": "12800000 100000\n"})
    assert cores() == 64


def test_the_least_of_all_the_groups_around_the_process_counts(tmp_path):
    inner = {"system/cpu.max": "300000 100000", "system/overread/cpu.max": "max 100000"}
    grouped(tmp_path, "0::/system/overread\n", inner)
    assert cores() == 3


@pytest.mark.parametrize("folder", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota", "found"), [("400000\n", 4), ("-1\n", 64)])
def test_so_it_is_in_the_first_version(tmp_path, folder, quota, found):
    own = "3:memory:/docker/ab\n2:cpu,cpuacct:/docker/ab\n"
    files = {"cpu.cfs_quota_us": quota, "cpu.cfs_period_us": "100000\n"}
    grouped(tmp_path, own, {f"{folder}/{name}": said for name, said in files.items()})
    assert cores() == found


@pytest.mark.parametrize("said", ["", "nonsense", "200000 0", "1 2 3"])
def test_what_is_no_quota_sets_no_limit(tmp_path, said):
    grouped(tmp_path, "0::/\n", {"cpu.max": said})
    assert cores() == 64


def test_every_engine_is_given_so_many_threads(tmp_path, monkeypatch, weights):
    import onnxruntime

    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "")  # so that it is put back
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS")
    grouped(tmp_path, "0::/\n", {"cpu.max": "300000 100000"})
    given = []
    session = onnxruntime.InferenceSession

    def spy(graph, options, **more):
        given.append(options.intra_op_num_threads)
        return session(graph, options, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", spy)
    OnnxEngine(weights, WHOLE)
    assert given == [3]
    assert NcnnEngine(weights, WHOLE)._net.opt.num_threads == 3
    vgg16.choose_device("cpu")
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "3"
