"""Everything that a person can do with Overread, done with words that stand for a patient."""

import io
import json
import re
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.chaos import radiographs
from tests.chaos.harness import PASSWORD, Overread
from tests.dicom_files import child_chest
from tests.hostile.runner import csrf_token

API = "/api/v1"
_ADDRESS = re.compile(r'(?:href|src|action|formaction|hx-\w+|data-\w+)="([^"]*)"')


@dataclass
class Flows:
    """Sends the canaries through a product, and keeps the addresses that it made of them.

    Parameters
    ----------
    product : Overread
        Started, with people at two sites.
    words : dict
        The canaries by name.
    """

    product: Overread
    words: dict[str, str]
    addresses: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    study: str = ""
    sessions: dict[str, requests.Session] = field(default_factory=dict)

    # ------------------------------------------------------------------ files

    def radiograph(self, seed: int, **more: str) -> bytes:
        """Return a radiograph whose header has a canary wherever a patient is named."""
        w = self.words
        values = {
            "PatientName": f"{w['patient_name']}^{w['given_name']}",
            "PatientID": w["patient_id"],
            "AccessionNumber": w["accession_number"],
            "PatientBirthDate": w["birth_date"],
            "PatientAge": "003Y",
            "StudyDescription": w["study_description"],
            "SeriesDescription": w["series_description"],
            "InstitutionName": w["institution"],
            "ReferringPhysicianName": w["referring_physician"],
            "OperatorsName": w["operator"],
            "PatientComments": w["patient_comments"],
            "OtherPatientIDs": w["other_patient_id"],
            "PatientAddress": w["address"],
        }
        return child_chest(seed=seed, **(values | more))

    def refused(self) -> list[bytes]:
        """Return files that are refused, each for another reason, with canaries in them."""
        name, identity = self.words["refused_name"], self.words["refused_id"]
        told = {"PatientName": name, "PatientID": identity}
        whole = self.radiograph(2, **told)
        return [
            whole[:-1000],
            whole[:900],
            self.radiograph(3, PatientName=f"{name}\u202ex", PatientID=identity),
            self.radiograph(4, PatientName=name, PatientID=(identity * 9)[:64] + "xx"),
            self.radiograph(5, **told, SOPClassUID="1.2.840.10008.5.1.4.1.1.2"),
            whole.replace(b"DICM", b"MZ__"),
            name.encode() * 50,
            whole.replace(name.encode(), name.encode()[:-1] + b"\x07"),
            whole.replace(name.encode(), name.encode()[:-1] + b"\xff"),
            self.radiograph(1, **told),
        ]  # fmt: skip

    def png(self) -> bytes:
        """Return a picture with a canary in its texts."""
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        texts = PngInfo()
        texts.add_text("Patient", self.words["png_name"])
        stream = io.BytesIO()
        picture = (radiographs.pixels(9) * 255).astype("uint8")
        Image.fromarray(picture).save(stream, "PNG", pnginfo=texts)
        return stream.getvalue()

    # ------------------------------------------------------------------ the API

    def by_api(self) -> list[str]:
        """Upload, search, read, review and amend over REST; return the predictions."""
        w, uploader = self.words, self.product.tokens["uploader"]
        name = f"{w['filename']}.dcm"
        first = self._upload(uploader, [(name, self.radiograph(1))])
        self.study = first[0]["study_instance_uid"]
        self._upload(uploader, [(name, content) for content in self.refused()])
        beside = {
            "patient_name": w["png_name"],
            "patient_id": w["png_id"],
            "age": "3",
            "view": "AP",
        }
        second = self._upload(uploader, [(f"{w['filename']}.png", self.png())], beside)
        for wrong in (
            {"age": w["png_name"]},
            {"patient_name": w["png_name"] * 9},
            {w["unknown_field"]: "x"},
        ):
            self._upload(uploader, [(name, self.png())], beside | wrong)
        self.call("uploader", "POST", "uploads", files=[(w["file_field"], (name, b"x"))])
        self.call("uploader", "POST", "uploads", files=[("files", (name, b"x"))],
                  headers={"Idempotency-Key": w["idempotency_key"], "User-Agent": w["patient_name"],
                           "Referer": f"http://x/?name={w['patient_name']}"})  # fmt: skip
        predictions = [v["prediction"] for v in (*first, *second)]
        self.product.settled(uploader, predictions, within=60)
        self._search()
        self._review()
        return predictions

    def _search(self) -> None:
        w = self.words
        for sought in (
            {"patient_name": w["patient_name"]}, {"patient_id": w["patient_id"]},
            {"accession_number": w["accession_number"]}, {"patient_name": w["search_word"]},
            {w["unknown_field"]: "x"}, {"patient_name": w["search_word"] * 40},
        ):  # fmt: skip
            self.call("reviewer", "POST", "studies/search", json=sought)
        self.call("reviewer", "POST", "studies/search", data=f'{{"a": "{w["search_word"]}"',
                  headers={"Content-Type": "application/json"})  # fmt: skip
        for path in ("studies", "nowhere", f"studies/{self.study}", "audit/events"):
            self.call("reviewer", "GET", f"{path}?patient_name={w['query']}&{w['query']}=1")

    def _review(self) -> None:
        w, path = self.words, f"studies/{self.study}/reviews"
        found = self.call("reviewer", "GET", f"studies/{self.study}/results").json()
        agree = {"finding": _finding(found), "comment": w["comment"], "confidence": 3}
        self.call("reviewer", "POST", path, json=agree | {"password": w["password"]})
        self.call(
            "reviewer", "POST", path, json=agree | {"finding": w["comment"], "password": PASSWORD}
        )
        signed = self.call("reviewer", "POST", path, json=agree | {"password": PASSWORD})
        assert signed.status_code == 201, signed.text
        again = agree | {"password": PASSWORD, "amend_reason": w["amend_reason"]}
        amend = f"reviews/{signed.json()['id']}/amend"
        self.call("reviewer", "POST", amend, json=again)
        self.call(
            "reviewer", "POST", amend, json=again, headers={"If-Match": signed.headers["ETag"]}
        )
        for path in (f"studies/{self.study}", f"studies/{self.study}/history", "studies"):
            assert self.call("reviewer", "GET", path).status_code == 200

    def call(self, who: str, verb: str, path: str, **options: Any) -> requests.Response:
        """Send one request; a 5xx is a bug."""
        answer = self.product.request(verb, f"{API}/{path}", self.product.tokens[who], **options)
        assert answer.status_code < 500, (path, answer.text)
        self.addresses += [answer.headers.get("Location", ""), answer.headers.get("Link", "")]
        return answer

    def _upload(
        self, token: str, files: list[tuple[str, bytes]], beside: dict[str, str] | None = None
    ) -> list[dict[str, Any]]:
        answer = self.call(
            "uploader", "POST", "uploads",
            files=[("files", file) for file in files],
            data={"metadata": json.dumps([beside or {}] * len(files))},
        )  # fmt: skip
        return answer.json().get("uploads", [])

    # ------------------------------------------------------------------ the pages

    def by_form(self) -> None:
        """Upload, search, read and review on the pages."""
        w = self.words
        self.post("uploader", "/upload", files=[
            ("files", (f"{w['filename']}.dcm", content))
            for content in (self.radiograph(11, PatientID="T11"), *self.refused())
        ])  # fmt: skip
        beside = {"patient_name": w["png_name"], "patient_id": w["png_id"], "age": w["png_name"]}
        for age in ("3", w["png_name"]):
            files = [("files", (f"{w['filename']}.png", self.png() + age.encode()))]
            self.post("uploader", "/upload", data=beside | {"age": age}, files=files)
        for words in (w["patient_name"], w["search_word"], w["patient_id"]):
            self.post("reviewer", "/worklist", data={"words": words})
            self.post("reviewer", "/worklist/rows", data={"words": words})
        for password in (w["password"], PASSWORD):
            data = {"presence": "absent", "comment": w["comment"], "password": password}
            self.post("reviewer", f"/studies/{self.study}/review", data=data)
        data = {"old_password": w["password"], "new_password1": w["password"], "new_password2": "x"}
        self.post("reviewer", "/password", data=data)
        for path in (f"/studies/{self.study}", "/worklist", "/about", f"/nowhere?name={w['query']}",
                     f"/worklist?words={w['query']}"):  # fmt: skip
            self.get("reviewer", path)
        self._sign_in_wrongly()

    def _sign_in_wrongly(self) -> None:
        session = requests.Session()
        token = csrf_token(session, self.product, "/sign-in")
        data = {"username": self.words["username"], "password": self.words["password"]}
        for more in (
            {"csrfmiddlewaretoken": token},
            {"csrfmiddlewaretoken": token, "next": "/x"},
            {},
        ):
            answer = session.post(f"{self.product.origin}/sign-in", data=data | more, timeout=30)
            assert answer.status_code in {403, 429}
        self.addresses.append(answer.url)

    def get(self, who: str, path: str) -> str:
        """Return a page, and remember the addresses in it."""
        answer = self.sessions[who].get(f"{self.product.origin}{path}", timeout=30)
        assert answer.status_code < 500, path
        self.addresses += _ADDRESS.findall(answer.text)
        return answer.text

    def post(self, who: str, path: str, **options: Any) -> str:
        """Send a form as its page would, and remember the addresses in the answer."""
        session = self.sessions[who]
        token = csrf_token(session, self.product, "/password")
        options["data"] = {"csrfmiddlewaretoken": token} | options.get("data", {})
        answer = session.post(f"{self.product.origin}{path}", timeout=30, **options)
        assert answer.status_code < 500, (path, answer.text[:300])
        self.addresses += [answer.url, *(step.headers["Location"] for step in answer.history)]
        self.addresses += _ADDRESS.findall(answer.text)
        return answer.text


def _finding(results: Any) -> str:
    """Return what the model found, wherever in the answer it is."""
    found = re.search(r'"finding": ?"(present|absent)"', json.dumps(results))
    assert found, results
    return found[1]
