"""Uploads that do not pass through HTTP: files put into ``incoming/`` as a door does."""

import pytest

from portal.intake import Received, Verdict, accept_uploads
from portal.studies.blobs import store


@pytest.fixture
def upload(portal_airlock, uploader):
    """Return a function that sends files and gives the verdicts."""

    def send(*contents: bytes, by=None, described=(), **options) -> list[Verdict]:
        files = [received(content, f"{n}.dcm") for n, content in enumerate(contents)]
        return accept_uploads(files=files, described=described, by=by or uploader, **options)

    return send


def received(content: bytes, filename: str = "image.dcm") -> Received:
    """Return ``content`` as a door receives it."""
    writer = store.begin()
    writer.write(content)
    return Received(filename=filename, blob=writer.finish())
