"""The one entrance for images.

All files of a request are examined before any is stored, so that an airlock that does not answer
leaves nothing behind. Then each is stored in a transaction of its own: instance, prediction and
audit event together or not at all.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.airlock import MAY_BE_OUR_FAULT
from portal.audit.services import Action, Outcome, record_alone
from portal.dicom.described import Described
from portal.errors import Forbidden, InvalidInput, PortalError
from portal.intake.examine import examine
from portal.intake.settle import Settling
from portal.intake.verdict import Received, Verdict, tell_again
from portal.studies.models import LEAST_URGENT
from portal.studies.services import KeyReused, begin_answer, finish_answer

KEY_PATTERN = r"[\x21-\x7e]{1,200}"
"""What a key may be: visible ASCII. For the doors too, and for what they document."""


class MayNotUpload(Forbidden):
    """The sender's roles do not allow it."""

    code = "may_not_upload"


class RequestInvalid(InvalidInput):
    """The request as a whole makes no sense."""

    code = "upload_invalid"


def accept_uploads(
    *,
    files: Sequence[Received],
    described: Sequence[Described] = (),
    priority: int = 5,
    idempotency_key: str = "",
    by: User,
) -> list[Verdict]:
    """Return a verdict for each file, in their order. What is not accepted is removed.

    The same bytes again are a ``duplicate`` with the ids of the first time; the same
    ``idempotency_key`` with the same content gets the same answer again.

    Parameters
    ----------
    files : sequence of Received
        Complete files in the blob store's ``incoming`` folder.
    described : sequence of Described
        What was sent beside them, in the same order; may be shorter.
    priority : int
        0 (most urgent) to 9.
    idempotency_key : str
        At most 200 printable ASCII characters without spaces; empty for none.
    by : User
        Who sends them, to the site that they belong to.

    Raises
    ------
    MayNotUpload, RequestInvalid, KeyReused, Unavailable
    """
    try:
        _check_sender(by)
        _check_request(files, described, priority, idempotency_key)
        if not idempotency_key:
            return _accept(files, described, priority, by)
        return _accept_once(files, described, priority, idempotency_key, by)
    except (MayNotUpload, RequestInvalid, KeyReused) as refusal:
        _record_refusal(refusal, by)
        raise
    finally:
        for file in files:
            file.blob.discard()


def _accept(
    files: Sequence[Received], described: Sequence[Described], priority: int, by: User
) -> list[Verdict]:
    words = [*described, *[Described()] * (len(files) - len(described))]
    examined = [examine(file, said, by=by) for file, said in zip(files, words, strict=True)]
    settling = Settling(by=by, priority=priority)
    return [settling.settle(one) for one in examined]


def _accept_once(
    files: Sequence[Received], described: Sequence[Described], priority: int, key: str, by: User
) -> list[Verdict]:
    """Accept, or repeat what the same request was answered before."""
    fingerprint = _fingerprint(files, described, priority)
    answer = begin_answer(user=by, key=key, fingerprint=fingerprint)
    if answer.uploads:
        verdicts = [Verdict(**stored) for stored in answer.uploads]
        for file, verdict in zip(files, verdicts, strict=True):
            tell_again(file, verdict, by=by)
        return verdicts
    verdicts = _accept(files, described, priority, by)
    if any(verdict.code in MAY_BE_OUR_FAULT for verdict in verdicts):
        return verdicts  # and not for ever: it says that the file may be sent again
    fresh = [asdict(verdict) for verdict in verdicts]
    return [Verdict(**stored) for stored in finish_answer(answer, fresh)]


def _fingerprint(files: Sequence[Received], described: Sequence[Described], priority: int) -> str:
    """Return SHA-256 of what makes two requests the same. Filenames do not."""
    content = [[file.blob.sha256 for file in files], [asdict(d) for d in described], priority]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _check_sender(by: User) -> None:
    if not by.may(May.UPLOAD):
        raise MayNotUpload("Uploading is not among what your roles allow.")


def _check_request(
    files: Sequence[Received], described: Sequence[Described], priority: int, key: str
) -> None:
    if not files:
        raise RequestInvalid("Send at least one file in the field 'files'.")
    if len(described) > len(files):
        raise RequestInvalid(f"{len(described)} descriptions were sent with {len(files)} files.")
    if not 0 <= priority <= LEAST_URGENT:
        raise RequestInvalid(f"Priority goes from 0 (most urgent) to {LEAST_URGENT}.")
    if key and not re.fullmatch(KEY_PATTERN, key):
        raise RequestInvalid("An Idempotency-Key has at most 200 printable ASCII characters.")


def _record_refusal(refusal: PortalError, by: User) -> None:
    """Write to the trail that a request was refused as a whole; a file has an event of its own."""
    record_alone(
        Action.UPLOAD_REFUSED,
        chain=by.site.slug,
        subject=f"user:{by.username}",
        by=by,
        outcome=Outcome.REFUSED,
        code=refusal.code,
    )
