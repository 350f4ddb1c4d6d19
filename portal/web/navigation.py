"""Where a person can go, decided by what they may do."""

from dataclasses import dataclass

from portal.accounts.models import User
from portal.accounts.roles import May


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
    places = []
    if user.may(May.SEE_STUDIES):
        places.append(Place("worklist", "Worklist", STUDIES))
    if user.may(May.UPLOAD):
        places.append(Place("upload", "Upload", frozenset({"upload"})))
    if user.may(May.SEE_OWN_UPLOADS) and not user.may(May.SEE_STUDIES):
        places.append(Place("worklist", "My uploads", STUDIES))
    if user.may(May.OPERATE):
        places.append(Place("failed", "Failed work", frozenset({"failed", "failed-cause"})))
    if user.may(May.READ_AUDIT):
        places.append(Place("audit", "Audit", frozenset({"audit", "audit-verify"})))
    if user.may(May.ADMINISTER):
        places.append(Place("users", "Users", USERS))
    if any(user.may(act) for act in (May.EVALUATE_MODELS, May.APPROVE_MODELS, May.PAUSE_MODEL)):
        places.append(Place("models", "Models", MODELS))
    else:
        places.append(Place("about", "About the model", MODELS))
    return places
