from typing import Any

from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import model_examples as examples
from portal.api.documented import operation
from portal.api.forms import (
    NoQuery,
    NoteForm,
    ProposeForm,
    ReasonForm,
    ShadowForm,
    WhyForm,
    body,
    query,
)
from portal.api.permissions import MayApprove, MayPause, MayPropose, MayTakeBack
from portal.api.serializers.registry import (
    DeploymentOutput,
    ModelsOutput,
    PauseOutput,
    ProposalOutput,
)
from portal.http.requests import AuthenticatedRequest
from portal.predictions.challenger_services import end_challenger, start_shadow
from portal.predictions.deployment_selectors import (
    deployments_at,
    proposals_at,
    version_of,
    versions_at,
)
from portal.predictions.deployment_services import (
    approve_deployment,
    decline_deployment,
    propose_deployment,
    propose_rollback,
    withdraw_proposal,
)
from portal.predictions.operating_point_selectors import points_at
from portal.predictions.pause_services import pause_model, resume_model
from portal.watch.proposal_selectors import compared_now

REFUSALS = (400, 404, 409, 413, 415, 422)


def _for(request: AuthenticatedRequest) -> dict[str, Any]:
    """Return who asks: not everybody is told what was compared."""
    return {"user": request.user}


class ListModels(APIView):
    """``GET models``: whoever is signed in may know what the machine is."""

    permission_classes = (IsAuthenticated,)

    @operation(
        "list_models",
        "The registered model versions, and where yours stands",
        answers={200: ModelsOutput},
        refusals=(400,),
        example=examples.MODELS,
    )
    def get(self, request: AuthenticatedRequest) -> Response:
        """Return every version, newest first, and the history of the site."""
        query(NoQuery, request.query_params)
        site = request.user.site
        points = list(points_at(site))
        found = {
            "models": versions_at(site),
            "deployments": deployments_at(site),
            "proposals": proposals_at(site),
            "operating_points": points,
        }
        in_force = {row.model_version_id: row for row in points if row.state == "in_force"}
        return Response(ModelsOutput(found, context=_for(request) | {"points": in_force}).data)


