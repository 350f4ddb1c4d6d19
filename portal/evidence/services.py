"""Write side of evidence packs: making one is an export, and in the trail."""

from typing import IO

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.audit.services import Action, Actor, record, refusals_recorded
from portal.errors import Forbidden, InvalidInput
from portal.evidence.archive import write_archive
from portal.evidence.members import about, members_of
from portal.watch.selectors import Scope

EXPORT = "DCM 110106"
"""The event of DICOM PS3.15 A.5.3 (Export) that this is."""
MOST_DAYS = 731


class MayNotExport(Forbidden):
    """A pack holds a slice of the audit trail: it is made by those who may read that."""

    code = "may_not_export"


def export_evidence(*, scope: Scope, to: IO[bytes], by: User | None) -> str:
    """Write the pack of ``scope`` into ``to`` and return the SHA-256 of its manifest.

    ``by`` is empty where whoever runs the server asks for it. The event is written after the rows
    were read: it is not in the pack. Nothing is locked, so what is decided meanwhile may be in one
    member and not in another; a pack of days that are over has no such moment.

    Raises
    ------
    MayNotExport, InvalidInput
    """
    told = refusals_recorded(
        Action.EVIDENCE_REFUSED, chain=scope.site.slug, subject=f"model:{scope.version}", by=by
    )
    with told:
        _check(scope, by)
        digest = write_archive(to, members_of(scope), about(scope), scope.last)
    _note(scope, digest, by)
    return digest


@transaction.atomic
def _note(scope: Scope, digest: str, by: Actor | None) -> None:
    record(
        Action.EVIDENCE_EXPORTED,
        chain=scope.site.slug,
        subject=f"model:{scope.version}",
        by=by,
        event=EXPORT,
        first=scope.first.isoformat(),
        last=scope.last.isoformat(),
        manifest_sha256=digest,
    )


def _check(scope: Scope, by: User | None) -> None:
    if by and not (by.may(May.READ_AUDIT) and by.site_id == scope.site.pk):
        raise MayNotExport("Evidence packs are made by auditors: they hold a part of the trail.")
    if not 0 <= (scope.last - scope.first).days < MOST_DAYS:
        raise InvalidInput("A pack is of the days from one to a later one, at most two years.")
    if scope.last > timezone.now().date():
        raise InvalidInput("The last day of a pack has begun.")
