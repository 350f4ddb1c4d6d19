"""The matrix as data. A new route needs a line here for each verb that it knows.

A row says: route and verb; the status of whoever may; ``door``, the act that opens the route
(``a|b``: one of them; empty: whoever is signed in; ``PUBLIC``: strangers too); ``sees``, the act
without which a colleague's object does not exist (404); ``act``, what is needed besides (403
otherwise); ``abroad``, what an object of another site gives, for a route with an id in its
address; ``but``, who gets something else, by role or ``anonymous``; ``about``, what the address
names instead of the first of its kind in the world; ``sent`` and ``headers``, so that whoever
may succeeds (``{name}`` is filled in from the world); ``form``, whether ``sent`` is a form.

The verbs that no row names: HEAD is GET without its body; OPTIONS is 200 for whoever passes the
door of any verb of the route; every other one is 405 for them. A stranger is asked to sign in
first (a page: 302, the API: 401) and whoever does not pass any door is refused first (403), so a
verb tells nobody anything about an object.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.authorisation.world import PNG
from tests.factories import PASSWORD

PUBLIC = "PUBLIC"
SEES, SEES_OWN, ADMIN = "see_studies", "see_own_uploads", "administer"
TAKES = "write_finding|sign"
_ON_A_PERSON: dict[str, dict[str, Any]] = {
    "user-roles": {"roles": "auditor"},
    "user-disable": {},
    "user-enable": {},
    "user-end-sessions": {},
    "user-revoke-token": {"key": "{token_key}"},
}
_DECIDES = "pause_model|approve_models|evaluate_models"
_ON_A_MODEL = {
    "propose": ("evaluate_models", "free_version"),
    "withdraw": (_DECIDES, "proposed_version"),
    "approve": ("approve_models", "proposed_version"),
    "decline": ("approve_models", "proposed_version"),
    "pause": ("pause_model", "live_version"),
    "resume": ("approve_models", "live_version"),
}
_DECIDED_ON = {act: needs for act, needs in _ON_A_MODEL.items() if act != "withdraw"}
_NOT_THEIRS = dict.fromkeys(("reviewer", "adjudicator", "site_admin"), 403)
"""What is withdrawn is the data scientist's."""
_ON_A_TRIAL = {  # of the API alone
    "shadow": ("evaluate_models", "free_version"),
    "end": (_DECIDES, "free_version"),
    "rollback": (_DECIDES, "live_version"),
}
_WAITS, _IN_FORCE = {"row_id": "waiting_widening"}, {"row_id": "widening_in_force"}
_ON_A_WIDENING: list[tuple[str, str, dict[str, str], dict[str, Any]]] = [
    ("approve", "approve_models", _WAITS, {"password": PASSWORD}),
    ("decline", "approve_models", _WAITS, {"reason": "Too few."}),
    ("withdraw", _DECIDES, _IN_FORCE, {"reason": "Alarms."}),
]
_ON_A_POINT = [
    (act, "sign" if door == "approve_models" else door, about, sent)
    for act, door, about, sent in _ON_A_WIDENING
]
_POINT_WAITS, _POINT_IN_FORCE = {"row_id": "waiting_point"}, {"row_id": "point_in_force"}
_CHOICE = {
    "cut_off": "0.4",
    "set_name": "Spring",
    "since": "2026-01-01",
    "until": "2030-01-01",
    "reason": "Ours.",
    "password": PASSWORD,
}
_CUT_OFF = {
    "threshold": 0.4,
    "set_name": "Spring",
    "since": "2026-01-01",
    "until": "2030-01-01",
    "why": "Ours.",
    "password": PASSWORD,
}
_LOOKS = "evaluate_models|approve_models|sign"
_TRY = {"reason": "To know more."}
_READS_NOT = {"pacs_admin": 403}
_OPERATES = {"door": "operate", "abroad": 404}
_READ = {"presence": "present", "password": PASSWORD}
_SIGN = {"finding": "present", "password": PASSWORD}
_OWN = {"adjudicator": 403}  # the review is the reviewer's: not theirs to amend
_IF_MATCH = {"If-Match": "{etag}"}


