"""One page of the worklist, and how it is asked for again."""

import hashlib
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import QuerySet

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.reviews.lease_selectors import leases_of
from portal.reviews.worklist_selectors import described, worklist
from portal.studies.models import Study
from portal.studies.selectors import matching
from portal.web.cards import UNFINISHED
from portal.web.forms.worklist import FilterForm

PAGE_LENGTH = 50  # studies
PAGES = 200
"""Pages of the list that can be walked to; what is older is searched for."""
SOON, LATER = 4, 20  # seconds between two looks, with and without work in progress
_SHOWN = ("pk", "report_status", "state", "outcome", "read_by", "read_as", "held")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list. How long the list is nobody counts: it may be a million studies."""

    number: int
    studies: list[Study]
    is_last: bool

    @property
    def first(self) -> int:
        """The place of the first study in the list, from 1."""
        return (self.number - 1) * PAGE_LENGTH + 1

    @property
    def last(self) -> int:
        """The place of the last study."""
        return self.first + len(self.studies) - 1

    @property
    def newer(self) -> int | None:
        """The number of the page before."""
        return self.number - 1 if self.number > 1 else None

    @property
    def older(self) -> int | None:
        """The number of the page after; older studies than the last page holds are searched for."""
        return self.number + 1 if not self.is_last and self.number < PAGES else None


@dataclass(frozen=True, slots=True)
class Listing:
    """What the page shows. ``digest`` changes when the rows do: an unchanged list stays put."""

    page: Page
    words: str
    report_status: str
    outcome: str
    digest: str
    is_pending: bool
    is_own: bool

    @property
    def every(self) -> int:
        """Seconds until the page asks again."""
        return SOON if self.is_pending else LATER

    @property
    def query(self) -> str:
        """The filters for a link. Never the words: they may name a patient."""
        chosen = {"report_status": self.report_status, "outcome": self.outcome}
        return urlencode({name: value for name, value in chosen.items() if value})

    @property
    def is_narrowed(self) -> bool:
        """Whether something was searched for or filtered."""
        return bool(self.words or self.query)


def listing(user: User, form: FilterForm) -> Listing:
    """Return the page that ``form`` asks for, of what ``user`` may see."""
    words = form.value("words")
    status, ai = form.value("report_status"), form.value("outcome")
    chosen = matching(worklist(user, report_status=status, ai=[ai] if ai else []), words)
    page = _page(user, chosen, min(int(form.value("page") or 1), PAGES))
    held = leases_of(page.studies)
    for study in page.studies:
        study.held = held.get(study.pk)  # type: ignore[attr-defined]  # a column more
    rows = [tuple(getattr(study, name) for name in _SHOWN) for study in page.studies]
    return Listing(
        page=page,
        words=words,
        report_status=status,
        outcome=ai,
        digest=_digest(page.number, page.is_last, rows),
        is_pending=any(getattr(study, "state") in UNFINISHED for study in page.studies),  # noqa: B009
        is_own=not user.may(May.SEE_STUDIES),
    )


def _page(user: User, chosen: QuerySet[Study], number: int) -> Page:
    start = (number - 1) * PAGE_LENGTH
    rows = list(chosen[start : start + PAGE_LENGTH + 1])
    if not rows and number > 1:  # the list grew shorter, or there never was such a page
        return _page(user, chosen, 1)
    return Page(number, described(user, rows[:PAGE_LENGTH]), is_last=len(rows) <= PAGE_LENGTH)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
