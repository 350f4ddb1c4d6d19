"""Where a person can go, decided by what they may do."""

from dataclasses import dataclass

from portal.accounts.models import User
from portal.accounts.roles import DECIDES_ON_MODELS, May


@dataclass(frozen=True, slots=True)
class Place:
    """A page in the navigation. ``pages`` are the URL names that belong to it."""

    url_name: str
    label: str
    pages: frozenset[str]


USERS = frozenset({"users", "invite", "user"})
STUDIES = frozenset({"worklist", "study", "sign-review", "amend-review"})
MODELS = frozenset(
    {
        "about", "models", "model", "propose-model", "withdraw-model", "approve-model",
        "decline-model", "pause-model", "resume-model",
    }
)  # fmt: skip


def places_for(user: User) -> list[Place]:
    """Return the pages that ``user`` may open, the first being where they start."""
    places = [place for act, place in _PLACES if user.may(act)]
    if user.may(May.SEE_OWN_UPLOADS) and not user.may(May.SEE_STUDIES):
        places.insert(1, Place("worklist", "My uploads", STUDIES))
    deciding = any(user.may(act) for act in DECIDES_ON_MODELS)
    name, label = ("models", "Models") if deciding else ("about", "About the model")
    places.append(Place(name, label, MODELS))
    return [*places, _WATCH] if user.may(May.WATCH_MODEL) else places


_WATCH = Place("watch", "Watch", frozenset({"watch", "answer-alert"}))
_PLACES = (
    (May.SEE_STUDIES, Place("worklist", "Worklist", STUDIES)),
    (May.UPLOAD, Place("upload", "Upload", frozenset({"upload"}))),
    (May.OPERATE, Place("failed", "Failed work", frozenset({"failed", "failed-cause"}))),
    (May.READ_AUDIT, Place("audit", "Audit", frozenset({"audit", "audit-verify"}))),
    (May.ADMINISTER, Place("users", "Users", USERS)),
)