@dataclass(frozen=True)
class Row:
    """What one verb of one route answers."""

    route: str
    verb: str
    ok: int
    door: str = ""
    sees: str = ""
    act: str = ""
    abroad: int | None = None
    but: dict[str, int] = field(default_factory=dict)
    sent: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    form: bool = True


def _study(route: str, verb: str, ok: int, **more: Any) -> Row:
    """Return the row of something below a study: who sees the study sees it."""
    return Row(route, verb, ok, door=SEES_OWN, sees=SEES, abroad=404, **more)


def _person(route: str, verb: str, ok: int, **more: Any) -> Row:
    """Return the row of something about a person of the site."""
    return Row(route, verb, ok, ADMIN, abroad=404, **more)


def _model(prefix: str, verb: str, ok: dict[str, int], **more: Any) -> list[Row]:
    """Return the rows of the acts on models. A version is of no site: abroad it is the same one."""
    why = {"reason": "Seen.", "why": "Seen."}
    rows = []
    for act, (door, which) in more.get("acts", _ON_A_MODEL).items():
        route, status = prefix.format(act), ok.get(act, ok[""])
        words = {name: why[name] for name in more.get("words", {}).get(act, ())}
        about = {"version_id": which, "model_id": which}
        form = not route.startswith("api:")
        rows.append(
            Row(route, verb, status, door, abroad=status, sent=words, about=about, form=form)
        )
    return rows


def _json(route: str, ok: int, sent: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"route": route, "verb": "POST", "ok": ok, "sent": sent, "form": False, **more}


