"""Read side of the sets that operating points are chosen on, computed again whenever asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from portal.accounts.models import Site
from portal.predictions.models import ModelVersion, OperatingPoint, Prediction, ShadowScore
from portal.reviews.signed_selectors import signed_scores
from portal.reviews.signed_sets import AIMS, CutOff, SignedSet


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cut-off that may be chosen, and why it is offered; without one, why there is none."""

    why: str
    cut_off: CutOff | None


def signed_set(
    site: Site,
    version: ModelVersion,
    since: date | None = None,
    until: date | None = None,
    *,
    as_of: datetime | None = None,
) -> SignedSet:
    """Return the signed studies of these days that ``version`` scored, as they were ``as_of``."""
    return SignedSet(signed_scores(site, version, since, until, as_of=as_of))


def set_behind(point: OperatingPoint) -> SignedSet:
    """Return the set that ``point`` was chosen on, computed again."""
    days = point.since, point.until
    return signed_set(point.site, point.model_version, *days, as_of=point.proposed_at)


def counts_of(found: SignedSet, threshold: float) -> dict[str, Any]:
    """Return what an operating point keeps of its set."""
    cut_off = found.at(threshold)
    return {
        "set_sha256": found.sha256,
        "n_present": cut_off.sensitivity.of,
        "n_absent": cut_off.specificity.of,
        "left_out": found.left_out,
        "saw_ai": found.saw_ai,
        "true_positives": cut_off.sensitivity.found,
        "true_negatives": cut_off.specificity.found,
    }


def set_holds(point: OperatingPoint) -> bool:
    """Return whether the set of ``point`` comes out again as it was signed."""
    counts = counts_of(set_behind(point), point.threshold)
    return all(getattr(point, name) == value for name, value in counts.items())


def candidates(
    found: SignedSet, version: ModelVersion, in_force: OperatingPoint | None
) -> Iterable[Candidate]:
    """Yield the cut-offs to choose from: those that reach `AIMS`, the one in use, the bundle's."""
    for aim in AIMS:
        yield Candidate(f"Sensitivity of at least {aim / 10:g} %", found.reaching(aim))
    if in_force:
        yield Candidate("In force here", found.at(in_force.threshold))
    yield Candidate("The model's own", found.at(version.threshold))


def has_scored(site: Site, version: ModelVersion) -> bool:
    """Return whether ``version`` has scored anything at ``site``, if only in shadow."""
    scored = {"outcome": Prediction.Outcome.SCORED}
    mine = Prediction.objects.filter(site=site, model_version=version, **scored)
    shadow = {"deployment__site": site, "deployment__model_version": version}
    return mine.exists() or ShadowScore.objects.filter(**shadow, **scored).exists()
