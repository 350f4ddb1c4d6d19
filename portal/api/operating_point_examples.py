"""Examples for the OpenAPI document: cut-offs that a site chose on its signed studies."""

from typing import Any

AT = "2026-03-02T09:15:00.000000Z"
_SHA256 = "9f2c" * 16
_SENSITIVITY = {"found": 57, "of": 60, "value": 0.95, "low": 0.863, "high": 0.983}
_SPECIFICITY = {"found": 96, "of": 120, "value": 0.8, "low": 0.72, "high": 0.862}
_DAYS = {"since": "2025-09-01", "until": "2026-02-28"}
_SET = {"n_present": 60, "n_absent": 120, "left_out": 4, "saw_ai": 180}
_FIGURES = {"sensitivity": _SENSITIVITY, "specificity": _SPECIFICITY}

CUT_OFF: dict[str, Any] = {
    "id": 2,
    "threshold": 0.41,
    "set_name": "First half year of signed studies",
    **_DAYS,
    "set_sha256": _SHA256,
    **_SET,
    **_FIGURES,
    "why": "A missed pneumonia costs more here than a second look.",
    "proposed_name": "Dr D",
    "proposed_at": AT,
    "decided_name": "Dr B",
    "decided_at": AT,
    "note": "Seen on the page.",
}
APPROVED: dict[str, Any] = {
    **CUT_OFF,
    "model": "vgg16-pneumonia 1.0.0",
    "model_id": 1,
    "state": "in_force",
    "ended_at": None,
    "end_reason": None,
}
_UNDECIDED = {"decided_name": "", "decided_at": None, "note": ""}
PROPOSED = {**APPROVED, **_UNDECIDED, "state": "waiting"}
DECLINE = {"reason": "Three of the missed were seen at a glance."}
DECLINED = {**APPROVED, "state": "declined", "note": DECLINE["reason"]}
WITHDRAW = {"reason": "Twice the alarms since the new scanner."}
WITHDRAWN = {**APPROVED, "state": "withdrawn", "ended_at": AT, "end_reason": WITHDRAW["reason"]}
SIGNED_NOTE = {"note": "Seen on the page.", "password": "correct horse battery 7"}
PROPOSE = {
    "threshold": 0.41,
    "set_name": CUT_OFF["set_name"],
    **_DAYS,
    "set_sha256": _SHA256,
    "why": CUT_OFF["why"],
    "password": SIGNED_NOTE["password"],
}
SIGNED_SET = {
    "model": "vgg16-pneumonia 1.0.0",
    "model_id": 1,
    **_DAYS,
    "set_sha256": _SHA256,
    **_SET,
    "cut_offs": [
        {"why": "Sensitivity of at least 95 %", "threshold": 0.41, **_FIGURES},
        {"why": "The model's own", "threshold": 0.5, **_FIGURES},
    ],
}
