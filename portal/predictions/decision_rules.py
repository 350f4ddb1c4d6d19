"""What every decision on a model version has in common: who may, why, the lock, the trail."""

from contextlib import AbstractContextManager
from typing import Any

from portal.accounts.models import Site, User
from portal.accounts.roles import DECIDES_ON_MODELS, May
from portal.audit.services import Action, record, refusals_recorded
from portal.errors import Conflict, Forbidden, InvalidInput, ReasonMissing
from portal.predictions.deployment_models import Deployment, ModelVersion, Proposal
from portal.predictions.deployment_selectors import SERVING, challenger_at

LONGEST = 2000  # characters of a reason


class MayNotDecide(Forbidden):
    """The roles of the person do not allow this act on a model."""

    code = "may_not_decide_on_models"


class SamePerson(Forbidden):
    """It takes a second person, whatever the roles of the first."""

    code = "same_person"


class NotLive(Conflict):
    """The version is not live at the site."""

    code = "model_not_live"


class ChallengerThere(Conflict):
    """Another version is tried beside the live one already; one at a time."""

    code = "challenger_already_here"


def allow(by: User, *acts: May, words: str) -> None:
    """Go on if ``by`` may do any of ``acts``; else `MayNotDecide`, in these words."""
    if not any(by.may(act) for act in acts):
        raise MayNotDecide(words)


def allow_taking_back(by: User) -> None:
    """Go on if ``by`` may take back what makes a model say more, or else than it was made to."""
    allow(by, *DECIDES_ON_MODELS, words="Taking it back is for people who decide on models.")


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


def record_on(action: Action, version: ModelVersion, by: User, **detail: Any) -> None:
    """Tell the trail of the person's site what was done with ``version``."""
    record(action, chain=by.site.slug, subject=f"model:{version}", by=by, **detail)


def serving_at(site: Site, version: ModelVersion | None = None, *status: str) -> Deployment | None:
    """Return what is live or paused, locked: requests in progress have ended or will see us."""
    serving = Deployment.objects.filter(site=site, status__in=status or SERVING)
    if version:
        serving = serving.filter(model_version=version)
    locked = serving.select_for_update(of=("self",), no_key=True)
    return locked.select_related("model_version").first()


def waiting_proposal(site: Site, version: ModelVersion) -> Proposal | None:
    """Return what is proposed of ``version`` and not decided yet."""
    waiting = Proposal.objects.filter(
        site=site, model_version=version, state=Proposal.State.WAITING
    )
    return waiting.select_related("site", "model_version", "proposed_by").first()


def refuse_challenger(site: Site, version: ModelVersion) -> None:
    """Refuse to try ``version`` where nothing is live to hold it against, or another is tried.

    Raises
    ------
    NotLive, ChallengerThere
    """
    live = serving_at(site, None, Deployment.Status.LIVE)
    if live is None:
        raise NotLive(f"No model is live here, so there is nothing to try {version} beside.")
    tried = challenger_at(site)
    if tried and tried.model_version != version:
        raise ChallengerThere(f"{tried.model_version} is {tried.status} here; end that first.")
