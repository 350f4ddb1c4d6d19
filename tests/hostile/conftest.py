import pytest

from tests.bundles import tiny_bundle
from tests.hostile.watch import started


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """The tiny network."""
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny-0.0.1")


@pytest.fixture(scope="module")
def running(bundle, tmp_path_factory):
    """An Overread with people at two sites, and a folder of its own for temporary files."""
    with started(tmp_path_factory.mktemp("hostile"), bundle) as one:
        yield one
