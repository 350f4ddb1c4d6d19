"""The request as every view behind a sign-in receives it."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails
from rest_framework.request import Request

from portal.accounts.models import User


class AuthenticatedHttpRequest(HttpRequest):
    """A Django request whose ``user`` is known to be one of ours."""

    user: User
    htmx: HtmxDetails


class AuthenticatedRequest(Request):
    """A DRF request whose ``user`` is known to be one of ours."""

    user: User
