"""Uploaded files stream into the blob store while they are hashed; nothing is held in memory."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.datastructures import MultiValueDict

from portal.errors import Unavailable
from portal.http.outages import StorageFull, storage_outage
from portal.intake import Received
from portal.studies.blobs import FileWriter, IncomingBlob, store

if TYPE_CHECKING:
    _Uploaded = UploadedFile[bytes]
else:  # generic for the type checker alone
    _Uploaded = UploadedFile

logger = logging.getLogger(__name__)


class IncomingFile(_Uploaded):
    """One uploaded file, complete in the blob store's ``incoming`` folder.

    ``incoming`` is None if it could not be written; ``outage`` then says why. ``name`` is what the
    client called it: text to show, never a path. Django closes it when the request ends, and what
    nobody accepted by then is removed.
    """

    def __init__(
        self,
        name: str,
        content_type: str,
        incoming: IncomingBlob | None,
        outage: Unavailable | None = None,
    ) -> None:
        size = incoming.size if incoming else 0
        super().__init__(name=name, content_type=content_type, size=size)
        self.incoming = incoming
        self.outage = outage

    def close(self) -> None:
        """Remove the file unless it was accepted."""
        if self.incoming:
            self.incoming.discard()


class IncomingBlobHandler(FileUploadHandler):
    """Read a multipart body, files into the blob store. Set in ``FILE_UPLOAD_HANDLERS``."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: Mapping[str, Any],  # noqa: N803 (Django's)
        content_length: int,  # noqa: ARG002 (Django's)
        boundary: Any,  # noqa: ARG002 (Django's)
        encoding: str | None = None,
    ) -> tuple[Any, Any]:
        """Return fields and files. However reading ends, no half file is left."""
        parts = _Parts(self.request)
        try:
            parser = MultiPartParser(dict(META), input_data, [parts], encoding)
            return parser.parse()
        finally:
            parts.abandon()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Do nothing: `handle_raw_input` reads everything."""
        raise NotImplementedError

    def file_complete(self, file_size: int) -> _Uploaded | None:
        """Do nothing: `handle_raw_input` reads everything."""
        raise NotImplementedError


class _Parts(FileUploadHandler):
    """Take the files of one body, one after the other."""

    _writer: FileWriter | None = None
    _outage: Unavailable | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        with self._room():
            self._writer = store.begin()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:  # noqa: ARG002
        if self._writer:
            with self._room():
                self._writer.write(raw_data)
        return None

    def file_complete(self, file_size: int) -> IncomingFile:  # noqa: ARG002 (Django's)
        incoming = None
        if self._writer:
            with self._room():
                incoming = self._writer.finish()
        self._writer = None
        return IncomingFile(self.file_name or "", self.content_type or "", incoming, self._outage)

    def upload_interrupted(self) -> None:
        """Refuse a body that ends within a file: what arrived of it is not the file."""
        raise MultiPartParserError("The upload ended before it was complete.")

    def abandon(self) -> None:
        """Remove the file that was being written, if any."""
        if self._writer:
            self._writer.discard()
            self._writer = None

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Go on without the file in an outage: the rest of the body is still read."""
        try:
            yield
        except OSError as error:
            self._outage = storage_outage(error)
            if not self._outage:
                raise
            logger.error("an upload cannot be kept: %s", error.strerror)  # noqa: TRY400 (no stack)
            self.abandon()


def received_files(request_files: MultiValueDict[str, _Uploaded]) -> list[Received]:
    """Return the files of the field ``files`` in the order they were sent.

    What is not accepted is removed at the end of the request.

    Raises
    ------
    StorageFull, StorageUnavailable
        At least one of them could not be written; nothing should be accepted.
    """
    received = []
    for file in request_files.getlist("files"):
        incoming = getattr(file, "incoming", None)
        if incoming is None:
            full = StorageFull("There is no room for the upload; nothing was stored.")
            raise getattr(file, "outage", None) or full
        received.append(Received(filename=file.name or "", blob=incoming))
    return received
