"""Read side of labels: what signed reviews say of images, for those who would learn from them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from portal.accounts.models import Site
from portal.reviews.models import Finding, Presence, Purpose, Review
from portal.studies.models import Instance

SAW_AI, INDETERMINATE, SEVERAL = "saw_the_ai", "indeterminate", "several_images"


@dataclass(frozen=True, slots=True)
class Label:
    """What the standing review of a study says of its image.

    ``patient`` and ``reader`` name people: they are made pseudonyms before anything is written.
    """

    instance: Instance
    is_present: bool
    patient: str
    reader: str
    sex: str
    reason: str
    saw_ai: bool


def labels_at(
    site: Site, *, first: date | None, last: date | None, include_after_ai: bool, out: Counter[str]
) -> Iterator[Label]:
    """Yield the labels of reviews signed in these days; ``out`` counts why others are left out.

    The adjudication's counts, else the first reader's. A finding that was written once the AI had
    been shown (its stage) is left out unless asked for: who learns from it learns from the AI.
    """
    standing = Review.objects.filter(study__site=site, superseded_by=None)
    if first:
        standing = standing.filter(signed_at__gte=datetime.combine(first, time(), UTC))
    if last:
        end = datetime.combine(last + timedelta(days=1), time(), UTC)
        standing = standing.filter(signed_at__lt=end)
    counts = standing.exclude(purpose=Purpose.SECOND)
    rows = counts.select_related("study", "reviewer", "finding__prediction__instance")
    chosen = {row.study_id: row for row in rows.order_by("-purpose", "pk")}
    for review in sorted(chosen.values(), key=lambda row: row.pk):
        found = _label(review, include_after_ai=include_after_ai)
        if isinstance(found, Label):
            yield found
        else:
            out[found] += 1


def _label(review: Review, *, include_after_ai: bool) -> Label | str:
    """Return the label, or why there is none."""
    finding, study = review.finding, review.study
    saw_ai = finding.stage == Finding.Stage.AFTER
    if saw_ai and not include_after_ai:
        return SAW_AI
    if finding.presence == Presence.INDETERMINATE:
        return INDETERMINATE
    instance = finding.prediction.instance if finding.prediction else _only_image(review)
    if instance is None:
        return SEVERAL
    return Label(
        instance=instance,
        is_present=finding.presence == Presence.PRESENT,
        patient=f"patient {study.patient_id}" if study.patient_id else f"study {study.pk}",
        reader=review.reviewer.username,
        sex=study.patient_sex,
        reason=finding.reason_code,
        saw_ai=saw_ai,
    )


def _only_image(review: Review) -> Instance | None:
    images = list(Instance.objects.filter(series__study=review.study)[:2])
    return images[0] if len(images) == 1 else None
