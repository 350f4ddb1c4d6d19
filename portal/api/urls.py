from django.urls import URLPattern, path, re_path

from portal.api.views.changes import ListChanges
from portal.api.views.comparisons import CompareModel
from portal.api.views.documents import DocumentationPage, NoSuchPath, OpenAPIDocument
from portal.api.views.operating_points import (
    ApproveOperatingPoint,
    DeclineOperatingPoint,
    OperatingPoints,
    WithdrawOperatingPoint,
)
from portal.api.views.predictions import (
    AcknowledgeFailure,
    CancelPrediction,
    ReadMap,
    ReadPrediction,
    RetryPrediction,
)
from portal.api.views.registry import (
    ApproveModel,
    DeclineModel,
    EndModel,
    ListModels,
    PauseModel,
    ProposeModel,
    ResumeModel,
    RollBackModel,
    ShadowModel,
    WithdrawModel,
)
from portal.api.views.reports import ReadPicture, ReadReport
from portal.api.views.reviews import AmendReview, SignReview
from portal.api.views.studies import (
    ListStudies,
    ReadHistory,
    ReadResults,
    ReadStudy,
    SearchStudies,
)
from portal.api.views.trail import ListEvents, VerifyTrail
from portal.api.views.uploads import UploadImages
from portal.api.views.worklist import ReleaseStudy, TakeNextStudy

app_name = "api"
_UID = r"(?P<study_instance_uid>[0-2](?:\.(?:0|[1-9][0-9]*))+)"
_STUDY = rf"^studies/{_UID}"

urlpatterns: list[URLPattern] = [
    path("uploads", UploadImages.as_view(), name="uploads"),
    path("predictions/<uuid:prediction_id>", ReadPrediction.as_view(), name="prediction"),
    path("predictions/<uuid:prediction_id>/map", ReadMap.as_view(), name="map"),
    path("predictions/<uuid:prediction_id>/retry", RetryPrediction.as_view(), name="retry"),
    path("predictions/<uuid:prediction_id>/cancel", CancelPrediction.as_view(), name="cancel"),
    path(
        "predictions/<uuid:prediction_id>/acknowledge",
        AcknowledgeFailure.as_view(),
        name="acknowledge",
    ),
    path("studies", ListStudies.as_view(), name="studies"),
    path("studies/search", SearchStudies.as_view(), name="search"),
    re_path(rf"{_STUDY}\Z", ReadStudy.as_view(), name="study"),
    re_path(rf"{_STUDY}/results\Z", ReadResults.as_view(), name="results"),
    re_path(rf"{_STUDY}/history\Z", ReadHistory.as_view(), name="history"),
    re_path(rf"{_STUDY}/reviews\Z", SignReview.as_view(), name="reviews"),
    path("worklist/next", TakeNextStudy.as_view(), name="next"),
    re_path(rf"^worklist/{_UID}/release\Z", ReleaseStudy.as_view(), name="release"),
    path("reviews/<int:review_id>/amend", AmendReview.as_view(), name="amend"),
    path("changes", ListChanges.as_view(), name="changes"),
    path("models", ListModels.as_view(), name="models"),
    path("models/<int:model_id>/report", ReadReport.as_view(), name="report"),
    path(
        "models/<int:model_id>/pictures/<slug:picture>.png", ReadPicture.as_view(), name="picture"
    ),
    path("models/<int:model_id>/comparison", CompareModel.as_view(), name="comparison"),
    path("models/<int:model_id>/propose", ProposeModel.as_view(), name="propose"),
    path("models/<int:model_id>/approve", ApproveModel.as_view(), name="approve"),
    path("models/<int:model_id>/decline", DeclineModel.as_view(), name="decline"),
    path("models/<int:model_id>/withdraw", WithdrawModel.as_view(), name="withdraw"),
    path("models/<int:model_id>/pause", PauseModel.as_view(), name="pause"),
    path("models/<int:model_id>/resume", ResumeModel.as_view(), name="resume"),
    path("models/<int:model_id>/shadow", ShadowModel.as_view(), name="shadow"),
    path("models/<int:model_id>/end", EndModel.as_view(), name="end"),
    path("models/<int:model_id>/rollback", RollBackModel.as_view(), name="rollback"),
    path(
        "models/<int:model_id>/operating-point", OperatingPoints.as_view(), name="operating-points"
    ),
    path(
        "operating-points/<int:point_id>/approve",
        ApproveOperatingPoint.as_view(),
        name="approve-point",
    ),
    path(
        "operating-points/<int:point_id>/decline",
        DeclineOperatingPoint.as_view(),
        name="decline-point",
    ),
    path(
        "operating-points/<int:point_id>/withdraw",
        WithdrawOperatingPoint.as_view(),
        name="withdraw-point",
    ),
    path("audit/events", ListEvents.as_view(), name="events"),
    path("audit/verify", VerifyTrail.as_view(), name="verify"),
    path("openapi.json", OpenAPIDocument.as_view(), name="openapi"),
    path("docs/", DocumentationPage.as_view(), name="docs"),
    re_path(r"", NoSuchPath.as_view()),
]
