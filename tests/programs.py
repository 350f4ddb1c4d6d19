"""What a test needs beside Python: without it the test skips, and where CI is true it fails."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip for a sentence; where ``CI`` is true fail, so that nothing is left out unseen."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(what)
    pytest.skip(what)


def need(program: str, *, debian: str) -> str:
    """Return where a program is that the package ``debian`` brings."""
    return shutil.which(program) or missing(f"there is no {program} (Debian: {debian})")
