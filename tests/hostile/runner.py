"""Sends the corpus to a running Overread as its users do, and waits for the ends."""

import functools
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.chaos.harness import PASSWORD, Overread
from tests.hostile.case import Case
from tests.hostile.corpus import Ending

BATCH = 16
ALONE = {"bombs"}
"""Families whose files are sent one by one, so that each has to be quick by itself."""
LANES = (
    {"identity", "bombs", "polyglots"},
    {"baseline", "structure", "pixels", "raster"},
)
"""Families that are sent side by side; all others go with the last of these, in their order."""
LONGEST_SECONDS = 10.0
"""For one file, and for eight of a batch."""
AS_A_WHOLE = "the request as a whole"
_VERDICT = re.compile(r'<li class="verdict[^>]* data-status="(\w+)">(.*?)</li>', re.S)
_CODE = re.compile(r"<dt>Code</dt><dd><code>(\w+)</code>")


@dataclass
class Told:
    """What a way in said of the files that it was sent.

    Parameters
    ----------
    verdicts : dict
        ``status`` and ``code`` by the name of the case.
    predictions : dict
        Id by the name of the case.
    hashes : Counter
        How often the bytes of each SHA-256 were sent; of requests that were refused before
        anybody looked at their file, under ``AS_A_WHOLE``.
    slowest : float
        Seconds of the longest request.
    """

    verdicts: dict[str, Ending] = field(default_factory=dict)
    predictions: dict[str, str] = field(default_factory=dict)
    hashes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0


Send = Callable[[Sequence[tuple[Case, bytes]]], list[dict[str, Any]]]


def tell(cases: Iterable[Case], send: Send) -> Told:
    """Send cases in batches, the lanes side by side, and return what was said."""
    told = Told()
    lanes = lanes_of(list(cases))
    with ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(functools.partial(_tell_lane, told, send), lanes))
    return told


def _tell_lane(told: Told, send: Send, lane: list[Case]) -> None:
    for batch in batches(lane):
        made = [(case, case.make()) for case in batch]
        began = time.monotonic()
        verdicts = send(made)
        seconds = time.monotonic() - began
        limit = LONGEST_SECONDS * max(1, len(batch) / 8)
        assert seconds < limit, (seconds, [case.name for case in batch])
        told.slowest = max(told.slowest, seconds)
        for (case, content), verdict in zip(made, verdicts, strict=True):
            whole = verdict.get("as_a_whole", False)
            told.hashes[AS_A_WHOLE if whole else hashlib.sha256(content).hexdigest()] += 1
            told.verdicts[case.name] = (verdict["status"], verdict["code"])
            if verdict["status"] == "accepted" and verdict.get("prediction"):
                told.predictions[case.name] = verdict["prediction"]


def lanes_of(cases: list[Case]) -> list[list[Case]]:
    """Return the cases of each lane: a file that comes after its twin stays behind it."""
    first = [case for case in cases if case.family in LANES[0]]
    return [first, [case for case in cases if case.family not in LANES[0]]]


def batches(cases: list[Case]) -> Iterator[list[Case]]:
    """Yield cases in groups that are sent in one request."""
    batch: list[Case] = []
    for case in cases:
        if batch and case.described:
            yield batch
            batch = []
        batch.append(case)
        if len(batch) == BATCH or case.family in ALONE or case.described:
            yield batch
            batch = []
    if batch:
        yield batch


def by_api(product: Overread, token: str) -> Send:
    """Return how to send files to ``POST uploads``."""

    def send(made: Sequence[tuple[Case, bytes]]) -> list[dict[str, Any]]:
        parts = [("files", (_filename(case), content)) for case, content in made]
        metadata = json.dumps([dict(case.described) for case, _ in made])
        answer = product.request(
            "POST", "/api/v1/uploads", token, files=parts, data={"metadata": metadata}
        )
        assert answer.status_code in {202, 422}, (answer.status_code, answer.text[:500])
        said = answer.json()
        if "uploads" not in said:  # what is said beside the file is no metadata at all
            assert len(made) == 1, said
            return [{"status": "refused", "code": said["code"], "as_a_whole": True}]
        uploads = said["uploads"]
        for verdict in uploads:
            assert verdict_is_plain(verdict), verdict
        return [{**verdict, "code": verdict["code"] or ""} for verdict in uploads]

    return send


