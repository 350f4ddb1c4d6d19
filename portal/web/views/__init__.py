"""One module a page."""

from portal.web.views.errors import csrf_failed

__all__ = ["csrf_failed"]
