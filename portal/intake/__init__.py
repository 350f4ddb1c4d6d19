"""The one entrance for images, behind every door: `accept_uploads`."""

from portal.dicom.described import Described
from portal.intake.entrance import KEY_PATTERN, MayNotUpload, RequestInvalid, accept_uploads
from portal.intake.verdict import Received, Verdict

__all__ = [
    "KEY_PATTERN",
    "Described",
    "MayNotUpload",
    "Received",
    "RequestInvalid",
    "Verdict",
    "accept_uploads",
]
