"""``serve --demo``: two sites, a user for each role at each, one password, and samples."""

import http.client
import json
import secrets
import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from inference.samples import Sample
from portal import env
from portal.accounts.models import Site, User
from portal.accounts.roles import Role
from portal.accounts.services import create_site, create_token, create_user

SITES = {"demo": ("Demo hospital", ""), "other": ("Other hospital", "other_")}
"""Slug: the name of the site and the prefix of its users."""
UPLOADER = "uploader"
ANSWERS = (202, 422)


class SamplesRefused(Exception):
    """The front door did not take the samples. The message says what it answered."""


def demo_password() -> str:
    """Return the password of every demo user: random, the same at every start."""
    path = Path(settings.OVERREAD_DATA) / "keys" / "demo_password"
    if not path.exists():
        env.write_once(path, secrets.token_urlsafe(12).encode())
    return path.read_text()


def make_sites_and_users(password: str) -> None:
    """Make what is missing of the demo's sites and users."""
    for slug, (name, prefix) in SITES.items():
        site = Site.objects.filter(slug=slug).first() or create_site(slug=slug, name=name)
        present = set(User.objects.filter(site=site).values_list("username", flat=True))
        for role in Role:
            username = f"{prefix}{role.value}"
            if username not in present:
                title = f"{name.split()[0]} {role.label}"
                create_user(
                    username=username, site=site, roles=[role], name=title, password=password
                )


def samples_were_sent() -> bool:
    """Return whether the samples went through the front door at an earlier start."""
    return _marker().exists()


def send_samples(samples: Sequence[Sample], address: tuple[str, int], origin: str) -> list[str]:
    """Upload ``samples`` as any client would, once, and return a line for each verdict.

    Raises
    ------
    SamplesRefused, OSError
    """
    verdicts = upload(samples, address, origin)
    _marker().touch()
    return [_line(verdict) for verdict in verdicts]


def upload(
    samples: Sequence[Sample], address: tuple[str, int], origin: str
) -> list[dict[str, Any]]:
    """Send ``samples`` through the front door and return the verdicts.

    Raises
    ------
    SamplesRefused, OSError
    """
    uploader = User.objects.select_related("site").get(username=UPLOADER)
    token = create_token(user=uploader, lasts=timedelta(minutes=10))
    body, content_type = multipart(samples)
    door = http.client.HTTPConnection(*address, timeout=120)
    headers = {
        "Authorization": f"Token {token}",
        "Content-Type": content_type,
        "Host": urlsplit(origin).netloc,
    }
    try:
        door.request("POST", "/api/v1/uploads", body=body, headers=headers)
        answer = door.getresponse()
        text = answer.read().decode(errors="replace")
    finally:
        door.close()
    if answer.status not in ANSWERS:
        raise SamplesRefused(f"the front door answered {answer.status} to the samples")
    verdicts: list[dict[str, Any]] = json.loads(text)["uploads"]
    return verdicts


def multipart(samples: Iterable[Sample]) -> tuple[bytes, str]:
    """Return the body of an upload with its metadata, and its content type."""
    samples = list(samples)
    boundary = uuid.uuid4().hex
    metadata = json.dumps([dict(sample.described) for sample in samples])
    parts = [_part(boundary, 'name="metadata"', "application/json", metadata.encode())]
    for sample in samples:
        named = f'name="files"; filename="{sample.filename}"'
        parts.append(_part(boundary, named, "application/octet-stream", sample.content))
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), (
        f"multipart/form-data; boundary={boundary}"
    )


def _part(boundary: str, named: str, content_type: str, content: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {named}\r\n"
    return f"{head}Content-Type: {content_type}\r\n\r\n".encode() + content + b"\r\n"


def _line(verdict: dict[str, object]) -> str:
    code = f" ({verdict['code']})" if verdict.get("code") else ""
    return f"{verdict['filename']}: {verdict['status']}{code}"


def _marker() -> Path:
    return Path(settings.OVERREAD_DATA) / "demo_samples_sent"
