"""Read side of the worklist: which studies, and what stands beside each of them.

Two steps, however long the list: the rows of a page are chosen by conditions that an index can
serve, and only those rows get the columns that need a look at other tables.
"""

from collections.abc import Iterable, Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.predictions.models import Prediction
from portal.reviews.models import Review
from portal.reviews.selectors import with_report_status
from portal.studies.models import Series, Study
from portal.studies.selectors import visible_instances, visible_studies

_REVIEWED = Q(Exists(Review.objects.filter(study=OuterRef("pk"), supersedes=None)))
_AMENDED = Q(Exists(Review.objects.filter(study=OuterRef("pk"), supersedes__isnull=False)))
_SCORED = Q(
    Exists(Prediction.objects.filter(instance__series__study=OuterRef("pk"), outcome="scored"))
)
_REPORT = {
    "registered": (~_REVIEWED, ~_SCORED),
    "partial": (~_REVIEWED, _SCORED),
    "final": (_REVIEWED, ~_AMENDED),
    "amended": (_AMENDED,),
}
WITHOUT_AI = "none"
"""The outcome of a study that the machine was never asked about, or not any more."""


def worklist(
    user: User, *, report_status: str = "", ai: Iterable[str] = (), modality: str = ""
) -> QuerySet[Study]:
    """Return what ``user`` may see, newest first.

    ``report_status`` is one of `REPORT_STATUSES`; each of ``ai`` a state or an outcome of the
    prediction that leads (the first by `LEADING`), ``waiting`` for queued or running, or
    `WITHOUT_AI`; ``modality`` that of a series.
    """
    studies = visible_studies(user)
    for condition in _REPORT[report_status] if report_status else ():
        studies = studies.filter(condition)
    for word in ai:
        studies = _led_by(studies, _seen(user), word)
    if modality:
        of_this = Series.objects.filter(study=OuterRef("pk"), modality=modality)
        studies = studies.filter(Exists(of_this))
    return studies.order_by("-received_at", "-pk")


def described(user: User, studies: Sequence[Study]) -> list[Study]:
    """Return ``studies`` in their order, each with the columns of `with_report_status`.

    They are read from the images that ``user`` may see.
    """
    chosen = Study.objects.filter(pk__in=[study.pk for study in studies])
    rows = {row.pk: row for row in with_report_status(chosen, _seen(user))}
    return [rows[study.pk] for study in studies]


def _seen(user: User) -> QuerySet[Prediction]:
    seen = Prediction.objects.all()
    if user.may(May.SEE_STUDIES):  # one who sees the site's studies sees all their images
        return seen
    return seen.filter(instance__in=visible_instances(user))


def _led_by(studies: QuerySet[Study], seen: QuerySet[Prediction], ai: str) -> QuerySet[Study]:
    """Return those whose leading prediction is in this state or of this outcome."""
    of_study = seen.filter(instance__series__study=OuterRef("pk"))
    if ai == WITHOUT_AI:
        # as a subquery: PostgreSQL would make NOT EXISTS a join of whole tables
        asked = Subquery(of_study.exclude(state="cancelled").values("pk")[:1])
        return studies.alias(asked=asked).filter(asked=None)
    if ai == "scored":
        return studies.filter(Exists(of_study.filter(outcome="scored")))
    named = Q(state__in=("queued", "running")) if ai == "waiting" else Q(outcome=ai)
    if ai in Prediction.State:
        named = Q(state=ai, score=None)
    rivals = seen.filter(instance__series__study=OuterRef("instance__series__study"))
    leads = Q(Exists(of_study.filter(named).exclude(Exists(rivals.filter(_beats(ai))))))
    if ai == Prediction.State.DONE:
        leads |= Q(Exists(of_study.filter(outcome="scored")))
    return studies.filter(leads)


def _beats(ai: str) -> Q:
    """Return what makes another prediction of the study lead: the order of `LEADING`."""
    later = Q(requested_at__gt=OuterRef("requested_at"))
    if ai == Prediction.State.CANCELLED:
        return later | ~Q(state="cancelled")
    return Q(score__isnull=False) | (later & ~Q(state="cancelled"))
