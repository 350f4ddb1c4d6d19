"""Two versions on the signed studies of one scanner, view or age band."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from portal.accounts.models import Site
from portal.predictions.models import ModelVersion
from portal.predictions.operating_point_models import FEWEST
from portal.reviews.signed_selectors import Days, SignedScore, scored_images
from portal.shares import Share
from portal.watch.paired import auc
from portal.watch.selectors import GROUPS, dimension, words_of

Pair = tuple[SignedScore, SignedScore]
"""One study: what the live version scored, and what the other."""
Values = tuple[str, ...]
"""In words, one of each of `GROUPS`."""


class Shares(NamedTuple):
    """A share of the live version, and of the other."""

    live: Share
    challenger: Share


class Aucs(NamedTuple):
    """The AUC of the live version, and of the other."""

    live: float | None
    challenger: float | None


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Each figure of the live version and of the other; None where `FEWEST` are not there.

    ``group`` is one of `GROUPS`, ``value`` what the studies of it have in common. A share takes
    so many studies of its kind, an AUC so many of each.
    """

    group: str
    value: str
    n_present: int
    n_absent: int
    sensitivity: Shares | None
    specificity: Shares | None
    auc: Aucs | None


def values_of_studies(site: Site, version: ModelVersion, days: Days) -> dict[int, Values]:
    """Return scanner, view and age band of each signed study that ``version`` scored.

    Those of its first image among them. Two queries, however many.
    """
    first: dict[int, tuple[int, Values]] = {}
    for images in scored_images(site, version, days):
        by = {f"by_{name}": dimension(name, "") for name in GROUPS}
        rows = images.order_by().annotate(**by)
        for study, image, *found in rows.values_list("instance__series__study", "instance", *by):
            if study not in first or image < first[study][0]:
                first[study] = image, words_of(found)
    return {study: values for study, (_, values) in first.items()}


def subgroups_of(
    pairs: Sequence[Pair], values: Mapping[int, Values], cuts: tuple[float, float]
) -> list[Subgroup]:
    """Return the subgroups of ``pairs``, which show pneumonia or not, by group, largest first.

    Parameters
    ----------
    values : mapping
        Of `values_of_studies`.
    cuts : tuple of float
        The cut-offs of the two, 0 to 1.
    """
    found: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        for group, value in zip(GROUPS, values[pair[0].study_id], strict=True):
            found.setdefault((group, value), []).append(pair)
    places = list(GROUPS)
    by_size = sorted(
        found.items(), key=lambda one: (places.index(one[0][0]), -len(one[1]), one[0][1])
    )
    return [_subgroup(*name, rows, cuts) for name, rows in by_size]


def _subgroup(group: str, value: str, pairs: Sequence[Pair], cuts: tuple[float, float]) -> Subgroup:
    present = [pair for pair in pairs if pair[0].is_present]
    absent = [pair for pair in pairs if not pair[0].is_present]
    enough = len(present) >= FEWEST, len(absent) >= FEWEST
    return Subgroup(
        group=group,
        value=value,
        n_present=len(present),
        n_absent=len(absent),
        sensitivity=_right(present, cuts, is_present=True) if enough[0] else None,
        specificity=_right(absent, cuts, is_present=False) if enough[1] else None,
        auc=_aucs(present, absent) if all(enough) else None,
    )


def _right(pairs: Sequence[Pair], cuts: tuple[float, float], *, is_present: bool) -> Shares:
    found = (
        sum((pair[which].score >= cuts[which]) == is_present for pair in pairs) for which in (0, 1)
    )
    return Shares(*(Share(len(pairs), right) for right in found))


def _aucs(present: Sequence[Pair], absent: Sequence[Pair]) -> Aucs:
    return Aucs(
        *(
            auc([pair[which].score for pair in present], [pair[which].score for pair in absent])
            for which in (0, 1)
        )
    )
