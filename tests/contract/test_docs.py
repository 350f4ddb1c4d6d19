"""The curl lines of docs/api.md, run by a shell against a running product, in their order."""

import json
import re
import subprocess

import pytest

from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD, ROOT
from tests.programs import need

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]
COMMAND = re.compile(r"^\$ (curl .*?[^\\])$\n(.*?)(?=^\$ |\Z)", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Return each command with the answer that is printed below it."""
    page = (ROOT / "docs" / "api.md").read_text()
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    return [found for block in blocks for found in COMMAND.findall(block)]


def named_in(answer: str) -> set[str]:
    """Return the members that a printed answer names; it may leave others out."""
    return set(re.findall(r'"(\w+)":', answer))


def members(value) -> set[str]:
    """Return every member of an answer, however deep."""
    if isinstance(value, list):
        return set().union(*map(members, value))
    if isinstance(value, dict):
        return set(value).union(*map(members, value.values()))
    return set()


def test_the_page_does_what_it_says(contract, tmp_path):
    need("curl", debian="curl")
    one, tokens = contract.overread, contract.tokens
    (tmp_path / "chest.dcm").write_bytes(radiographs.dicom(4301, PatientID="P0001"))
    (tmp_path / "chest.png").write_bytes(radiographs.png(4302))
    told = {"T": tokens["reviewer"], "API": f"{one.origin}/api/v1", "PASSWORD": PASSWORD}
    answers = []
    for command, printed in examples():
        shell = ["bash", "-c", f"{command} -sS -f -D headers"]
        ran = subprocess.run(
            shell,
            check=False,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin"} | told,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, (command, ran.stderr)
        answer = json.loads(ran.stdout)
        assert named_in(printed) <= members(answer), (command, answer)
        answers.append(answer)
        headers = (tmp_path / "headers").read_text()
        told |= learnt(answer, headers)
        if "uploads" in answer:
            one.settled(told["T"], [told["PREDICTION"]], within=60)
    assert len(answers) == 8
    assert answers[6]["studies"][0]["read_as"] == "indeterminate"


def learnt(answer: dict, headers: str) -> dict[str, str]:
    """Return what the page calls `$STUDY` and so on, as far as this answer says it."""
    found = {}
    if etag := re.search(r"^etag: (.+?)\r?$", headers, re.IGNORECASE | re.MULTILINE):
        found["ETAG"] = etag[1]
    if "uploads" in answer:
        found["STUDY"] = answer["uploads"][0]["study_instance_uid"]
        found["PREDICTION"] = answer["uploads"][0]["prediction"]
    if answer.get("meaning") == "reviewed":
        found["REVIEW"] = str(answer["id"])
    return found


def test_every_operation_that_changes_something_is_on_the_page():
    commands = " ".join(command for command, _ in examples())
    for address in ("/uploads", "/predictions/", "/worklist/next", "/reviews", "/amend", "/search"):
        assert address in commands
