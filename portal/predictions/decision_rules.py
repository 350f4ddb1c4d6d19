"""What every signed decision on a model version has in common."""

from contextlib import AbstractContextManager
from typing import Any

from portal.accounts.models import Site, User
from portal.accounts.roles import May
from portal.audit.services import Action, refusals_recorded
from portal.errors import InvalidInput, ReasonMissing
from portal.predictions.deployment_models import ModelVersion
from portal.predictions.deployment_services import LONGEST, MayNotDecide, SamePerson


def allow(by: User, *acts: May, words: str) -> None:
    """Go on if ``by`` may do any of ``acts``; else `MayNotDecide`, in these words."""
    if not any(by.may(act) for act in acts):
        raise MayNotDecide(words)


def allow_taking_back(by: User) -> None:
    """Go on if ``by`` may take back what makes a model say more, or else than it was made to."""
    acts = (May.PAUSE_MODEL, May.APPROVE_MODELS, May.EVALUATE_MODELS)
    allow(by, *acts, words="Taking it back is for people who decide on models.")


def refuse_withdrawal_by_others(proposed_by: int, by: User) -> None:
    """Go on if ``by`` proposed what waits; else `MayNotDecide`."""
    if proposed_by != by.pk:
        raise MayNotDecide("Only the person who proposed it may withdraw it; decline it.")


def said(words: str) -> str:
    """Return the words of a reason; `ReasonMissing` if there are none."""
    if not (words := fitting(words)):
        raise ReasonMissing("Say why.")
    return words


def fitting(words: str) -> str:
    """Return the words of a note; `InvalidInput` if they are too many."""
    if len(words) > LONGEST:
        raise InvalidInput(f"A reason has at most {LONGEST} characters.")
    return words.strip()


def refuse_same(proposed_by: int, by: User) -> None:
    """Go on if ``by`` is a second person; else `SamePerson`."""
    if proposed_by == by.pk:
        raise SamePerson("You proposed it yourself; somebody else has to decide.")


def locked_site(site: Site) -> Site:
    """Return the site with its row locked: of two who decide at once the second sees the first."""
    return Site.objects.select_for_update(no_key=True).get(pk=site.pk)


def decided(by: User, at: Any) -> dict[str, Any]:
    """Return the columns of whoever decides."""
    return {"decided_by": by, "decided_name": str(by), "decided_at": at}


def answered_for(act: str, version: ModelVersion, by: User) -> AbstractContextManager[None]:
    """Return what tells the trail of a refusal of ``act``."""
    subject = f"model:{version}"
    return refusals_recorded(
        Action.MODEL_REFUSED, chain=by.site.slug, subject=subject, by=by, act=act
    )
