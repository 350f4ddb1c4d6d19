"""What the tests of the pages share: addresses, and what a page says."""

import re

from django.urls import reverse

from portal.audit.models import AuditEvent
from tests.factories import PASSWORD

NUMBER = re.compile(r"0\.\d\d")


def at(name: str, *args: object) -> str:
    """Return the address of a page."""
    return reverse(name, args=args)


def text_of(response) -> str:
    """Return the HTML of an answer."""
    return response.content.decode()


def prose_of(response) -> str:
    """Return the words of an answer without tags, white space folded."""
    return " ".join(re.sub(r"<[^>]+>", " ", text_of(response)).split())


def answer_in(response) -> str:
    """Return what the page says of the machine, without tags."""
    found = re.search(r'<section id="answer".*?</section>', text_of(response), re.S)
    assert found
    return " ".join(re.sub(r"<[^>]+>|\{.*?\}", " ", found[0]).split())


def events(action: str, **fields: object):
    """Return the audit events of an action."""
    return AuditEvent.objects.filter(action=action, **fields).order_by("seq")


def reviewed(**changes: object) -> dict[str, object]:
    """Return what the review form sends for a present finding."""
    sent = {"presence": "present", "reason_code": "", "comment": "", "confidence": "4"}
    return sent | {"password": PASSWORD} | changes
