"""Who it is: identifiers that are paths, texts that are code, character sets that lie."""

import functools
import itertools
from collections.abc import Iterator

from pydicom.charset import python_encoding

from tests.dicom_files import raw_element
from tests.hostile.case import Case, child, spoilt

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_BAD_UIDS = {
    "traversal": b"../../etc/passwd",
    "traversal-digits": b"1.2/../../3 ",
    "backslashes": b"1.2..\\..\\3 ",
    "absolute": b"/1.2.3",
    "65-characters": b"1.2." + b"3" * 61,
    "64-characters": b"1.2." + b"3" * 60,
    "letters": b"1.2.abc ",
    "leading-zero": b"1.02.3",
    "empty-component": b"1..2",
    "ends-in-dot": b"1.2.3.",
    "root-9": b"9.2.3 ",
    "one-number": b"2",
    "spaces-within": b"1.2 .3",
    "nul-within": b"1.2\0.3.4",
    "nul-padded": b"1.2.840.99999.1\0",
    "newline": b"1.2.3\n",
    "arabic-digits": "1.2.٣".encode(),
    "full-width": "１.２.３ ".encode(),  # noqa: RUF001
    "negative": b"1.-2.3",
    "script": b"<b>1.2</b>",
    "wildcard": b"1.2.*\0",
    "query": b"1.2?x=1 ",
}
_TEXTS = {
    "PatientName": "PN", "PatientID": "LO", "AccessionNumber": "SH", "StudyDescription": "LO",
    "SeriesDescription": "LO", "InstitutionName": "LO", "ReferringPhysicianName": "PN",
    "OperatorsName": "PN", "PatientComments": "LT", "StudyID": "SH", "Manufacturer": "LO",
    "StationName": "SH", "ProtocolName": "LO", "OtherPatientIDs": "LO", "ImageComments": "LT",
    "RequestedProcedureDescription": "LO", "BodyPartExamined": "CS", "ViewPosition": "CS",
    "Modality": "CS", "PatientSex": "CS", "StudyDate": "DA", "PatientAge": "AS",
}  # fmt: skip
"""Every text that the portal stores or shows, and others that it only has to survive."""
_PAYLOADS = {
    "script": b"<script>x",
    "image": b"<img/onerror=x>",
    "attribute": b"\" autofocus=''",
    "template": b"{{7*7}}{%x%}",
    "lookup": b"${jndi:ldap:x}",
    "sql": b"';DROP TABLE--",
    "format": b"%s%n%(x)s{0}",
    "shell": b"$(id);`id`|id",
    "traversal": b"../../../x",
    "formula": b"=1+cmd|' /C'!A0",
    "formula-at": b"@SUM(1)",
    "formula-plus": b"+1+1",
    "formula-minus": b"-1+1",
    "right-to-left": "a\u202egpj.b".encode(),
    "isolate": "a\u2066b\u2069".encode(),
    "marks": "a\u200f\u200eb".encode(),
    "zero-width": "a\u200bb\ufeffc".encode(),
    "private-use": "a\ue000b".encode(),
    "not-a-character": "a\uffffb".encode(),
    "unassigned": "a\U000e0fffb".encode(),
    "line-separator": "a\u2028b".encode(),
    "next-line": "a\u0085b".encode(),
    "surrogate": b"a\xed\xa0\x80b",
    "not-utf-8": b"a\xff\xfeb",
    "overlong": b"a\xc0\xafb",
    "emoji": "\U0001f469\u200d\u2695\ufe0f".encode(),
    "combining": ("e" + "\u0301" * 12).encode(),
    "nul": b"a\0b",
    "bell": b"a\x07b",
    "backspace": b"a\x08\x08b",
    "delete": b"a\x7fb",
    "terminal": b"a\x1b[2Jb",
    "line-end": b"a\r\nSet:b",
    "tab": b"a\tb",
    "form-feed": b"a\x0cb",
    "many-values": b"a\\b\\c\\d",
}
_LENGTHS = (16, 17, 64, 65, 324, 1024, 60_000)
_CHARSETS = sorted(name for name in python_encoding if name)


def cases() -> Iterator[Case]:
    """Yield the family."""
    return itertools.chain(_uids(), _texts(), _long(), _charsets(), _twins())


def _uids() -> Iterator[Case]:
    for keyword, (what, value) in itertools.product(_UIDS, _BAD_UIDS.items()):
        # the meta information says the same: this is about the identifier itself
        meta = {"MediaStorageSOPInstanceUID": None} if keyword == "SOPInstanceUID" else {}
        yield spoilt(f"identity/{keyword}-{what}", meta=meta, **{keyword: value})


