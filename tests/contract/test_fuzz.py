"""Thousands of generated requests to real processes: no crash, nothing of another site.

Seeded: the same run gives the same requests. Hypothesis also draws on the modules it finds.
"""

import itertools
from collections import Counter
from urllib.parse import unquote

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]
REQUESTS = 3000
LONG_ADDRESS = 8100
"""Characters. The web server answers a longer request line with 414 before the product sees it."""
WORK = 8  # predictions of each kind, for each operation on them
USERS = ("reviewer", "uploader", "auditor")
DONE_BY = {  # who may do what those do not; every second request is theirs
    "retry_prediction": "pacs_admin",
    "cancel_prediction": "pacs_admin",
    "acknowledge_failure": "pacs_admin",
    "propose_model": "data_scientist",
    "withdraw_model": "data_scientist",
    "approve_model": "site_admin",
    "decline_model": "site_admin",
    "resume_model": "site_admin",
    "pause_model": "adjudicator",
    "shadow_model": "data_scientist",
    "end_model": "adjudicator",
    "rollback_model": "data_scientist",
}
PROPOSED = ("propose", "data_scientist", {"why": "x"})
UNDONE = {  # what has to be so before an operation can be done, and again after it was
    "propose_model": ("withdraw", "data_scientist", {}),
    "withdraw_model": PROPOSED,
    "approve_model": PROPOSED,
    "decline_model": PROPOSED,
    "resume_model": ("pause", "adjudicator", {"reason": "x"}),
    "pause_model": ("resume", "site_admin", {}),
    "shadow_model": ("end", "adjudicator", {"reason": "x"}),
    "end_model": ("shadow", "data_scientist", {"why": "x"}),
    "rollback_model": ("decline", "site_admin", {"reason": "x"}),
}
OPERATING = ("retry_prediction", "cancel_prediction", "acknowledge_failure")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


class Fuzz:
    """Sends cases and remembers what came back."""

    def __init__(self, contract) -> None:
        self.contract = contract
        self.users = {None: itertools.cycle(USERS)} | {
            label: itertools.cycle(itertools.chain(*((may, user) for user in USERS)))
            for label, may in DONE_BY.items()
        }
        self.session = requests.Session()
        self.seen: Counter[tuple[str, int]] = Counter()
        self.troubles: list[str] = []
        self.known = self._known()
        self.elsewhere = contract.elsewhere()

    def _known(self) -> dict[str, list]:
        """Return real identifiers for the parts of an address: our own, and the other site's."""
        one, token = self.contract.overread, self.contract.tokens["uploader"]
        verdicts = one.upload(token, *[(f"{n}.dcm", radiographs.dicom(4200 + n)) for n in range(4)])
        one.settled(token, [verdict["prediction"] for verdict in verdicts], within=60)
        study = verdicts[0]["study_instance_uid"]
        body = {"finding": "indeterminate", "reason_code": "OOS_age", "password": PASSWORD}
        signer = self.contract.tokens["reviewer"]
        review = one.request("POST", f"/api/v1/studies/{study}/reviews", signer, json=body)
        assert review.status_code == 201, review.text
        foreign = self.contract.foreign
        self.contract.sign_studies()
        return {
            "study_instance_uid": [v["study_instance_uid"] for v in verdicts] + [foreign["study"]],
            "prediction_id": [verdicts[0]["prediction"], *foreign["predictions"]],
            "review_id": [review.json()["id"], foreign["review"]],
            "model_id": [self.contract.runs, self.contract.waits],
            "point_id": [self.contract.propose_cut_off()],
        }

    def prepare(self, label: str) -> None:
        """Let an operation be possible, whatever those before it have stopped or used up."""
        if label == "rollback_model":  # something has to have been live before
            self.contract.make_live(self.contract.waits)
        self.contract.make_live(self.contract.runs)
        if label in OPERATING:
            work = self.contract.work(WORK)
            mine = work["queued" if label == "cancel_prediction" else "failed"]
            self.known["prediction_id"] = mine + self.contract.foreign["predictions"]
        self.undo(label)

    def undo(self, label: str) -> None:
        """Take back what was decided on a version; where nothing was it is refused."""
        if label in UNDONE:
            act, by, sent = UNDONE[label]
            for model in self.known["model_id"]:
                self.contract.decide(act, model, by, **sent)

    def send(self, case) -> None:
        """Send one case as the next user, and note what is wrong with the answer."""
        label = case.operation.definition.raw["operationId"]
        token = self.contract.tokens[next(self.users[label if label in DONE_BY else None])]
        headers = {"Authorization": f"Token {token}"}
        response = case.call(
            base_url=self.contract.overread.origin,
            session=self.session,
            headers=headers,
            timeout=30,
        )
        self.seen[label, response.status_code] += 1
        if response.status_code == 414 and len(response.request.path_url) > LONG_ADDRESS:
            return
        try:
            case.validate_response(response, checks=CHECKS)
        except (Failure, FailureGroup) as failure:  # a group is no Exception: it would end the run
            self.troubles.append(f"{label} {response.status_code}: {failure}")
        told = response.content.decode(errors="replace") + unquote(str(response.headers))
        self.troubles += [f"{label}: told {c!r}" for c in self.contract.canaries if c in told]
        if response.status_code < 300:
            self.undo(label)

    def done(self, label: str) -> int:
        """Return how often an operation succeeded."""
        return sum(self.seen[label, status] for status in (200, 201, 202, 204))

    def operation(self, operation, number: int, mode: GenerationMode) -> None:
        """Send ``number`` cases of one operation, many of them to what is really there."""
        parameters = operation.definition.raw.get("parameters", [])
        named = [p["name"] for p in parameters if p["in"] == "path"]
        at = st.fixed_dictionaries({name: st.sampled_from(self.known[name]) for name in named})
        cases = operation.as_strategy(generation_mode=mode)
        label = operation.definition.raw["operationId"]
        there_or_not = st.sampled_from([True, True, False] if label in DONE_BY else [True, False])

        @settings(
            max_examples=number, derandomize=True, database=None, deadline=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=cases, there=at, is_there=there_or_not, is_signed=st.booleans())
        def run(case, there, is_there, is_signed) -> None:
            if is_there and named:
                case.path_parameters = there
            if is_signed and isinstance(case.body, dict) and "password" in case.body:
                case.body["password"] = PASSWORD
            self.send(case)

        run()


