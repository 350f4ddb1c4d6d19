"""Signed first reads that disagree with the AI, without who the patient was."""

from collections.abc import Iterator

from django.utils.crypto import salted_hmac

from portal.predictions.models import Prediction
from portal.reviews.models import Purpose, Review
from portal.studies.models import Study
from portal.watch.ages import NOT_STATED, band_name_of
from portal.watch.panels import Cell
from portal.watch.selectors import Scope, days_of, monday

COLUMNS = (
    "Study", "Week", "Scanner", "View", "Age", "Score", "Cut-off", "AI", "Reader", "Reason",
)  # fmt: skip


def overrides_in(scope: Scope) -> Iterator[tuple[Cell, ...]]:
    """Yield a row for each override, in the order of their pseudonyms."""
    after, before = days_of(scope)
    rows = Review.objects.filter(
        superseded_by=None,
        purpose=Purpose.FIRST,
        finding__prediction__site=scope.site,
        finding__prediction__model_version=scope.version,
        finding__prediction__requested_at__gte=after,
        finding__prediction__requested_at__lt=before,
    ).exclude(finding__reason_code="")
    seen = rows.select_related("study__site", "finding__prediction__instance")
    yield from sorted(_told(row) for row in seen if row.finding.is_override)


def study_key(study: Study) -> str:
    """Return the pseudonym of a study: the same in every pack of this installation.

    A keyed hash, so that nobody without the installation's secret can try UIDs.
    """
    name = f"{study.site.slug} {study.study_instance_uid}"
    return salted_hmac("overread.evidence.study", name, algorithm="sha256").hexdigest()[:16]


def _told(review: Review) -> tuple[Cell, ...]:
    finding = review.finding
    prediction = finding.prediction
    assert isinstance(prediction, Prediction)  # noqa: S101 (an override names what was shown)
    facts = prediction.instance.facts
    maker, model = facts.get("manufacturer", ""), facts.get("manufacturer_model_name", "")
    return (
        study_key(review.study),
        monday(prediction.requested_at.date()).isoformat(),
        f"{maker} {model}".strip() or NOT_STATED,
        facts.get("view") or NOT_STATED,
        band_name_of(facts.get("age_years")),
        round(prediction.score or 0.0, 4),
        round(prediction.threshold or 0.0, 4),
        finding.shown,
        finding.presence,
        finding.reason_code,
    )
