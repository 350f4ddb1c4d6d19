import pytest

from tests.chaos.conftest import bundle
from tests.chaos.harness import overread

__all__ = ["bundle"]


@pytest.fixture(scope="module")
def hospital(bundle, tmp_path_factory):
    """An Overread with two sites and their people, on the tiny network."""
    with overread(tmp_path_factory.mktemp("hospital"), bundle) as one:
        one.start()
        reviewers = [f"reviewer{n}" for n in range(1, 6)]
        one.tokens = one.people("uploader", "reader", *reviewers, "auditor")
        one.tokens |= one.people("reviewer9", site="elsewhere")
        yield one
