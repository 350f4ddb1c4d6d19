"""How facts are written on a page."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.predictions.deployment_models import ModelVersion, Pause
from portal.predictions.deployment_selectors import open_pause
from portal.reviews.reasons import Reason
from portal.shares import Share
from portal.web.navigation import Place, places_for

register = template.Library()

THEMES = ("light", "dark")
_MOST_DECIMALS = 6
_ADVICE = {
    400: "The request could not be understood. Go back, reload the page and try again.",
    403: "Your account has another role. If you need this page, ask your site administrator.",
    404: "It may have been mistyped, or it belongs to another site. Start again from your list.",
    409: "Somebody else was faster. Go back and look at the record as it is now.",
    412: "The record changed since you opened it. Go back and look at it as it is now.",
    413: "The upload is larger than this server takes. Send fewer files at once, or smaller ones.",
    422: "Go back, mend what is said above and send it again. What you typed is still there.",
    503: "A part of Overread does not answer. Nothing was lost: wait a moment and try again.",
}


@register.filter
def person_name(value: str) -> str:
    """Return a DICOM person name (PS3.5 6.2.1) for people: ``Doe^Jane^A`` is ``Doe, Jane A``."""
    for group in str(value).split("="):
        family, *others = [part.strip() for part in group.split("^")]
        rest = " ".join(part for part in others if part)
        if family or rest:
            return f"{family}, {rest}" if family and rest else family or rest
    return ""


@register.filter
def moment(value: datetime | None) -> str | SafeString:
    """Return a time in UTC, with the zone said."""
    if value is None:
        return ""
    at = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{} UTC</time>',
        at.isoformat(timespec="seconds"),
        at.strftime("%d %b %Y, %H:%M:%S"),
    )


@register.filter
def minute(value: datetime | None) -> str | SafeString:
    """Return a time in UTC without its seconds, for lists."""
    if value is None:
        return ""
    at = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}">{} UTC</time>',
        at.isoformat(timespec="seconds"),
        at.strftime("%d %b %Y, %H:%M"),
    )


CALIBRATED_ON = {
    "": "the validation images",
    "val": "the validation images",
    "val and external_dev out of fold": (
        "the validation images and those of the second hospital, each scored by a network that "
        "had not seen it"
    ),
}
"""What a manifest says that a score was calibrated on, in words for whoever reads by it."""


@register.filter
def calibrated_on(said: str | None) -> str:
    """Return on which images a score was calibrated, in words where there are any for it."""
    return CALIBRATED_ON.get(said or "", said or "")


@register.filter
def of_100(share: float | None) -> str:
    """Return an estimated share as about how many of a hundred; never as none or all of them."""
    if share is None:
        return ""
    count = 100 * share
    if 1 <= count <= 99:  # noqa: PLR2004 (of a hundred)
        return f"about {count:.0f}"
    return "fewer than 1" if count < 1 else "more than 99"


@register.filter
def seconds(value: float | None) -> str:
    """Return a duration for people: tenths of a second below ten, then whole ones, then minutes."""
    if value is None:
        return ""
    if value < 10:  # noqa: PLR2004 (seconds)
        return f"{value:.1f} s"
    if value < 120:  # noqa: PLR2004 (seconds)
        return f"{value:.0f} s"
    return f"{value // 60:.0f} min {value % 60:.0f} s"


@register.filter
def against(value: float, other: float) -> str:
    """Return ``value`` with two decimals, or more where it would look equal to ``other``.

    A probability is never written as 0 or 1: nothing is certain.
    """
    for decimals in range(2, _MOST_DECIMALS):
        written, step = f"{value:.{decimals}f}", 10.0**-decimals
        if value != other and written == f"{other:.{decimals}f}":
            continue
        if float(written) == 1:
            return f"over {1 - step:.{decimals}f}"
        return written if float(written) else f"under {step:.{decimals}f}"
    return f"{value:.{_MOST_DECIMALS}f}"


@register.filter
def decimals(value: float | None, places: int) -> str:
    """Return a number with ``places`` decimals, whatever the language."""
    return "" if value is None else f"{value:.{places}f}"


@register.filter
def percent(value: float | None) -> str:
    """Return a share (0 to 1) in whole per cent."""
    return "" if value is None else f"{100 * value:.0f} %"


@register.filter
def with_interval(share: Share) -> str:
    """Return a share in whole per cent, with how many of how many and its 95 % interval."""
    if share.value is None or share.low is None or share.high is None:
        return "nothing to say"
    ends = f"{100 * share.low:.0f} to {100 * share.high:.0f} %"
    return f"{percent(share.value)} ({share.found} of {share.of}; {ends})"


@register.filter
def compared(kept: Mapping[str, Any]) -> str:
    """Return in sentences what a proposal keeps of the comparison with what was live."""
    if kept["beside"] is None:
        return "nothing was live, so nothing could be compared."
    present, absent = kept["n_present"], kept["n_absent"]
    if not present + absent:
        return f"no signed study had scores of it and of {kept['beside']}: nothing was compared."
    studies = f"{present} signed studies with pneumonia and {absent} without"
    gap = kept.get("difference", {}).get("auc")
    if gap is None:
        return f"{studies} had scores of it and of {kept['beside']}: too few to compare."
    ends = "" if gap["low"] is None else f" ({gap['low']:+.3f} to {gap['high']:+.3f})"
    words = f"AUC {gap['value']:+.3f}{ends} beside {kept['beside']}"
    return f"{words}, on {studies}; set {kept['set_sha256'][:12]}."


@register.filter
def along(value: float, length: float) -> str:
    """Return how far along a scale of ``length`` a share (0 to 1) lies."""
    return f"{value * length:.1f}"


@register.filter
def reason(code: str) -> str:
    """Return the words of a reason."""
    return str(Reason(code).label) if code in Reason.values else code


@register.filter
def role(code: str) -> str:
    """Return the words of a role."""
    return str(Role(code).label) if code in Role.values else code


@register.filter
def link_is_open(person: User) -> bool:
    """Return whether a one-time link of ``person`` still works."""
    return bool(person.link_expires_at and timezone.now() < person.link_expires_at)


@register.filter
def words(code: str) -> str:
    """Return a code as words."""
    return code.replace("_", " ")


@register.filter
def advice(status: int) -> str:
    """Return what to do after an answer of this status."""
    return _ADVICE.get(status, _ADVICE[400])


@register.simple_tag(takes_context=True)
def theme(context: dict[str, Any]) -> str:
    """Return the theme that the visitor chose: light, dark, or empty for the system's."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if isinstance(request, HttpRequest) else ""
    return chosen if chosen in THEMES else ""


