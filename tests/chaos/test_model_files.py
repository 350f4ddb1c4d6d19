"""Model files that go missing or bad under a running system: nothing is read until they are whole.

A row must not lose an attempt to a worker that cannot read at all.
"""

import os
import shutil
import signal

import pytest

from tests.chaos.harness import overread, until
from tests.chaos.test_kills import WITHIN, all_done, send

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def running(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("overread")
    own = shutil.copytree(bundle, folder / bundle.name)
    with overread(folder, own) as one:
        one.start()
        one.bundle = own
        one.tokens = one.people("uploader", "reviewer")
        yield one


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("file", ["head.npz", "manifest.json"])
@pytest.mark.parametrize("harm", [os.unlink, truncate, flip_a_bit])
def test_a_model_file_that_is_not_what_was_released_reads_nothing_until_it_is(running, harm, file):
    weights = running.bundle / file
    whole = weights.read_bytes()
    refused = len([line for line in running.lines if "nothing is claimed" in line])
    harm(weights)
    try:
        os.kill(running.worker(), signal.SIGKILL)
        (one,) = send(running, 1)
        said = lambda: (  # noqa: E731
            len([line for line in running.lines if "nothing is claimed" in line]) > refused
        )
        until(said, within=WITHIN, what="the refusal of the worker")
        waiting = running.prediction(running.tokens["uploader"], one)
        assert (waiting["state"], waiting["attempt"]) == ("queued", 0)
    finally:
        weights.write_bytes(whole)
    assert all_done(running, [one])[one]["attempt"] == 1
