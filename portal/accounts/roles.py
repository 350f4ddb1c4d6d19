"""Who may do what. This table is the only place that says so."""

from collections.abc import Iterable
from enum import StrEnum

from django.db import models


class Role(models.TextChoices):
    """What a person is at a site; one person may be several things."""

    UPLOADER = "uploader"
    READER = "reader"
    REVIEWER = "reviewer"
    ADJUDICATOR = "adjudicator"
    PACS_ADMIN = "pacs_admin", "PACS admin"
    DATA_SCIENTIST = "data_scientist", "data scientist"
    AUDITOR = "auditor"
    SITE_ADMIN = "site_admin", "site admin"


class May(StrEnum):
    """Something that a role allows."""

    UPLOAD = "upload"
    SEE_OWN_UPLOADS = "see_own_uploads"
    SEE_STUDIES = "see_studies"
    WRITE_FINDING = "write_finding"
    SIGN = "sign"
    PAUSE_MODEL = "pause_model"
    ADJUDICATE = "adjudicate"
    OPERATE = "operate"
    EVALUATE_MODELS = "evaluate_models"
    APPROVE_MODELS = "approve_models"
    READ_AUDIT = "read_audit"
    ADMINISTER = "administer"
    WATCH_MODEL = "watch_model"
    ANSWER_ALERTS = "answer_alerts"
    COMPARE_BY_STUDY = "compare_by_study"


_R = Role
TABLE: dict[May, frozenset[Role]] = {
    May.UPLOAD: frozenset({_R.UPLOADER, _R.READER, _R.REVIEWER, _R.ADJUDICATOR, _R.PACS_ADMIN}),
    May.SEE_OWN_UPLOADS: frozenset(
        {_R.UPLOADER, _R.READER, _R.REVIEWER, _R.ADJUDICATOR, _R.PACS_ADMIN}
    ),
    May.SEE_STUDIES: frozenset({_R.READER, _R.REVIEWER, _R.ADJUDICATOR, _R.PACS_ADMIN}),
    May.WRITE_FINDING: frozenset({_R.READER, _R.REVIEWER}),
    May.SIGN: frozenset({_R.REVIEWER, _R.ADJUDICATOR}),
    May.PAUSE_MODEL: frozenset({_R.REVIEWER, _R.ADJUDICATOR}),
    May.ADJUDICATE: frozenset({_R.ADJUDICATOR}),
    May.OPERATE: frozenset({_R.PACS_ADMIN}),
    May.EVALUATE_MODELS: frozenset({_R.DATA_SCIENTIST}),
    May.APPROVE_MODELS: frozenset({_R.REVIEWER, _R.SITE_ADMIN}),
    May.READ_AUDIT: frozenset({_R.AUDITOR}),
    May.ADMINISTER: frozenset({_R.SITE_ADMIN}),
    May.WATCH_MODEL: frozenset(
        {_R.REVIEWER, _R.ADJUDICATOR, _R.DATA_SCIENTIST, _R.AUDITOR, _R.SITE_ADMIN}
    ),
    May.ANSWER_ALERTS: frozenset({_R.REVIEWER, _R.ADJUDICATOR, _R.DATA_SCIENTIST, _R.SITE_ADMIN}),
    May.COMPARE_BY_STUDY: frozenset({_R.DATA_SCIENTIST, _R.AUDITOR}),
}
LOOKS_AT_CUT_OFFS = (May.EVALUATE_MODELS, May.APPROVE_MODELS, May.SIGN)
"""Who may any of these sees what each cut-off would have said; see decision 19."""
READS = (May.WRITE_FINDING, May.SIGN)
"""Who may any of these reads, whatever else they are; see decision 20."""
DECIDES_ON_MODELS = (May.EVALUATE_MODELS, May.APPROVE_MODELS, May.PAUSE_MODEL)
"""Any of these may take back or end what makes a model say more; see decision 16 and 20."""


def allows(roles: Iterable[str], act: May) -> bool:
    """Return whether any of ``roles`` allows ``act``."""
    return not TABLE[act].isdisjoint(roles)
