"""Read side of a site's own prevalence, and what a score means at it."""

from django.db.models import OuterRef, QuerySet, Subquery

from portal.accounts.models import Site
from portal.predictions.models import Prediction
from portal.predictions.prevalence_models import SitePrevalence

MOST = 50  # rows of a history


def prevalence_at(site: Site) -> SitePrevalence | None:
    """Return what counts at ``site``; None if nothing was entered, or it was taken back."""
    newest = prevalences_at(site).first()
    return newest if newest and newest.share is not None else None


def prevalences_at(site: Site) -> QuerySet[SitePrevalence]:
    """Return what was ever entered at ``site``, newest first."""
    rows = SitePrevalence.objects.filter(site=site).select_related("entered_by")
    return rows.order_by("-pk")[:MOST]


def with_prevalence(predictions: QuerySet[Prediction]) -> QuerySet[Prediction]:
    """Return ``predictions``, each with ``site_prevalence``: what counts at its site, or None."""
    newest = SitePrevalence.objects.filter(site=OuterRef("site")).order_by("-pk")
    return predictions.annotate(site_prevalence=Subquery(newest.values("share")[:1]))


def probability_at(probability: float, *, of: float, at: float) -> float:
    """Return what a probability that was calibrated at one prevalence is at another.

    By Bayes, on the assumption that the sick look alike, and so do the well, at both places
    (Saerens, Latinne & Decaestecker 2002).

    Parameters
    ----------
    probability : float
        0 to 1.
    of, at : float
        0 to 1, neither included.
    """
    sick = probability * at / of
    well = (1 - probability) * (1 - at) / (1 - of)
    return sick / (sick + well)
