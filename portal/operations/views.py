from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.views import View
from prometheus_client import CONTENT_TYPE_LATEST

from portal.operations.health import report
from portal.operations.metrics import exposition

_NEVER_KEPT = {"Cache-Control": "no-store"}


@method_decorator(login_not_required, name="dispatch")
class Health(View):
    """``/healthz``: this process answers. Asks nobody, so it is what restarts and balancers use."""

    is_for_machines = True

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Answer."""
        return HttpResponse("ok\n", content_type="text/plain", headers=_NEVER_KEPT)


@method_decorator(login_not_required, name="dispatch")
class Readiness(View):
    """``/readyz``: whether every part does its work, within about a second. 503 if one does not."""

    is_for_machines = True

    def get(self, request: HttpRequest) -> JsonResponse:
        """Name the parts; say why only to whoever may read the metrics."""
        parts = report()
        ready = all(part.is_up for part in parts)
        body: dict[str, object] = {
            "status": "ready" if ready else "not ready",
            "parts": {part.name: "up" if part.is_up else "down" for part in parts},
        }
        if _may_read_metrics(request):
            body["reasons"] = {part.name: part.reason for part in parts if part.reason}
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return JsonResponse(body, status=status, headers=_NEVER_KEPT)


@method_decorator(login_not_required, name="dispatch")
class Metrics(View):
    """``/metrics`` for Prometheus, behind ``OVERREAD_METRICS_TOKEN``; without it there is none."""

    is_for_machines = True

    def get(self, request: HttpRequest) -> HttpResponse:
        """Tell the figures."""
        if not settings.OVERREAD_METRICS_TOKEN:
            raise Http404
        if not _may_read_metrics(request):
            challenge = {"WWW-Authenticate": "Bearer", **_NEVER_KEPT}
            return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers=challenge)
        return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST, headers=_NEVER_KEPT)


def _may_read_metrics(request: HttpRequest) -> bool:
    token = settings.OVERREAD_METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    return bool(token) and constant_time_compare(given, f"Bearer {token}")
