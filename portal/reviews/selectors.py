"""Read side of reviews: what stands, and what was signed."""

from django.db.models import (
    Case,
    CharField,
    Exists,
    FloatField,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)

from portal.accounts.models import User
from portal.errors import NotFound
from portal.predictions.models import Prediction
from portal.predictions.selectors import LEADING
from portal.reviews.models import Purpose, Review
from portal.studies.models import Instance, Study
from portal.studies.selectors import visible_studies


class NoSuchReview(NotFound):
    """There is none of this id where the user may look."""

    code = "no_such_review"


REPORT_STATUSES = ("registered", "partial", "final", "amended")


def with_report_status(
    studies: QuerySet[Study], predictions: QuerySet[Prediction] | None = None
) -> QuerySet[Study]:
    """Return ``studies`` with the columns of the worklist, read from ``predictions`` or all.

    For a few studies: each column is a look at other tables. ``report_status`` is FHIR's:
    nothing read ``registered``, scored by the AI only ``partial``, signed ``final``, changed
    ``amended``. It is derived, never stored, so it cannot disagree with the rows it is derived
    from. ``state``, ``outcome``, ``score``, ``finding``, ``code`` are the leading prediction's;
    ``read_as`` is the person's.
    """
    predictions = Prediction.objects.all() if predictions is None else predictions
    reviews = Review.objects.filter(study=OuterRef("pk"), superseded_by=None)
    of_study = predictions.filter(instance__series__study=OuterRef("pk"))
    scored = Prediction.objects.filter(instance__series__study=OuterRef("pk"), outcome="scored")
    latest = of_study.order_by(*LEADING)
    image = Instance.objects.filter(series__study=OuterRef("pk")).order_by("pk")
    return studies.annotate(
        report_status=Case(
            When(Exists(reviews.filter(supersedes__isnull=False)), then=Value("amended")),
            When(Exists(reviews), then=Value("final")),
            When(Exists(scored), then=Value("partial")),
            default=Value("registered"),
            output_field=CharField(),
        ),
        state=Subquery(latest.values("state")[:1]),
        outcome=Subquery(latest.values("outcome")[:1]),
        score=Subquery(latest.values("score")[:1], output_field=FloatField()),
        finding=Subquery(latest.values("finding")[:1]),
        code=Subquery(latest.values("code")[:1]),
        modality=Subquery(image.values("series__modality")[:1]),
        kind=Subquery(image.values("kind")[:1]),
        read_as=Subquery(reviews.values("finding__presence")[:1]),
        read_by=Subquery(reviews.values("reviewer_name")[:1]),
    )


def report_status(study: Study) -> str:
    """Return the report status of one study."""
    row = with_report_status(Study.objects.filter(pk=study.pk)).get()
    return str(getattr(row, "report_status"))  # noqa: B009 (a column that mypy cannot know)


def current_review(study: Study) -> Review | None:
    """Return the review that stands: the adjudication's, else the first reader's."""
    standing = Review.objects.filter(study=study, superseded_by=None)
    rows = {row.purpose: row for row in standing.select_related("finding", "reviewer")}
    return rows.get(Purpose.ADJUDICATION) or rows.get(Purpose.FIRST)


def reviews_of(study: Study) -> QuerySet[Review]:
    """Return every review of a study ever signed, oldest first."""
    return (
        Review.objects.filter(study=study)
        .select_related("finding__prediction__model_version", "reviewer", "superseded_by")
        .order_by("signed_at", "pk")
    )


def review_of(user: User, review_id: int) -> Review:
    """Return one review.

    Raises
    ------
    NoSuchReview
    """
    seen = Review.objects.filter(pk=review_id, study__in=visible_studies(user))
    review = seen.select_related("study__site", "finding").first()
    if review is None:
        raise NoSuchReview("There is no such review.")
    return review
