"""Versions below these have known holes. An offline machine has no other way to know."""

from importlib.metadata import version

import pytest
from packaging.version import Version

FLOORS = {
    "django": "5.2.14",
    "pydicom": "3.0.2",
    "pillow": "12.3",
    "keras": "3.11.3",
    "gunicorn": "23",
}


@pytest.mark.parametrize(("package", "floor"), FLOORS.items())
def test_a_locked_version_is_above_its_floor(package, floor):
    assert Version(version(package)) >= Version(floor)


@pytest.mark.parametrize("package", ["gdcm", "pylibjpeg", "python-gdcm", "pylibjpeg-libjpeg"])
def test_no_forbidden_decoder_is_locked(package):
    from tests.architecture.sources import ROOT

    for lock in (ROOT / "requirements").glob("*.txt"):
        assert f"\n{package}==" not in lock.read_text()
