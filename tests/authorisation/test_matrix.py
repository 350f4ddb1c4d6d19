"""Every route x every verb x every role and nobody x one's own site and another one's object."""

import itertools
from types import ModuleType

import pytest
from django.urls import include, path, re_path, reverse
from django.views import View

from portal.accounts.roles import TABLE, Role
from tests.authorisation.conftest import ANONYMOUS
from tests.authorisation.permissions import ALLOWED, ROLES
from tests.authorisation.routes import VERBS, routes
from tests.authorisation.rows import EXCLUDED, PUBLIC, ROWS, Row

WHO = [*ROLES.values(), ANONYMOUS]
BY_VERB = {(row.route, row.verb): row for row in ROWS}
BY_ROUTE = {row.route: [other for other in ROWS if other.route == row.route] for row in ROWS}


def passes(who: str, act: str) -> bool:
    """Whether somebody who is signed in gets through a door."""
    return act in {"", PUBLIC} or any(who in ALLOWED[one] for one in act.split("|"))


def expected(row: Row, who: str, *, abroad: bool) -> int:
    """Return what the table says of a verb that has a row."""
    if who in row.but and not (abroad and row.abroad == 404):
        return row.but[who]
    if who == ANONYMOUS and row.door != PUBLIC:
        return stranger(row.route)
    steps = (
        (passes(who, row.door), 403),
        (not abroad, row.abroad),
        (passes(who, row.sees), 404),
        (passes(who, row.act), 403),
    )
    return next((status or 0 for holds, status in steps if not holds), row.ok)


def expected_besides(route: str, verb: str, who: str) -> int:
    """Return what a verb without a row answers."""
    doors = {row.door for row in BY_ROUTE[route]}
    if who == ANONYMOUS and PUBLIC not in doors:
        return stranger(route)
    if not any(passes(who, door) for door in doors):
        return 403
    return 200 if verb == "OPTIONS" else 405


def stranger(route: str) -> int:
    return 401 if route.startswith("api:") else 302


PLOTS = {"model-picture", "api:picture"}
"""Of no patient: the browser of whoever saw them may keep them, and no cache between."""


def is_private(answer, who: str, route: str) -> bool:
    """Whether an answer stays out of caches, or names the sign-in page, or is for everybody."""
    if any(row.door == PUBLIC for row in BY_ROUTE[route]):
        return True
    if who == ANONYMOUS and answer.status_code == 302:
        return answer["Location"].startswith(reverse("sign-in"))
    kept = answer.get("Cache-Control", "")
    return who == ANONYMOUS or "no-store" in kept or (route in PLOTS and "private" in kept)


def row_of(route: str, verb: str) -> Row | None:
    return BY_VERB.get((route, verb)) or (BY_VERB.get((route, "GET")) if verb == "HEAD" else None)


@pytest.mark.django_db
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("route", BY_ROUTE)
def test_every_verb_answers_everybody_as_the_table_says(route, verb, world):
    row = row_of(route, verb)
    has_ids = any(row.abroad for row in BY_ROUTE[route])
    wrong = []
    for who, abroad in itertools.product(WHO, [False, True] if has_ids else [False]):
        answer = world.ask(who, row or BY_ROUTE[route][0], verb, abroad=abroad)
        wanted = expected(row, who, abroad=abroad) if row else expected_besides(route, verb, who)
        place = "abroad" if abroad else "here"
        if answer.status_code != wanted:
            wrong.append(f"{who} {place}: {answer.status_code} instead of {wanted}")
        if not is_private(answer, who, route):
            wrong.append(f"{who} {place}: may be cached")
    assert wrong == []


def test_every_route_has_a_row_and_every_row_a_route():
    assert set(routes()) - set(EXCLUDED) == set(BY_ROUTE)


def test_no_verb_has_two_rows():
    assert len(BY_VERB) == len(ROWS)


def test_what_has_an_id_in_its_address_says_what_another_sites_object_gives():
    with_id = {name for name, parameters in routes().items() if parameters}
    assert {row.route for row in ROWS if row.abroad is not None} == with_id
    assert all(row.abroad is not None for row in ROWS if row.route in with_id)


def test_the_products_table_is_the_one_of_the_design():
    assert {str(act): {str(role) for role in roles} for act, roles in TABLE.items()} == ALLOWED
    assert set(Role.values) == set(ROLES.values())


def test_a_token_opens_no_page(world):
    token = world.tokens["reader"]
    answer = world.browsers[ANONYMOUS].get(
        reverse("worklist"), headers={"Authorization": f"Token {token}"}
    )
    assert answer.status_code == 302


def test_a_planted_route_is_seen():
    planted = ModuleType("planted")
    inner = include([re_path(r"^(?P<user_id>\d+)\Z", View.as_view(), name="planted")])
    planted.urlpatterns = [path("inner/", inner), path("unnamed", View.as_view())]
    assert routes(planted) == {"planted": {"user_id"}, "unnamed unnamed": set()}
