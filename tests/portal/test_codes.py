"""Every code that the portal can refuse with is documented, and no other is."""

import importlib
import pkgutil
import re
from collections import Counter

import portal
from portal.api.problems import CODES
from portal.errors import PortalError
from tests.architecture.sources import ROOT

API = (ROOT / "docs/api.md").read_text()
REFUSALS = (ROOT / "docs/refusals.md").read_text()
OF_NO_KIND = {"portal_error"}  # the root of all: nothing is refused with it


def kinds_below(kind: type[PortalError]) -> set[type[PortalError]]:
    return {kind}.union(*map(kinds_below, kind.__subclasses__()))


def codes() -> set[str]:
    """Return the code of every refusal of the portal, of modules that no test imported too."""
    for module in pkgutil.walk_packages(portal.__path__, "portal."):
        if ".migrations" not in module.name and module.name != "portal.wsgi":
            importlib.import_module(module.name)
    ours = {k for k in kinds_below(PortalError) if k.__module__.startswith("portal.")}
    return {kind.code for kind in ours} - OF_NO_KIND


def told(text: str) -> set[str]:
    """Return the codes in the tables and lists of a page that begin with a status."""
    rows = re.findall(r"^\| [\d, ]+ \| (.*) \|$", text, re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)}


def test_no_two_refusals_have_one_name():
    codes()
    ours = [k for k in kinds_below(PortalError) if k.__module__.startswith("portal.")]
    names = Counter(kind.__name__ for kind in ours)
    assert [name for name, number in names.items() if number > 1] == []


def test_every_code_is_documented():
    assert len(codes()) > 50
    named = {*re.findall(r"`([a-z_]+)`", API), *re.findall(r"`([a-z_]+)`", REFUSALS)}
    assert (codes() | set(CODES.values())) - named == set()


def test_no_code_is_documented_that_nothing_has():
    known = codes() | set(CODES.values()) | {"all_refused"}
    assert (told(API) | told(REFUSALS)) - known == set()
    assert {"already_reviewed", "link_dead"} <= told(API) | told(REFUSALS)
