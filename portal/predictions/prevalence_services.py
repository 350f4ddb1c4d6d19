"""Write side of a site's own prevalence: what a score means here, not what it is."""

from django.db import transaction

from portal.accounts.models import Site, User
from portal.accounts.roles import May
from portal.audit.services import Action, record, refusals_recorded
from portal.errors import InvalidInput
from portal.predictions.decision_rules import LONGEST, MayNotDecide
from portal.predictions.prevalence_models import SitePrevalence


def enter_prevalence(*, share: float | None, basis: str, by: User) -> SitePrevalence:
    """Return what counts from now on at the site of ``by``.

    Scores, cut-off and findings stay what they are: the study page says beside them what they
    mean here.

    Parameters
    ----------
    share : float or None
        Of the radiographs that the model reads here, how many show pneumonia: 0 to 1, neither
        included. None takes back what was entered before.
    basis : str
        What it was counted on, or why it is taken back. Names no patient.

    Raises
    ------
    MayNotDecide, InvalidInput
    """
    site = by.site
    told = refusals_recorded(
        Action.MODEL_REFUSED, chain=site.slug, subject=f"site:{site.slug}", by=by, act="prevalence"
    )
    with told, transaction.atomic():
        if not by.may(May.EVALUATE_MODELS):
            raise MayNotDecide("Entering the prevalence is for data scientists.")
        basis = basis.strip()
        if not basis or len(basis) > LONGEST:
            raise InvalidInput(f"Say what it was counted on, in at most {LONGEST} characters.")
        if share is not None and not 0 < share < 1:
            raise InvalidInput("The prevalence lies between 0 and 100 in 100.")
        Site.objects.select_for_update(no_key=True).get(pk=site.pk)
        entered = SitePrevalence.objects.create(site=site, share=share, basis=basis, entered_by=by)
        record(
            Action.PREVALENCE_ENTERED,
            chain=site.slug,
            subject=f"site:{site.slug}",
            by=by,
            share=share,
            basis=basis,
        )
    return entered