PAGES = [
    Row("home", "GET", 302),
    Row("sign-in", "GET", 302, PUBLIC, but={"anonymous": 200}),
    Row("sign-in", "POST", 302, PUBLIC, sent={"username": "reader", "password": PASSWORD}),
    Row("sign-out", "POST", 302),
    Row("set-password", "GET", 302, PUBLIC, abroad=302),
    Row("set-password", "POST", 302, PUBLIC, abroad=302),
    Row("password", "GET", 200),
    Row("password", "POST", 422),
    Row("theme", "POST", 302, PUBLIC),
    Row("still-here", "POST", 204),
    Row("account", "GET", 200),
    Row("account-end-others", "POST", 302),
    Row("account-end-session", "POST", 404, abroad=404),  # nobody's own: see the tests of accounts
    Row("account-revoke-token", "POST", 404),
    Row("users", "GET", 200, ADMIN),
    Row("invite", "GET", 200, ADMIN),
    Row("invite", "POST", 200, ADMIN, sent={"username": "fresh", "roles": "reader"}),
    _person("user", "GET", 200),
    *(_person(route, "GET", 302) for route in _ON_A_PERSON),
    *(_person(route, "POST", 302, sent=sent) for route, sent in _ON_A_PERSON.items()),
    _person("user-link", "GET", 302),
    _person("user-link", "POST", 200),
    _person("user-tokens", "GET", 302),
    _person("user-tokens", "POST", 200, sent={"days": "30"}),
    Row("worklist", "GET", 200, SEES_OWN),
    Row("worklist", "POST", 302, SEES_OWN),
    Row("worklist-rows", "POST", 200, SEES_OWN),
    Row("next-study", "GET", 302, SEES),
    Row("next-study", "POST", 302, SEES, but=_READS_NOT),
    Row("release-study", "GET", 302, SEES, abroad=404),
    Row("release-study", "POST", 302, SEES, abroad=404, but=_READS_NOT),
    Row("upload", "GET", 200, "upload"),
    Row("upload", "POST", 200, "upload", sent={"files": PNG}),
    _study("study", "GET", 200),
    _study("study-answer", "GET", 200),
    _study("rendition", "GET", 200),
    _study("prediction-map", "GET", 200, about={"prediction_id": "mapped"}),
    _study("sign-review", "GET", 302),
    _study("sign-review", "POST", 302, act="sign", sent=_READ),
    _study("amend-review", "GET", 302),
    _study(
        "amend-review", "POST", 302, act="sign", sent=_READ | {"amend_reason": "New."}, but=_OWN
    ),
    Row("audit", "GET", 200, "read_audit"),
    Row("audit", "POST", 200, "read_audit", sent={"patient": "P1"}),
    Row("audit-verify", "GET", 302, "read_audit"),
    Row("audit-verify", "POST", 200, "read_audit"),
    Row("about", "GET", 200),
    Row("models", "GET", 200),
    Row("model-comparison", "GET", 200, "watch_model", abroad=200),
    *(
        Row(route, verb, status, door, abroad=status, sent=_TRY, about={"version_id": which})
        for route, door, which, post in (
            ("start-shadow", "evaluate_models", "free_version", 302),
            ("end-trial", _DECIDES, "live_version", 409),  # it is not tried
            ("roll-back", _DECIDES, "live_version", 302),
        )
        for verb, status in (("GET", 302), ("POST", post))
    ),
    Row("enter-prevalence", "GET", 302, "evaluate_models"),
    Row(
        "enter-prevalence",
        "POST",
        302,
        "evaluate_models",
        sent={"of_100": "12.5", "basis": "Counted."},
    ),
    Row("widen-use", "GET", 302, "evaluate_models", abroad=302),
    Row(
        "widen-use",
        "POST",
        409,
        "evaluate_models",
        abroad=409,  # one waits already
        about={"version_id": "live_version"},
        sent={"youngest": "0", "oldest": "17", "reason": "Ours.", "password": PASSWORD},
    ),
    *(
        Row(f"{act}-widening", verb, 302, door, abroad=404, about=about, sent=sent)
        for act, door, about, sent in _ON_A_WIDENING
        for verb in ("GET", "POST")
    ),
    Row("operating-point", "GET", 200, _LOOKS, abroad=200),
    Row(
        "operating-point",
        "POST",
        409,
        _LOOKS,
        abroad=409,  # one waits already
        but={"reviewer": 403, "adjudicator": 403, "site_admin": 403},  # they look, and decide
        about={"version_id": "free_version"},
        sent=_CHOICE,
    ),
    *(
        Row(
            f"{act}-operating-point",
            verb,
            302,
            door,
            abroad=404,
            about=_POINT_IN_FORCE if act == "withdraw" else _POINT_WAITS,
            sent=sent,
        )
        for act, door, _, sent in _ON_A_POINT
        for verb in ("GET", "POST")
    ),
    Row("model", "GET", 200, abroad=200),
    Row("evidence-pack", "GET", 302, "read_audit", abroad=302),
    Row("evidence-pack", "POST", 200, "read_audit", abroad=200),
    Row("model-picture", "GET", 200, abroad=200),
    *_model("{}-model", "GET", {"": 302}),
    *_model(
        "{}-model",
        "POST",
        {"": 302, "resume": 409},
        words={"propose": ["reason"], "decline": ["reason"], "pause": ["reason"]},
        acts=_DECIDED_ON,
    ),
    Row(
        "withdraw-model",
        "POST",
        302,
        _DECIDES,
        abroad=302,
        but=_NOT_THEIRS,
        about={"version_id": "proposed_version"},
    ),
    Row("watch", "GET", 200, "watch_model"),
    Row("watch-table", "GET", 200, "watch_model", abroad=200),
    Row("answer-alert", "GET", 302, "watch_model", abroad=404),
    Row(
        "answer-alert",
        "POST",
        302,
        "watch_model",
        act="answer_alerts",
        abroad=404,
        sent={"act": "watched", "words": "Until Friday."},
    ),
    Row("failed", "GET", 200, "operate"),
    Row("failed-cause", "GET", 200, "operate", abroad=200),
    *(
        Row(
            route, verb, 302, "operate", abroad=302, sent={"which": "all"} if verb == "POST" else {}
        )
        for route in ("retry-failed", "acknowledge-failed")
        for verb in ("GET", "POST")
    ),
    *(
        Row(route, verb, 302, **_OPERATES)
        for route in ("retry", "cancel")
        for verb in ("GET", "POST")
    ),
]
API = [
    Row("api:uploads", "POST", 202, "upload", sent={"files": PNG}),
    _study("api:prediction", "GET", 200),
    _study("api:map", "GET", 200, about={"prediction_id": "mapped"}),
    Row("api:studies", "GET", 200, SEES_OWN),
    Row(**_json("api:search", 200, {"patient_id": "P"}, door=SEES_OWN)),
    _study("api:study", "GET", 200),
    _study("api:results", "GET", 200),
    _study("api:history", "GET", 200),
    _study(**_json("api:reviews", 201, _SIGN, act="sign")),
    _study(
        **_json(
            "api:amend",
            201,
            _SIGN | {"amend_reason": "New."},
            act="sign",
            headers=_IF_MATCH,
            but=_OWN,
        )
    ),
    Row("api:retry", "POST", 201, form=False, about={"prediction_id": "failed"}, **_OPERATES),
    Row("api:acknowledge", "POST", 200, form=False, about={"prediction_id": "failed"}, **_OPERATES),
    Row("api:cancel", "POST", 200, form=False, about={"prediction_id": "queued"}, **_OPERATES),
    Row("api:next", "POST", 200, TAKES, form=False),
    Row("api:release", "POST", 204, TAKES, abroad=404, form=False),
    Row("api:changes", "GET", 200, SEES_OWN),
    Row("api:models", "GET", 200),
    Row("api:report", "GET", 200, abroad=200),
    Row("api:picture", "GET", 200, abroad=200),
    Row(
        "api:comparison",
        "GET",
        200,
        "watch_model",
        abroad=200,
        about={"model_id": "free_version"},
    ),
    *_model(
        "api:{}",
        "POST",
        {"": 200, "propose": 201, "resume": 409},
        words={"propose": ["why"], "decline": ["reason"], "pause": ["reason"]},
        acts=_DECIDED_ON,
    ),
    Row(
        "api:withdraw",
        "POST",
        200,
        _DECIDES,
        abroad=200,
        but=_NOT_THEIRS,
        about={"model_id": "proposed_version"},
        form=False,
    ),
    *_model(
        "api:{}",
        "POST",
        {"": 201, "end": 409},  # nothing is tried here
        words={"shadow": ["why"], "end": ["reason"], "rollback": ["why"]},
        acts=_ON_A_TRIAL,
    ),
    Row(
        "api:operating-points",
        "GET",
        200,
        _LOOKS,
        abroad=200,
    ),
    Row(
        **_json("api:operating-points", 409, _CUT_OFF, door=_LOOKS),
        abroad=409,  # one waits already
        but={"reviewer": 403, "adjudicator": 403, "site_admin": 403},
        about={"model_id": "free_version"},
    ),
    *(
        Row(
            **_json(f"api:{act}-point", 200, sent, door=door, abroad=404),
            about={"point_id": "point_in_force" if act == "withdraw" else "waiting_point"},
        )
        for act, door, _, sent in _ON_A_POINT
    ),
    Row("api:events", "GET", 200, "read_audit"),
    Row("api:verify", "GET", 200, "read_audit"),
    Row("api:openapi", "GET", 200, PUBLIC),
    Row("api:docs", "GET", 200, PUBLIC),
]
MACHINES = [
    Row("healthz", "GET", 200, PUBLIC),
    Row("readyz", "GET", 503, PUBLIC),  # no worker runs here
    Row("metrics", "GET", 404, PUBLIC),  # there is no such page without a token in the settings
]
# the address of every wrong address below /api/v1/: 404 whatever the verb, whoever asks
NOWHERE = [
    Row("api:nowhere", verb, 404, PUBLIC)
    for verb in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
]
ROWS = [*PAGES, *API, *MACHINES, *NOWHERE]

# not walked, and why
EXCLUDED = {
    "static": "files of the release, the same for everybody; served before anybody is asked for",
}