@register.simple_tag(takes_context=True)
def places(context: dict[str, Any]) -> list[tuple[Place, bool]]:
    """Return the pages of the navigation, each with whether it is the one that is shown."""
    request: HttpRequest = context["request"]
    match = request.resolver_match
    here = match.url_name if match else None
    if not request.user.is_authenticated:
        return []
    return [(place, here in place.pages) for place in places_for(request.user)]


@register.simple_tag
def idle_seconds() -> int:
    """Return how long a session lasts without its person."""
    return int(settings.OVERREAD_SESSION_IDLE_MINUTES) * 60


@register.inclusion_tag("partials/pause_notice.html", takes_context=True)
def pause_notice(context: dict[str, Any]) -> dict[str, Pause | None]:
    """Return why nothing is read by the machine at the person's site, if somebody stopped it."""
    return {"pause": open_pause(context["request"].user.site)}


@register.inclusion_tag("partials/icon.html")
def icon(name: str) -> dict[str, str]:
    """Return a small drawing; it never stands without words."""
    return {"name": name}


@register.filter
def told(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the detail of an event as pairs of words, what is empty left out.

    In the order of their keys: PostgreSQL keeps an order of its own, so a page would read
    otherwise there than on SQLite.
    """
    kept = sorted(detail.items())
    return [(key, _said(value)) for key, value in kept if value not in (None, "", [], {})]


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    if isinstance(value, dict):
        return "; ".join(f"{key.replace('_', ' ')} {said}" for key, said in told(value))
    return str(value)


@register.filter
def of_version(found: Mapping[int, Any] | None, version: ModelVersion) -> Any:
    """Return what there is of ``version``, such as the site's own cut-off; None: nothing."""
    return (found or {}).get(version.pk)


@register.filter
def beside(left: list[Any], right: list[Any]) -> list[tuple[Any, Any]]:
    """Return two lists of the same length as pairs."""
    return list(zip(left, right, strict=True))