class ProposeModel(APIView):
    """``POST models/{id}/propose``."""

    permission_classes = (MayPropose,)

    @operation(
        "propose_model",
        "Propose that a version becomes live at your site, or a canary; a second person decides",
        request=ProposeForm,
        answers={201: ProposalOutput},
        refusals=REFUSALS,
        example=examples.PROPOSAL,
        sent=examples.PROPOSE,
    )
    def post(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the proposal that waits."""
        query(NoQuery, request.query_params)
        version, sent = version_of(model_id), body(ProposeForm, request.data)
        proposal = propose_deployment(
            version=version,
            why=sent["why"],
            share=sent["share"],
            by=request.user,
            compare=compared_now,
        )
        return Response(ProposalOutput(proposal, context=_for(request)).data, status=201)


class ApproveModel(APIView):
    """``POST models/{id}/approve``."""

    permission_classes = (MayApprove,)

    @operation(
        "approve_model",
        "Make the proposed version live at your site, as a second person",
        request=NoteForm,
        answers={200: DeploymentOutput},
        refusals=REFUSALS,
        example=examples.DEPLOYMENT,
        sent=examples.NOTE,
    )
    def post(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the deployment that is live now."""
        query(NoQuery, request.query_params)
        version, sent = version_of(model_id), body(NoteForm, request.data)
        deployment = approve_deployment(version=version, note=sent["note"] or "", by=request.user)
        return Response(DeploymentOutput(deployment, context=_for(request)).data)


class DeclineModel(APIView):
    """``POST models/{id}/decline``."""

    permission_classes = (MayApprove,)

    @operation(
        "decline_model",
        "Decline the proposed version with a reason, as a second person",
        request=ReasonForm,
        answers={200: ProposalOutput},
        refusals=REFUSALS,
        example=examples.DECLINED,
        sent=examples.DECLINE,
    )
    def post(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the proposal, declined."""
        query(NoQuery, request.query_params)
        version, sent = version_of(model_id), body(ReasonForm, request.data)
        proposal = decline_deployment(version=version, reason=sent["reason"], by=request.user)
        return Response(ProposalOutput(proposal, context=_for(request)).data)


class WithdrawModel(APIView):
    """``POST models/{id}/withdraw``."""

    permission_classes = (MayTakeBack,)

    @operation(
        "withdraw_model",
        "Take your own proposal back",
        request=NoteForm,
        answers={200: ProposalOutput},
        refusals=REFUSALS,
        example=examples.WITHDRAWN,
        sent=examples.WITHDRAW,
    )
    def post(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the proposal, withdrawn."""
        query(NoQuery, request.query_params)
        version, sent = version_of(model_id), body(NoteForm, request.data)
        proposal = withdraw_proposal(version=version, note=sent["note"] or "", by=request.user)
        return Response(ProposalOutput(proposal, context=_for(request)).data)


class PauseModel(APIView):
    """``POST models/{id}/pause``: the stop button."""

    permission_classes = (MayPause,)

    @operation(
        "pause_model",
        "Stop the version at your site at once; studies flow on and are read without AI",
        request=ReasonForm,
        answers={200: PauseOutput},
        refusals=REFUSALS,
        example=examples.PAUSED,
        sent=examples.PAUSE,
    )
    def post(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the pause."""
        query(NoQuery, request.query_params)
        version, sent = version_of(model_id), body(ReasonForm, request.data)
        pause = pause_model(version=version, reason=sent["reason"], by=request.user)
        return Response(PauseOutput(pause).data)


class ResumeModel(APIView):
    """``POST models/{id}/resume``."""

    permission_classes = (MayApprove,)

    @operation(
        "resume_model",
        "Let a paused version go on, as another person than the one who paused it",
        request=NoteForm,
        answers={200: PauseOutput},
        refusals=REFUSALS,
        example=examples.RESUMED,
        sent=examples.NOTE,
    )
    def post(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the pause, ended."""
        query(NoQuery, request.query_params)
        version, sent = version_of(model_id), body(NoteForm, request.data)
        pause = resume_model(version=version, note=sent["note"] or "", by=request.user)
        return Response(PauseOutput(pause).data)


class ShadowModel(APIView):
    """``POST models/{id}/shadow``."""

    permission_classes = (MayPropose,)

    @operation(
        "shadow_model",
        "Let a version read beside the live one at your site, where no reader sees what it says",
        request=ShadowForm,
        answers={201: DeploymentOutput},
        refusals=REFUSALS,
        example=examples.SHADOWED,
        sent=examples.SHADOW,
    )
    def post(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the deployment that reads in shadow now."""
        query(NoQuery, request.query_params)
        version, sent = version_of(model_id), body(ShadowForm, request.data)
        deployment = start_shadow(version=version, **sent, by=request.user)
        return Response(DeploymentOutput(deployment, context=_for(request)).data, status=201)


class EndModel(APIView):
    """``POST models/{id}/end``."""

    permission_classes = (MayTakeBack,)

    @operation(
        "end_model",
        "End the trial of a version, in shadow or as a canary; the live one reads on",
        request=ReasonForm,
        answers={200: DeploymentOutput},
        refusals=REFUSALS,
        example=examples.ENDED,
        sent=examples.END,
    )
    def post(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the deployment, ended."""
        query(NoQuery, request.query_params)
        version, sent = version_of(model_id), body(ReasonForm, request.data)
        deployment = end_challenger(version=version, reason=sent["reason"], by=request.user)
        return Response(DeploymentOutput(deployment, context=_for(request)).data)


class RollBackModel(APIView):
    """``POST models/{id}/rollback``: of the version that is live, or paused."""

    permission_classes = (MayTakeBack,)

    @operation(
        "rollback_model",
        "Propose that what was live before this version takes its place again",
        request=WhyForm,
        answers={201: ProposalOutput},
        refusals=REFUSALS,
        example=examples.ROLLBACK_PROPOSAL,
        sent=examples.ROLLBACK,
    )
    def post(self, request: AuthenticatedRequest, model_id: int) -> Response:
        """Return the proposal that waits; it names the version that would be live again."""
        query(NoQuery, request.query_params)
        version, sent = version_of(model_id), body(WhyForm, request.data)
        proposal = propose_rollback(
            version=version, why=sent["why"], by=request.user, compare=compared_now
        )
        return Response(ProposalOutput(proposal, context=_for(request)).data, status=201)
