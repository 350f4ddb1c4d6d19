"""Write side of labels: that they were exported is in the trail."""

from collections.abc import Mapping

from django.db import transaction

from portal.accounts.models import Site
from portal.audit.models import AuditEvent
from portal.audit.services import Action, record

EXPORT = "DCM 110106"
"""The event of DICOM PS3.15 A.5.3 (Export) that this is."""


@transaction.atomic
def note_label_export(
    *, site: Site, exported: int, left_out: Mapping[str, int], include_after_ai: bool
) -> AuditEvent:
    """Return the event that labels of ``site`` were written out by whoever runs the server."""
    return record(
        Action.LABELS_EXPORTED,
        chain=site.slug,
        subject=f"site:{site.slug}",
        by=None,
        event=EXPORT,
        exported=exported,
        left_out=dict(left_out),
        include_after_ai=include_after_ai,
    )
