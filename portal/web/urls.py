"""The pages. What names a patient is never part of an address."""

from django.urls import URLPattern, path, re_path

from portal.web.views import about, accounts, audit, image, review, study, upload, worklist

_UID = r"(?P<study_instance_uid>[0-9.]{1,64})"
_SOP_UID = r"(?P<sop_instance_uid>[0-9.]{1,64})"

urlpatterns: list[URLPattern] = [
    path("", accounts.Home.as_view(), name="home"),
    path("sign-in", accounts.SignIn.as_view(), name="sign-in"),
    path("sign-out", accounts.SignOut.as_view(), name="sign-out"),
    path("set-password/<uidb64>/<token>/", accounts.SetPassword.as_view(), name="set-password"),
    path("password", accounts.OwnPassword.as_view(), name="password"),
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
]
