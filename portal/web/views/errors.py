from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 (Django's)
    """Say that the form was too old, in words."""
    detail = "This form was opened too long ago. Go back, reload the page and send it again."
    context = {"status": 403, "code": "csrf_failed", "detail": detail}
    return render(request, "error.html", context, status=403)
