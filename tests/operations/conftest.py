import os

import pytest

from tests.chaos.conftest import bundle
from tests.operations.two_roles import two_roles
from tests.programs import need

__all__ = ["bundle"]


@pytest.fixture(scope="session")
def postgres() -> str:
    """The address of the PostgreSQL that the tests run on."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        pytest.skip("only PostgreSQL has roles; set DATABASE_URL to run this")
    need("psql", debian="postgresql-client")
    return url


@pytest.fixture(scope="module")
def roles(postgres):
    with two_roles(postgres) as made:
        yield made