def _texts() -> Iterator[Case]:
    for keyword, (what, value) in itertools.product(_TEXTS, _PAYLOADS.items()):
        yield spoilt(f"identity/{keyword}-{what}", **{keyword: value})


def _long() -> Iterator[Case]:
    for keyword, length in itertools.product(("PatientName", "PatientID", "AccessionNumber",
                                              "StudyDescription", "InstitutionName",
                                              "PatientComments"), _LENGTHS):  # fmt: skip
        yield spoilt(f"identity/{keyword}-{length}-long", **{keyword: b"x" * length})
    for groups in (2, 3, 4, 9):
        name = f"identity/PatientName-{groups}-groups"
        yield spoilt(name, PatientName=b"=".join([b"Group^Name"] * groups))
    yield spoilt("identity/PatientName-hundred-carets", PatientName=b"^" * 60)
    name = "identity/PatientComments-four-million"
    yield Case(name, functools.partial(_prose, name, 4_200_000))


def _prose(name: str, length: int) -> bytes:
    """Return a file with a text of unlimited length, as UT may have."""
    whole = child(name)
    at = whole.index(b"\x10\0\x10\0PN")
    text = raw_element(0x00081190, b"x" * length, implicit=False, little=True)  # RetrieveURL, UR
    return whole[:at] + text + whole[at:]


def _charsets() -> Iterator[Case]:
    for charset in _CHARSETS:
        shown = charset.replace(" ", "_")
        yield spoilt(f"identity/charset-{shown}", SpecificCharacterSet=charset.encode())
        yield spoilt(
            f"identity/charset-{shown}-high-bytes",
            SpecificCharacterSet=charset.encode(),
            PatientName=bytes(range(0xA1, 0xC1)),
        )
    for what, charset, name in (
        ("greek", b"ISO_IR 126", "Διονυσιος".encode("iso8859-7")),
        ("cyrillic", b"ISO_IR 144", "Люкceмбypг".encode("iso8859-5")),  # noqa: RUF001
        ("hebrew", b"ISO_IR 138", "שרון^דבורה".encode("iso8859-8")),
        ("arabic", b"ISO_IR 127", "قباني^لنزار".encode("iso8859-6")),
        ("thai", b"ISO_IR 166", "นามสกุล".encode("tis-620")),
        ("kanji", b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
        ("hangul", b"\\ISO 2022 IR 149", b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"),
        ("chinese", b"GB18030", "王^小东".encode("gb18030")),
        ("gbk", b"GBK", "王^小东".encode("gbk")),
        ("escape-not-declared", b"ISO_IR 100", b"Yamada=\x1b$B;3ED\x1b(B"),
        ("escape-unclosed", b"\\ISO 2022 IR 87", b"Yamada^Tarou=\x1b$B;3E"),
        ("latin-as-utf-8", b"ISO_IR 192", "Müller".encode("latin-1")),
        ("utf-8-as-latin", b"ISO_IR 100", "Müller".encode()),
        ("none-with-umlaut", b"", "Müller".encode("latin-1")),
        ("unknown", b"ISO_IR 999", b"Plain^Name"),
        ("codec-of-python", b"unicode_escape", rb"\x3cscript\x3e"),
        ("rot13", b"rot13 ", b"Anzr"),
        ("utf-7", b"utf_7 ", b"+ADw-script+AD4-"),
        ("twenty-of-them", b"\\".join([b"ISO 2022 IR 6"] * 20), b"Plain^Name"),
    ):
        yield spoilt(
            f"identity/names-{what}", SpecificCharacterSet=charset, PatientName=name, PatientID=None
        )


def _twins() -> Iterator[Case]:
    """Yield files that claim to be another one of the corpus, sent after it."""
    first = "identity/twin-first"
    yield Case(first, functools.partial(child, first))
    yield Case("identity/twin-same-bytes", functools.partial(child, first))
    yield Case(
        "identity/twin-same-instance-other-pixels",
        functools.partial(child, first, WindowCenter=b"2000"),
    )
    other = "identity/twin-same-study-other-patient"
    yield Case(
        other,
        functools.partial(
            child, first, PatientID=b"OTHER ", SOPInstanceUID=b"1.2.840.99999.7",
            meta={"MediaStorageSOPInstanceUID": None},
        ),
    )  # fmt: skip
