"""What may be loaded where, seen in fresh processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

HEAVY = (
    "tensorflow",
    "keras",
    "ncnn",
    "onnx",
    "onnxruntime",
    "numpy",
    "PIL",
    "pydicom",
    "imagecodecs",
    "matplotlib",
)


def loaded_after(code: str) -> set[str]:
    script = (
        f"{code}\nimport sys; print(' '.join(sorted({{m.split('.')[0] for m in sys.modules}})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


DJANGO = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'portal.settings'; import django; "


def test_the_web_application_loads_no_network_and_no_pixel_code():
    code = f"{DJANGO}django.setup(); import portal.wsgi, portal.urls"
    assert loaded_after(code).isdisjoint(HEAVY)


def test_the_airlock_loads_no_network():
    loaded = loaded_after("import inference.airlock.server")
    assert loaded.isdisjoint({"tensorflow", "keras", "django", "celery"})


def test_importing_inference_is_cheap():
    assert loaded_after("import inference").isdisjoint({"tensorflow", "keras", "django"})


@pytest.mark.parametrize(("engine", "library"), [("auto", "ncnn"), ("onnx", "onnxruntime")])
def test_a_process_that_classifies_on_a_processor_loads_no_tensorflow(engine, library):
    code = (
        f"import os; os.environ['OVERREAD_ENGINE'] = '{engine}'\n"
        "os.environ['OVERREAD_DEVICE'] = 'cpu'\n"
        "import inference; from tests.bundles import SHIPPED; import numpy as np\n"
        "with inference.load(SHIPPED) as classifier:\n"
        "    assert 0 < classifier.score_pixels(np.zeros((1, 224, 224), np.float32))[0] < 1"
    )
    loaded = loaded_after(code)
    assert loaded.isdisjoint({"tensorflow", "keras", "django"})
    assert library in loaded


@pytest.mark.parametrize("planted", ["import tensorflow", "import numpy", "import inference"])
def test_a_planted_import_in_the_portal_breaks_the_contract(planted, tmp_path):
    """The contracts can fail: a copy of the tree with one bad line is refused."""
    for name in ("portal", "inference", "worker"):
        copy_tree(ROOT / name, tmp_path / name)
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    errors = tmp_path / "portal" / "errors.py"
    errors.write_text(f"{planted}  # planted\n{errors.read_text()}")
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


def copy_tree(source, target):
    for path in source.rglob("*.py"):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
