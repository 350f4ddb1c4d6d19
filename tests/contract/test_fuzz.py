"""Thousands of generated requests to real processes: no crash, nothing of another site.

Seeded: the same document gives the same requests.
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
USERS = ("reviewer", "uploader", "auditor")
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
        self.users = itertools.cycle(USERS)
        self.session = requests.Session()
        self.seen: Counter[tuple[str, int]] = Counter()
        self.troubles: list[str] = []
        self.known = self._known()

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
        return {
            "study_instance_uid": [v["study_instance_uid"] for v in verdicts] + [foreign["study"]],
            "prediction_id": [verdicts[0]["prediction"], foreign["prediction"]],
            "review_id": [review.json()["id"], foreign["review"]],
        }

    def send(self, case) -> None:
        """Send one case as the next user, and note what is wrong with the answer."""
        token = self.contract.tokens[next(self.users)]
        headers = {"Authorization": f"Token {token}"}
        response = case.call(
            base_url=self.contract.overread.origin,
            session=self.session,
            headers=headers,
            timeout=30,
        )
        label = case.operation.definition.raw["operationId"]
        self.seen[label, response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except Exception as failure:  # noqa: BLE001 (all of them are wanted)
            self.troubles.append(f"{label} {response.status_code}: {failure}")
        told = response.content.decode(errors="replace") + unquote(str(response.headers))
        self.troubles += [f"{label}: told {c!r}" for c in self.contract.canaries if c in told]

    def operation(self, operation, number: int, mode: GenerationMode) -> None:
        """Send ``number`` cases of one operation, about half of them to what is really there."""
        parameters = operation.definition.raw.get("parameters", [])
        named = [p["name"] for p in parameters if p["in"] == "path"]
        at = st.fixed_dictionaries({name: st.sampled_from(self.known[name]) for name in named})
        cases = operation.as_strategy(generation_mode=mode)

        @settings(
            max_examples=number, derandomize=True, database=None, deadline=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=cases, there=at, is_there=st.booleans(), is_signed=st.booleans())
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
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                fuzz.operation(operation, share, mode)
            except Unsatisfiable:  # nothing can be wrong with it: then more of what is right
                fuzz.operation(operation, share, GenerationMode.POSITIVE)
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
