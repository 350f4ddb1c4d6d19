import pytest

from tests.bundles import tiny_bundle
from tests.chaos.harness import overread


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """The tiny network."""
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny-0.0.1")


@pytest.fixture(scope="module")
def running(bundle, tmp_path_factory):
    """An Overread that the tests of a module share; each leaves it whole."""
    with overread(tmp_path_factory.mktemp("overread"), bundle) as one:
        one.start()
        one.tokens = one.people("uploader", "reviewer", "auditor")
        yield one
