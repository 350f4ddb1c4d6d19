import pytest

from tests.bundles import tiny_bundle
from tests.portal.conftest import other_site, own_data_folder, reviewer, site, uploader
from worker import golden, model
from worker.shipping import deploy_everywhere, register_shipped_model, shipped_manifest

__all__ = ["other_site", "own_data_folder", "reviewer", "site", "uploader"]


@pytest.fixture
def bundle(tmp_path, settings, monkeypatch):
    """A tiny bundle that is the shipped one, in a process that has loaded nothing yet."""
    monkeypatch.setenv("OVERREAD_ALLOW_TEST_BUNDLE", "1")
    monkeypatch.setattr(model, "_loaded", {})
    monkeypatch.setattr(model, "_trouble", {})
    monkeypatch.setattr(model, "_said_loading", set())
    for name in ("_pictures", "_due", "_drift", "_first"):
        monkeypatch.setattr(golden, name, {})
    folder = tiny_bundle(tmp_path / "bundles" / "tiny-0.0.1")
    settings.OVERREAD_BUNDLE = str(folder)
    return folder


@pytest.fixture
def shipped(bundle, site):
    """The tiny version, registered, and live at the site."""
    version = register_shipped_model(shipped_manifest())
    deploy_everywhere(version)
    return version