@pytest.fixture(scope="module")
def fuzzed(contract):
    """Return what came of all requests."""
    schema = schemathesis.openapi.from_dict(contract.document)
    operations = [found.ok() for found in schema.get_all_operations()]
    fuzz, share = Fuzz(contract), -(-REQUESTS // (2 * len(operations)))
    for operation in operations:
        fuzz.prepare(operation.definition.raw["operationId"])
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                fuzz.operation(operation, share, mode)
            except Unsatisfiable:  # nothing can be wrong with it: then more of what is right
                fuzz.operation(operation, share, GenerationMode.POSITIVE)
    contract.make_live(contract.runs)
    return fuzz


def test_no_request_crashes_surprises_or_tells_of_another_site(fuzzed):
    assert fuzzed.troubles == [], "\n".join(fuzzed.troubles[:20])


def test_that_were_enough_requests_and_of_every_kind(fuzzed, contract):
    assert fuzzed.seen.total() >= REQUESTS, fuzzed.seen
    statuses = Counter()
    for (_, status), number in fuzzed.seen.items():
        statuses[status // 100] += number
    assert statuses[5] == 0
    assert min(statuses[2], statuses[4]) > REQUESTS / 20, fuzzed.seen


def test_every_operation_on_work_and_models_was_also_done(fuzzed):
    done = {label: fuzzed.done(label) for label in DONE_BY}
    assert min(done.values()) > 0, done
    assert sum(done.values()) > 3 * len(DONE_BY), done


def test_another_site_is_as_it_was(fuzzed, contract):
    assert contract.elsewhere() == fuzzed.elsewhere


def test_afterwards_everything_is_still_true(fuzzed, contract):
    contract.overread.manage("verify_invariants")
    contract.overread.manage("verify_audit")


def test_a_canary_would_be_seen(contract):
    """The other site's own reviewer is told what nobody else may be."""
    script = (
        "from datetime import timedelta\n"
        "from portal.accounts.selectors import user_named\n"
        "from portal.accounts.services import create_token\n"
        "print(create_token(user=user_named('canary-reviewer'), lasts=timedelta(hours=1)))\n"
    )
    token = contract.overread.python(script).splitlines()[-1]
    told = contract.overread.request("GET", "/api/v1/studies", token).text
    assert sum(canary in told for canary in contract.canaries) >= 4
