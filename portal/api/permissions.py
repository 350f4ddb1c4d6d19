from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from portal.accounts.models import User
from portal.accounts.roles import DECIDES_ON_MODELS, LOOKS_AT_CUT_OFFS, May


class _Roles(BasePermission):
    """Whoever has a role that allows one of ``acts``; the others are told so (403)."""

    acts: tuple[May, ...] = ()
    message = "Your roles do not allow this."

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 (DRF's)
        """Return whether the person may; a stranger may nothing."""
        user = request.user
        return isinstance(user, User) and any(user.may(act) for act in self.acts)


class MaySee(_Roles):
    """See the studies of the site, or at least one's own uploads; the query says which."""

    acts = (May.SEE_STUDIES, May.SEE_OWN_UPLOADS)


class MayTake(_Roles):
    """Take studies from the worklist: whoever reads, or signs."""

    acts = (May.WRITE_FINDING, May.SIGN)


class MayReadAudit(_Roles):
    """Read and verify the trail."""

    acts = (May.READ_AUDIT,)


class MayPropose(_Roles):
    """Propose a model, and try it in shadow."""

    acts = (May.EVALUATE_MODELS,)


class MayApprove(_Roles):
    """Decide on a proposal, let a paused model go on."""

    acts = (May.APPROVE_MODELS,)


class MayLookAtCutOffs(_Roles):
    """Look at what each cut-off would have said; the service says who proposes one."""

    acts = LOOKS_AT_CUT_OFFS


class MayCosign(_Roles):
    """Decide on a cut-off that somebody has proposed: who signs studies."""

    acts = (May.SIGN,)


class MayWatch(_Roles):
    """See how a version does, in figures; the selector says who sees single studies."""

    acts = (May.WATCH_MODEL,)


class MayTakeBack(_Roles):
    """Take back what was decided or proposed on a model; end its trial."""

    acts = DECIDES_ON_MODELS


class MayPause(_Roles):
    """Stop a model."""

    acts = (May.PAUSE_MODEL,)


class MayOperate(_Roles):
    """Retry, cancel, acknowledge."""

    acts = (May.OPERATE,)
