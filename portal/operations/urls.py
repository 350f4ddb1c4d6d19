"""What machines ask for. None of it is audited, and none of it names anybody."""

from django.urls import URLPattern, path

from portal.operations.views import Health, Metrics, Readiness

urlpatterns: list[URLPattern] = [
    path("healthz", Health.as_view(), name="healthz"),
    path("readyz", Readiness.as_view(), name="readyz"),
    path("metrics", Metrics.as_view(), name="metrics"),
]
