"""The product's settings, with a data folder that is thrown away at the end."""

import atexit
import os
import shutil
import tempfile

if "OVERREAD_DATA" not in os.environ:
    os.environ["OVERREAD_DATA"] = tempfile.mkdtemp(prefix="overread-tests-")
    atexit.register(shutil.rmtree, os.environ["OVERREAD_DATA"], ignore_errors=True)

from portal.settings import *  # noqa: F403 (the environment comes first)

# tests send faster than a client should; the limits have tests of their own
OVERREAD_READS_A_MINUTE = OVERREAD_WRITES_A_MINUTE = OVERREAD_UPLOADS_A_MINUTE = 0