def verdict_is_plain(verdict: dict[str, Any]) -> bool:
    """Return whether every text of a verdict can be shown on a line."""
    texts = [verdict[name] or "" for name in ("code", "tag", "found", "detail", "remedy")]
    said = verdict["status"] != "refused" or (verdict["detail"] and verdict["remedy"])
    return bool(said) and all(text.isprintable() for text in texts)


def by_form(product: Overread, username: str) -> Send:
    """Return how to send files to the page, as its script does, signed in as a person."""
    session = signed_in(product, username)

    def send(made: Sequence[tuple[Case, bytes]]) -> list[dict[str, Any]]:
        answer = session.post(
            f"{product.origin}/upload",
            files=[("files", (_filename(case), content)) for case, content in made],
            headers={"HX-Request": "true", "X-CSRFToken": csrf_token(session, product)},
            timeout=30,
        )
        assert answer.status_code == 200, (answer.status_code, answer.text[:500])
        found = _VERDICT.findall(answer.text)
        codes = [match[1] if (match := _CODE.search(body)) else "" for _, body in found]
        return [{"status": s, "code": c} for (s, _), c in zip(found, codes, strict=True)]

    return send


def signed_in(product: Overread, username: str) -> requests.Session:
    """Return the session of a person of the harness."""
    session = requests.Session()
    token = csrf_token(session, product, "/sign-in")
    answer = session.post(
        f"{product.origin}/sign-in",
        data={"username": username, "password": PASSWORD, "csrfmiddlewaretoken": token},
        timeout=30,
    )
    assert answer.status_code == 200, answer.status_code
    assert "/sign-in" not in answer.url, "the sign-in was refused"
    return session


def csrf_token(session: requests.Session, product: Overread, path: str = "/upload") -> str:
    """Return the token that a form of a page holds."""
    page = session.get(f"{product.origin}{path}", timeout=30).text
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found, path
    return found[1]


def endings(product: Overread, told: Told, *, within: float) -> dict[str, Ending]:
    """Return how each file ended: refused at the door, or as its prediction did."""
    ends = time.monotonic() + within
    while (rows := json.loads(product.python(_ENDED))) is None:
        assert time.monotonic() < ends, f"predictions are open after {within} s"
    found: dict[str, Ending] = {}
    for name, verdict in told.verdicts.items():
        prediction = told.predictions.get(name)
        found[name] = tuple(rows[prediction]) if prediction else verdict
    return found


_ENDED = """
import json, time
from portal.predictions.models import Prediction
ends = time.monotonic() + 20
opened = Prediction.objects.filter(state__in=("queued", "running"))
while opened.exists() and time.monotonic() < ends:
    time.sleep(0.5)
rows = Prediction.objects.values_list("pk", "state", "outcome", "code")
print("null" if opened.exists() else json.dumps({
    str(pk): [outcome if state == "done" else state, code] for pk, state, outcome, code in rows}))
"""


def audited(product: Overread, site: str) -> Counter[str]:
    """Return how many events of a site's trail tell of an upload, by the SHA-256 of the file."""
    return Counter(json.loads(product.python(_AUDITED, site, AS_A_WHOLE)))


_AUDITED = """
import json, sys
from portal.audit.models import AuditEvent
events = AuditEvent.objects.filter(chain=sys.argv[1])
refused = events.filter(action="upload.refused").values_list("subject", flat=True)
stored = events.filter(action__in=("instance.received", "upload.repeated"))
print(json.dumps([s[7:] if s.startswith("upload:") else sys.argv[2] for s in refused]
                 + [detail["sha256"] for detail in stored.values_list("detail", flat=True)]))
"""


def _filename(case: Case) -> str:
    return case.name.rpartition("/")[2]
