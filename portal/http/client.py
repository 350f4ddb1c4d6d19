"""Who is at the other end: the address, the browser, and whether the device is known."""

import json
import secrets
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

UNKNOWN = "unknown"
_DEVICE = "__Host-device" if settings.SESSION_COOKIE_SECURE else "device"
_REMEMBERED = 90 * 24 * 3600  # seconds since the last sign-in
_PEOPLE = 12  # who share a workstation
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Mac OS X", "CrOS", "Linux")


def client_address(request: HttpRequest) -> str:
    """Return the address of the client.

    ``X-Forwarded-For`` is believed as far as ``OVERREAD_TRUSTED_PROXIES`` says: each proxy of
    ours adds whom it saw at the right end; what stands further left anybody may have written.
    """
    proxies = settings.OVERREAD_TRUSTED_PROXIES
    seen = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    if proxies and len(forwarded) >= proxies and forwarded != [""]:
        seen = forwarded[-proxies].strip()
    try:
        return str(ip_address(seen))
    except ValueError:
        return UNKNOWN


def client_network(request: HttpRequest) -> str:
    """Return what guesses are counted by: the address, or of IPv6 the /64 one household has."""
    address = client_address(request)
    if address != UNKNOWN and isinstance(ip_address(address), IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return address


def browser_of(request: HttpRequest) -> str:
    """Return the browser for people, such as "Firefox on Windows"."""
    said = request.headers.get("User-Agent", "")
    browser = next((name for mark, name in _BROWSERS if mark in said), "Another program")
    system = next((mark for mark in _SYSTEMS if mark in said), "")
    return f"{browser} on {system}".replace("Mac OS X", "macOS") if system else browser


def known_device(request: HttpRequest, username: str) -> str:
    """Return the number of this device if ``username`` signed in here lately, else nothing."""
    return _known(request).get(_name_on_device(username), "")


def remember_device(request: HttpRequest, response: HttpResponseBase, username: str) -> None:
    """Let this device be one where ``username`` has signed in; names are not readable in it."""
    known = _known(request)
    name = _name_on_device(username)
    number = known.pop(name, "") or secrets.token_urlsafe(12)
    latest = dict([*known.items(), (name, number)][-_PEOPLE:])
    response.set_signed_cookie(
        _DEVICE,
        json.dumps(latest, separators=(",", ":")),
        salt=_DEVICE,
        max_age=_REMEMBERED,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _known(request: HttpRequest) -> dict[str, str]:
    raw = request.get_signed_cookie(_DEVICE, default="", salt=_DEVICE, max_age=_REMEMBERED)
    return dict(json.loads(raw)) if raw else {}


def _name_on_device(username: str) -> str:
    return salted_hmac("portal.http.device", username, algorithm="sha256").hexdigest()[:22]
