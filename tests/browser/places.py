"""Every page in every state that it knows, as data. A new page needs a line here.

A row says: its name; the route that answers; who looks (a person of `rows`; empty: a stranger);
the path, filled in from what `rows` made; the status; and what is done on the page before it is
looked at. `NO_PAGE` names the routes that never show a page of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page, expect

from tests.chaos import radiographs

Act = Callable[[Page], None]


def _open_all(page: Page) -> None:
    """Open every fold-out of the page."""
    closed = page.locator("main details:not([open]) > summary")
    while closed.count():
        closed.first.click()


def _open_menu(page: Page) -> None:
    page.locator(".menu summary").click()


def _filled(button: str, **fields: str) -> Act:
    """Return what fills in a form without the browser's own checks, and sends it."""

    def act(page: Page) -> None:
        page.eval_on_selector_all("form", "forms => forms.forEach(one => one.noValidate = true)")
        for name, value in fields.items():
            page.locator(f"main [name={name}]").first.fill(value)
        page.get_by_role("button", name=button, exact=True).first.click()
        page.wait_for_load_state()

    return act


def _send_files(page: Page) -> None:
    lateral = radiographs.dicom(990, ViewPosition="LL")
    files = {
        "lateral.dcm": lateral,
        "the-same-again.dcm": lateral,
        f"{'a-very-long-file-name-' * 4}.pdf": b"%PDF-1.7",
    }
    page.set_input_files(
        "#id_files",
        [{"name": n, "mimeType": "", "buffer": content} for n, content in files.items()],
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("[data-summary]")).to_contain_text("1 refused")


def _nobody(page: Page) -> None:
    _filled("Find the events", patient="NOBODY-1")(page)


def _search(page: Page) -> None:
    _filled("Show", words="Nobody^Of that name")(page)


def _too_old(page: Page) -> None:
    """Send a form whose token another sign-in replaced."""
    page.eval_on_selector(
        "main [name=csrfmiddlewaretoken]", "field => field.value = 'x'.repeat(64)"
    )
    _filled("Sign in", username="somebody", password="something")(page)


def _loaded(page: Page) -> None:
    expect(page.locator(".opblock").first).to_be_visible()
    page.locator(".opblock", has_text="worklist/next").first.click()


@dataclass(frozen=True, slots=True)
class Place:
    """A page in one of its states."""

    name: str
    route: str
    who: str
    path: str
    status: int = 200
    acts: tuple[Act, ...] = field(default=())
    answers: int = 0  # the status of what an act sends, if it is a refusal
    vendors: tuple[str, ...] = ()  # rules that markup made by somebody else's script breaks


def _study(name: str, who: str = "full.reviewer", *acts: Act, answers: int = 0) -> Place:
    path = f"/studies/{{study_{name}}}"
    return Place(f"study-{name}", "study", who, path, acts=acts, answers=answers)


