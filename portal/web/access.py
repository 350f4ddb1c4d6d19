"""The gate in front of every page: what the signed-in person may do."""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views import View

from portal.accounts.roles import May
from portal.errors import Forbidden


class NotForYourRoles(Forbidden):
    """The page is for people with another role."""

    code = "not_for_your_roles"


class PlainView(View):
    """A view that knows GET and POST alone, whatever Django's own view beneath it would take."""

    http_method_names = ["get", "head", "post", "options"]  # noqa: RUF012 (Django's)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer other verbs before the view beneath does anything."""
        verb = str(request.method).lower()
        if verb == "options":
            return self.options(request)
        if verb not in self.http_method_names:
            return self.http_method_not_allowed(request)
        return super().dispatch(request, *args, **kwargs)


class PermittedView(View):
    """A page for people who may do ``act``; everybody else is told that it is not for them."""

    act: ClassVar[May]
    is_poll: ClassVar[bool] = False  # asked by the page itself: it does not prolong the session

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Go on if one of the person's roles allows it.

        Raises
        ------
        NotForYourRoles
        """
        if not request.user.is_authenticated or not request.user.may(self.act):
            raise NotForYourRoles("This page is for people with another role.")
        return super().dispatch(request, *args, **kwargs)


class PermittedToAny(View):
    """A page for people who may do any of ``acts``."""

    acts: ClassVar[tuple[May, ...]]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Go on if one of the person's roles allows one of them.

        Raises
        ------
        NotForYourRoles
        """
        user = request.user
        if not user.is_authenticated or not any(user.may(act) for act in self.acts):
            raise NotForYourRoles("This page is for people with another role.")
        return super().dispatch(request, *args, **kwargs)
