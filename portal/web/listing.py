"""One page of the worklist, and how it is asked for again."""

import hashlib
from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator

from portal.accounts.models import User
from portal.accounts.roles import May
from portal.reviews.lease_selectors import leases_of
from portal.reviews.selectors import worklist
from portal.studies.models import Study
from portal.studies.selectors import matching
from portal.web.cards import UNFINISHED
from portal.web.forms.worklist import FilterForm

PAGE_LENGTH = 50  # studies
SOON, LATER = 4, 20  # seconds between two looks, with and without work in progress
_SHOWN = ("pk", "report_status", "state", "outcome", "read_by", "read_as", "held")


@dataclass(frozen=True, slots=True)
class Listing:
    """What the page shows. ``digest`` changes when the rows do: an unchanged list stays put."""

    page: Page[Study]
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
    studies = form.narrow(matching(worklist(user), words))
    page = Paginator(studies, PAGE_LENGTH).get_page(form.value("page") or 1)
    page.object_list = list(page.object_list)
    held = leases_of(page.object_list)
    for study in page.object_list:
        study.held = held.get(study.pk)  # type: ignore[attr-defined]  # a column more
    rows = [tuple(getattr(study, name) for name in _SHOWN) for study in page.object_list]
    return Listing(
        page=page,
        words=words,
        report_status=form.value("report_status"),
        outcome=form.value("outcome"),
        digest=_digest(page.number, page.paginator.count, rows),
        is_pending=any(getattr(study, "state") in UNFINISHED for study in page.object_list),  # noqa: B009
        is_own=not user.may(May.SEE_STUDIES),
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
