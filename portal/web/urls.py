"""The pages. What names a patient is never part of an address."""

from django.urls import URLPattern, path, re_path

from portal.web.views import (
    about,
    accounts,
    audit,
    challengers,
    evidence,
    image,
    models,
    operating,
    operating_points,
    own_account,
    people,
    report,
    review,
    study,
    upload,
    watch,
    widenings,
    worklist,
)

_UID = r"(?P<study_instance_uid>[0-9.]{1,64})"
_SOP_UID = r"(?P<sop_instance_uid>[0-9.]{1,64})"

urlpatterns: list[URLPattern] = [
    path("", accounts.Home.as_view(), name="home"),
    path("sign-in", accounts.SignIn.as_view(), name="sign-in"),
    path("sign-out", accounts.SignOut.as_view(), name="sign-out"),
    path("set-password/<uidb64>/<token>/", accounts.SetPassword.as_view(), name="set-password"),
    path("still-here", accounts.StillHere.as_view(), name="still-here"),
    path("password", own_account.OwnPassword.as_view(), name="password"),
    path("account", own_account.OwnAccount.as_view(), name="account"),
    path(
        "account/sessions/end-others",
        own_account.EndOtherSessions.as_view(),
        name="account-end-others",
    ),
    path(
        "account/sessions/<uuid:number>/end",
        own_account.EndOwnSession.as_view(),
        name="account-end-session",
    ),
    path(
        "account/tokens/revoke", own_account.RevokeOwnToken.as_view(), name="account-revoke-token"
    ),
    path("users", people.People.as_view(), name="users"),
    path("users/invite", people.Invite.as_view(), name="invite"),
    path("users/<int:user_id>", people.Person.as_view(), name="user"),
    path("users/<int:user_id>/roles", people.ChangeRoles.as_view(), name="user-roles"),
    path("users/<int:user_id>/disable", people.Disable.as_view(), name="user-disable"),
    path("users/<int:user_id>/enable", people.Enable.as_view(), name="user-enable"),
    path("users/<int:user_id>/link", people.MakeLink.as_view(), name="user-link"),
    path(
        "users/<int:user_id>/end-sessions", people.EndSessions.as_view(), name="user-end-sessions"
    ),
    path("users/<int:user_id>/tokens", people.MakeToken.as_view(), name="user-tokens"),
    path(
        "users/<int:user_id>/tokens/revoke", people.RevokeToken.as_view(), name="user-revoke-token"
    ),
    path("theme", accounts.Theme.as_view(), name="theme"),
    path("worklist", worklist.Worklist.as_view(), name="worklist"),
    path("worklist/rows", worklist.WorklistRows.as_view(), name="worklist-rows"),
    path("worklist/next", worklist.NextStudy.as_view(), name="next-study"),
    path("upload", upload.Upload.as_view(), name="upload"),
    re_path(rf"^studies/{_UID}\Z", study.StudyPage.as_view(), name="study"),
    re_path(rf"^studies/{_UID}/answer\Z", study.StudyAnswer.as_view(), name="study-answer"),
    re_path(rf"^studies/{_UID}/release\Z", study.ReleaseStudy.as_view(), name="release-study"),
    re_path(rf"^studies/{_UID}/review\Z", review.SignReview.as_view(), name="sign-review"),
    re_path(
        rf"^studies/{_UID}/images/{_SOP_UID}\.png\Z", image.Rendition.as_view(), name="rendition"
    ),
    path("reviews/<int:review_id>/amend", review.AmendReview.as_view(), name="amend-review"),
    path("audit", audit.AuditTrail.as_view(), name="audit"),
    path("audit/verify", audit.VerifyAudit.as_view(), name="audit-verify"),
    path("about", about.AboutModel.as_view(), name="about"),
    path("models", models.Models.as_view(), name="models"),
    path("models/prevalence", models.EnterPrevalence.as_view(), name="enter-prevalence"),
    path("models/<int:version_id>", models.AboutVersion.as_view(), name="model"),
    path(
        "models/<int:version_id>/pictures/<slug:picture>.png",
        report.ReportPicture.as_view(),
        name="model-picture",
    ),
    path("models/<int:version_id>/evidence", evidence.EvidencePack.as_view(), name="evidence-pack"),
    path("models/<int:version_id>/propose", models.Propose.as_view(), name="propose-model"),
    path("models/<int:version_id>/withdraw", models.Withdraw.as_view(), name="withdraw-model"),
    path("models/<int:version_id>/approve", models.Approve.as_view(), name="approve-model"),
    path("models/<int:version_id>/decline", models.Decline.as_view(), name="decline-model"),
    path("models/<int:version_id>/pause", models.Pause.as_view(), name="pause-model"),
    path("models/<int:version_id>/resume", models.Resume.as_view(), name="resume-model"),
    path("models/<int:version_id>/shadow", challengers.StartShadow.as_view(), name="start-shadow"),
    path("models/<int:version_id>/end", challengers.EndTrial.as_view(), name="end-trial"),
    path("models/<int:version_id>/rollback", challengers.RollBack.as_view(), name="roll-back"),
    path(
        "models/<int:version_id>/comparison",
        challengers.CompareVersions.as_view(),
        name="model-comparison",
    ),
    path("models/<int:version_id>/widen", widenings.ProposeWidening.as_view(), name="widen-use"),
    path(
        "models/widenings/<int:row_id>/approve",
        widenings.ApproveWidening.as_view(),
        name="approve-widening",
    ),
    path(
        "models/widenings/<int:row_id>/decline",
        widenings.DeclineWidening.as_view(),
        name="decline-widening",
    ),
    path(
        "models/widenings/<int:row_id>/withdraw",
        widenings.WithdrawWidening.as_view(),
        name="withdraw-widening",
    ),
    path(
        "models/<int:version_id>/operating-point",
        operating_points.ProposeOperatingPoint.as_view(),
        name="operating-point",
    ),
    path(
        "models/operating-points/<int:row_id>/approve",
        operating_points.ApproveOperatingPoint.as_view(),
        name="approve-operating-point",
    ),
    path(
        "models/operating-points/<int:row_id>/decline",
        operating_points.DeclineOperatingPoint.as_view(),
        name="decline-operating-point",
    ),
    path(
        "models/operating-points/<int:row_id>/withdraw",
        operating_points.WithdrawOperatingPoint.as_view(),
        name="withdraw-operating-point",
    ),
    path("watch", watch.Watch.as_view(), name="watch"),
    path("watch/<slug:panel>.csv", watch.WatchTable.as_view(), name="watch-table"),
    path(
        "watch/alerts/<int:alert_id>/acknowledge", watch.AnswerAlert.as_view(), name="answer-alert"
    ),
    path("failed", operating.FailedWork.as_view(), name="failed"),
    path("failed/<slug:code>", operating.FailedCause.as_view(), name="failed-cause"),
    path("failed/<slug:code>/retry", operating.RetryFailed.as_view(), name="retry-failed"),
    path(
        "failed/<slug:code>/acknowledge",
        operating.AcknowledgeFailed.as_view(),
        name="acknowledge-failed",
    ),
    path(
        "predictions/<uuid:prediction_id>/map.png",
        image.PredictionMap.as_view(),
        name="prediction-map",
    ),
    path("predictions/<uuid:prediction_id>/retry", operating.RetryOne.as_view(), name="retry"),
    path("predictions/<uuid:prediction_id>/cancel", operating.CancelOne.as_view(), name="cancel"),
]
