"""Read side of alerts: what was found at a site, and what was done about it."""

from django.db.models import Exists, OuterRef, QuerySet

from portal.accounts.models import Site, User
from portal.accounts.roles import May
from portal.errors import NotFound
from portal.watch.models import Acknowledgement, Alert

MOST = 100  # alerts of a page


class NoSuchAlert(NotFound):
    """There is none of this id where the person may look."""

    code = "no_such_alert"


def alerts_at(site: Site) -> QuerySet[Alert]:
    """Return the latest alerts of ``site``, those that are ``open`` first, then newest first."""
    answered = Acknowledgement.objects.filter(alert=OuterRef("pk"))
    rows = Alert.objects.filter(site=site).annotate(open=~Exists(answered))
    found = rows.select_related("model_version").prefetch_related("acknowledgements")
    return found.order_by("-open", "-week", "rule", "scanner")[:MOST]


def alert_of(user: User, alert_id: int) -> Alert:
    """Return an alert of the person's site.

    Raises
    ------
    NoSuchAlert
    """
    seen = Alert.objects.select_related("site", "model_version")
    alert = seen.filter(site=user.site, pk=alert_id).first()
    if alert is None or not user.may(May.WATCH_MODEL):
        raise NoSuchAlert("There is no such alert.")
    return alert