DOORS = [
    Place("sign-in", "sign-in", "", "/sign-in", acts=(_open_all,)),
    Place("sign-in-unsent", "sign-in", "", "/sign-in?unsent=1", acts=(_open_menu,)),
    Place(
        "sign-in-wrong", "sign-in", "", "/sign-in", answers=403,
        acts=(_filled("Sign in", username="nobody", password="wrong"),),
    ),
    Place(
        "sign-in-throttled", "sign-in", "", "/sign-in", answers=429,
        acts=(_filled("Sign in", username="throttled", password="wrong"),),
    ),
    Place("set-password", "set-password", "", "{link}"),
    Place(
        "set-password-refused", "set-password", "", "{link}", answers=422,
        acts=(_filled("Set the password", new_password1="short", new_password2="other"),),
    ),
    Place("set-password-dead", "set-password", "", "{dead_link}"),
    Place("too-old", "sign-in", "", "/sign-in", answers=403, acts=(_too_old,)),
    Place("not-found-stranger", "sign-in", "", "/no/such/page", 404),
]  # fmt: skip
ACCOUNTS = [
    Place("password", "password", "full.long", "/password"),
    Place(
        "password-refused", "password", "full.long", "/password", answers=422,
        acts=(_filled("Change it", old_password="x", new_password1="a", new_password2="b"),),
    ),
    Place("account", "account", "full.long", "/account", acts=(_open_menu,)),
    Place("account-bare", "account", "calm.reader", "/account"),
    Place("users", "users", "full.site_admin", "/users"),
    Place("invite", "invite", "full.site_admin", "/users/invite"),
    Place(
        "invite-refused", "invite", "full.site_admin", "/users/invite", answers=422,
        acts=(_filled("Make the account and its link", username="No Such Name!"),),
    ),
    Place("user", "user", "full.site_admin", "/users/{person}", acts=(_open_all,)),
    Place("user-self", "user", "full.site_admin", "/users/{self}"),
    Place("user-disabled", "user", "full.site_admin", "/users/{left}"),
    Place(
        "user-link", "user-link", "full.site_admin", "/users/{late}",
        acts=(_filled("Renew the invitation"),),
    ),
    Place(
        "user-token", "user-tokens", "full.site_admin", "/users/{person}",
        acts=(_filled("Make a token"),),
    ),
]  # fmt: skip
LISTS = [
    Place("worklist", "worklist", "full.reviewer", "/worklist"),
    Place("worklist-older", "worklist", "full.reader", "/worklist?page=2"),
    Place("worklist-empty", "worklist", "calm.reader", "/worklist"),
    Place("worklist-search", "worklist", "full.reader", "/worklist", acts=(_search,)),
    Place("worklist-filter", "worklist", "full.reader", "/worklist?outcome=x", 422),
    Place("worklist-paused", "worklist", "halted.reader", "/worklist"),
    Place("my-uploads-empty", "worklist", "calm.uploader", "/worklist"),
    Place("upload", "upload", "full.uploader", "/upload", acts=(_open_all,)),
    Place("upload-paused", "upload", "halted.uploader", "/upload"),
    Place("upload-verdicts", "upload", "full.uploader", "/upload", acts=(_send_files,)),
    Place("my-uploads", "worklist", "full.uploader", "/worklist"),
    Place("audit", "audit", "full.auditor", "/audit"),
    Place("audit-nothing", "audit", "full.auditor", "/audit?actor=nobody-of-that-name"),
    Place("audit-patient", "audit", "full.auditor", "/audit", acts=(_open_all, _nobody)),
    Place("audit-filter", "audit", "full.auditor", "/audit?action=x", 422),
    Place(
        "audit-verify", "audit-verify", "full.auditor", "/audit?subject=study",
        acts=(_filled("Verify the chain"),),
    ),
    Place("forbidden", "upload", "full.auditor", "/upload", 403),
    Place("not-found", "study", "full.reader", "/studies/1.2.3", 404),
    Place("no-such-page", "study", "full.reader", "/no/such/page", 404),
]  # fmt: skip
STUDIES = [
    *map(_study, ("several", "absent", "not_applicable", "rejected_quality", "running")),
    *map(_study, ("without", "mapped", "signed", "overridden", "mine", "held", "widened")),
    _study("cut_off"),
    _study("queued", "full.pacs_admin"),
    _study("failed", "full.pacs_admin"),
    _study("amended", "full.reviewer", _open_all),
    _study("long", "full.long"),
    Place("study-window", "study", "full.reader", "/studies/{study_absent}?width=0"),
    Place(
        "sign-review", "sign-review", "full.reviewer", "/studies/{study_long}", answers=422,
        acts=(_filled("Sign"),),
    ),
    Place(
        "amend-review", "amend-review", "full.reviewer", "/studies/{study_signed}", answers=422,
        acts=(_open_all, _filled("Sign the amendment")),
    ),
]  # fmt: skip
OPERATING = [
    Place("failed", "failed", "full.pacs_admin", "/failed"),
    Place("failed-nothing", "failed", "calm.pacs_admin", "/failed"),
    Place("failed-cause", "failed-cause", "full.pacs_admin", "/failed/gave_up"),
    Place("failed-cause-long", "failed-cause", "full.pacs_admin", "/failed/pixels_undecodable"),
    Place("failed-cause-nothing", "failed-cause", "calm.pacs_admin", "/failed/gave_up"),
    Place("about", "about", "full.reader", "/about"),
    Place("about-nothing", "about", "calm.reader", "/about"),
    Place("models", "models", "full.reviewer", "/models", acts=(_open_all,)),
    Place("models-proposing", "models", "full.data_scientist", "/models", acts=(_open_all,)),
    Place(
        "enter-prevalence", "enter-prevalence", "full.data_scientist", "/models", answers=422,
        acts=(_open_all, _filled("Enter it", of_100="200", basis="x" * 80)),
    ),
    Place(
        "widen-use", "widen-use", "halted.data_scientist", "/models", answers=422,
        acts=(_open_all, _filled("Sign the proposal", oldest="131", reason="x" * 80)),
    ),
    *(
        Place(
            f"{act}-widening", f"{act}-widening", "full.reviewer", "/models", answers=status,
            acts=(_open_all, _filled(button)),
        )
        for act, status, button in (
            ("approve", 403, "Sign and let it score these"),
            ("decline", 422, "Decline the wider use"),
            ("withdraw", 422, "Take it back now"),
        )
    ),
    *(
        Place(f"operating-point{name}", "operating-point", who, f"/models/{path}", status)
        for name, who, path, status in (
            ("", "full.data_scientist", "{live}/operating-point?cut_off=0.37", 200),
            ("-looked-at", "full.reviewer", "{live}/operating-point", 200),
            ("-waits", "full.data_scientist", "{proposed}/operating-point", 200),
            ("-nothing", "full.reviewer", "{free}/operating-point", 200),
            ("-few", "halted.data_scientist", "{live}/operating-point", 200),
            (
                "-wrong", "full.reviewer",
                "{live}/operating-point?since=2026-02-01&until=2026-01-01", 422,
            ),
        )
    ),
    Place(
        "operating-point-refused", "operating-point", "full.data_scientist",
        "/models/{live}/operating-point", answers=422,
        acts=(_filled("Sign the proposal", set_name="x" * 120, reason="x" * 80),),
    ),
    *(
        Place(
            f"{act}-operating-point", f"{act}-operating-point", "full.reviewer", "/models",
            answers=status, acts=(_open_all, _filled(button)),
        )
        for act, status, button in (
            ("approve", 403, "Sign and use this cut-off"),
            ("decline", 422, "Decline the cut-off"),
            ("withdraw", 422, "Go back to it now"),
        )
    ),
    Place("watch", "watch", "full.reviewer", "/watch", acts=(_open_all,)),
    Place("watch-folded", "watch", "full.auditor", "/watch?group=view:AP"),
    Place("watch-wrong", "watch", "full.auditor", "/watch?first=2026-02-01&last=2026-01-01", 422),
    Place("watch-no-model", "watch", "calm.auditor", "/watch"),
    Place("watch-empty", "watch", "halted.auditor", "/watch?first=2020-01-01&last=2020-02-01"),
    Place(
        "answer-alert", "answer-alert", "full.reviewer", "/watch", answers=422,
        acts=(_open_all, _filled("Note what was done", words="x" * 80)),
    ),
    Place("comparison", "model-comparison", "full.reviewer", "/models/{tried}/comparison"),
    Place("comparison-by-study", "model-comparison", "full.auditor", "/models/{tried}/comparison"),
    Place("comparison-none", "model-comparison", "full.auditor", "/models/{free}/comparison"),
    Place("comparison-itself", "model-comparison", "full.auditor", "/models/{live}/comparison"),
    Place("models-nothing", "models", "calm.reviewer", "/models"),
    Place("models-paused", "models", "halted.reviewer", "/models"),
    Place("models-resuming", "models", "halted.site_admin", "/models"),
    Place(
        "api-docs", "api:docs", "full.reader", "/api/v1/docs/", acts=(_loaded,),
        vendors=("nested-interactive", "select-name", "heading-order", "region"),
    ),
    Place("model", "model", "full.reviewer", "/models/{live}"),
    Place("model-report", "model", "full.reviewer", "/models/{free}", acts=(_open_all,)),
    Place("model-report-folded", "model", "full.reader", "/models/{free}"),
    Place("model-report-sparse", "model", "full.reader", "/models/{proposed}"),
    *(
        Place(
            f"{act}-model", f"{act}-model", who, "/models", answers=422,
            acts=(_open_all, _filled(button)),
        )
        for act, who, button in (
            ("propose", "full.data_scientist", "Propose it"),
            ("decline", "full.reviewer", "Decline it"),
            ("pause", "full.reviewer", "Pause it now"),
        )
    ),
    *(
        Place(route, route, who, "/models", answers=422, acts=(_open_all, _filled(button)))
        for route, who, button in (
            ("start-shadow", "halted.data_scientist", "Put it in shadow"),
            ("end-trial", "full.reviewer", "End it now"),
            ("roll-back", "full.data_scientist", "Propose the rollback"),
        )
    ),
]  # fmt: skip
GROUPS = {
    "doors": DOORS,
    "accounts": ACCOUNTS,
    "lists": LISTS,
    "studies": STUDIES,
    "operating": OPERATING,
}
NO_PAGE = {
    "redirects to a page": (
        "home", "sign-out", "theme", "account-end-others", "account-end-session",
        "account-revoke-token", "user-roles", "user-disable", "user-enable", "user-end-sessions",
        "user-revoke-token", "next-study", "release-study", "retry-failed", "acknowledge-failed",
        "retry", "cancel",
    ),
    "redirects, and is refused only to those who race": (
        "withdraw-model", "approve-model", "resume-model",
    ),
    "part of a page": (
        "worklist-rows", "study-answer", "rendition", "still-here", "model-picture",
        "prediction-map", "watch-table", "evidence-pack",
    ),
}  # fmt: skip
