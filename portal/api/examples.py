"""Examples for the OpenAPI document. No patient is real."""

from typing import Any

from portal.api.operating_point_examples import CUT_OFF
from portal.api.problems import CODES

_STUDY_UID = "2.25.329800735698586629295641978511506172918"
_SOP_UID = "2.25.45109813076593116518419278341197365911"
_PREDICTION = "0b6c3c2e-5f0e-4d5b-9a55-0c9a3d3b7a10"
_DISCLAIMER = "For research and second-reader use. Not a diagnosis. False results occur."
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_AT = "2026-03-02T14:02:11.512000Z"

METADATA = '[{"patient_id": "P0001", "age": "4", "sex": "F", "view": "AP"}]'
SEARCH = {"patient_id": "P0001"}
SIGN = {
    "finding": "absent",
    "reason_code": "FP_effusion",
    "comment": "Left effusion, no consolidation.",
    "confidence": 4,
    "password": "your own",
}
AMEND = {**SIGN, "amend_reason": "Seen again with the lateral view."}

UPLOADS: dict[str, list[dict[str, Any]]] = {
    "uploads": [
        {
            "filename": "chest.dcm",
            "status": "accepted",
            "study_instance_uid": _STUDY_UID,
            "sop_instance_uid": _SOP_UID,
            "prediction": _PREDICTION,
            "code": None,
            "tag": None,
            "found": None,
            "detail": None,
            "remedy": None,
        }
    ]
}
PREDICTION: dict[str, Any] = {
    "id": _PREDICTION,
    "state": "done",
    "outcome": "scored",
    "score": 0.87,
    "threshold": 0.41,
    "finding": "present",
    "model": "vgg16-pneumonia 1.0.0",
    "disclaimer": _DISCLAIMER,
    "attempt": 1,
    "wait_seconds": 0.4,
    "run_seconds": 1.7,
    "code": None,
    "detail": None,
    "remedy": None,
    "unknown": ["view"],
    "prevalence": 0.74,
    "score_meaning": {
        "of_100": 87.0,
        "site": {"prevalence": 0.125, "probability": 0.2516, "of_100": 25.2},
    },
    "outside_use": ["age_outside_range"],
    "widening": {
        "id": 4,
        "youngest": 0,
        "oldest": 17,
        "modalities": [],
        "body_parts": [],
        "views": [],
        "why": "Measured on 400 of our own radiographs; report of 2 March.",
        "proposed_name": "Dr D",
        "proposed_at": _AT,
        "decided_name": "Dr B",
        "decided_at": _AT,
        "note": "",
    },
    "operating_point": CUT_OFF,
    "map": f"/api/v1/predictions/{_PREDICTION}/map",
    "place_in_queue": None,
    "study_instance_uid": _STUDY_UID,
    "sop_instance_uid": _SOP_UID,
    "requested_at": _AT,
    "finished_at": _AT,
}
_NOT_SCORED: dict[str, Any] = {
    **dict.fromkeys(("outcome", "score", "threshold", "finding", "prevalence", "score_meaning")),
    "outside_use": [],
    "widening": None,
    "operating_point": None,
    "map": None,
}
FAILED: dict[str, Any] = {
    **PREDICTION,
    **_NOT_SCORED,
    "state": "failed",
    "attempt": 3,
    "code": "gave_up",
    "detail": "The worker was lost 3 times while it read this image.",
    "remedy": "Read the study without the AI. If a retry ends the same way, whoever runs the "
    "server has to look into the worker's log.",
    "unknown": [],
}
WAITING = {
    **PREDICTION,
    **_NOT_SCORED,
    "state": "queued",
    "attempt": 0,
    "wait_seconds": 0.0,
    "run_seconds": None,
    "unknown": [],
    "place_in_queue": 1,
    "finished_at": None,
}
CANCELLED = {
    **WAITING,
    "state": "cancelled",
    "code": "cancelled_by_operator",
    "detail": "It was taken out of the queue before the AI read it.",
    "remedy": "Read the study without the AI.",
    "place_in_queue": None,
    "finished_at": _AT,
}
_PATIENT: dict[str, Any] = {
    "study_instance_uid": _STUDY_UID,
    "patient_id": "P0001",
    "patient_name": "Example^Ada",
    "accession_number": None,
    "study_date": "2026-03-02",
    "received_at": _AT,
    "report_status": "amended",
}
STUDIES = {
    "studies": [
        {
            **_PATIENT,
            "modality": "CR",
            "read_as": "absent",
            "read_by": "Dr B",
            "held_by": None,
            "held_until": None,
            "prediction": PREDICTION,
        }
    ],
    "next": None,
}
LEASE = {"study_instance_uid": _STUDY_UID, "held_by": "Dr B", "held_until": _AT}
REVIEW = {
    "id": 7,
    "study_instance_uid": _STUDY_UID,
    "purpose": "first",
    "finding": "absent",
    "shown": "present",
    "is_override": True,
    "reason_code": "FP_effusion",
    "comment": "Left effusion, no consolidation.",
    "confidence": 4,
    "prediction": _PREDICTION,
    "disclaimer": _DISCLAIMER,
    "reviewer": "reviewer",
    "reviewer_name": "Dr B",
    "meaning": "reviewed",
    "signed_at": _AT,
    "amend_reason": None,
    "supersedes": None,
}
AMENDED = {
    **REVIEW,
    "id": 8,
    "meaning": "amended",
    "amend_reason": AMEND["amend_reason"],
    "supersedes": 7,
}
STUDY = {
    **_PATIENT,
    "patient_birth_date": None,
    "patient_sex": "F",
    "study_description": None,
    "predictions": [PREDICTION],
    "reviews": [REVIEW, AMENDED],
    "instances": [
        {
            "sop_instance_uid": _SOP_UID,
            "series_instance_uid": f"{_STUDY_UID}.1",
            "sop_class_uid": "1.2.840.10008.5.1.4.1.1.1",
            "transfer_syntax_uid": "1.2.840.10008.1.2.1",
            "modality": "CR",
            "kind": "dicom",
            "rows": 1024,
            "columns": 1216,
            "size": 2492544,
            "sha256": _SHA256,
            "received_at": _AT,
        }
    ],
}
RESULTS = {
    "study_instance_uid": _STUDY_UID,
    "report_status": "amended",
    "review": AMENDED,
    "predictions": [PREDICTION],
}
HISTORY = {
    "study_instance_uid": _STUDY_UID,
    "history": [
        {
            "at": _AT,
            "event": "instance.received",
            "by": "uploader",
            "subject": _SOP_UID,
            "what": None,
        },
        {"at": _AT, "event": "review.signed", "by": "reviewer", "subject": "7", "what": "absent"},
    ],
}
CHANGES = {
    "changes": [
        {
            "kind": "prediction.completed",
            "at": _AT,
            "study_instance_uid": _STUDY_UID,
            "sop_instance_uid": _SOP_UID,
            "prediction": _PREDICTION,
            "review": None,
        }
    ],
    "cursor": "1207",
    "more": False,
}
EVENTS = {
    "chain": "demo",
    "events": [
        {
            "seq": 2,
            "at": _AT,
            "actor": "reviewer",
            "action": "study.opened",
            "subject": f"study:{_STUDY_UID}",
            "outcome": "success",
            "detail": {},
            "previous_digest": _SHA256,
            "digest": _SHA256[::-1],
        }
    ],
    "next": "2",
}
VERIFIED = {"chain": "demo", "intact": True, "events": 214, "seq": None, "problem": None}

_CODES = CODES | {
    409: "already_reviewed",
    412: "stale",
    422: "reason_missing",
    411: "length_required",
    428: "precondition_required",
    503: "unavailable",
}


def problem(status: int) -> dict[str, Any]:
    """Return what a refusal with this status looks like."""
    code = _CODES[status]
    return {
        "type": f"urn:overread:problem:{code}",
        "title": "A sentence for people.",
        "status": status,
        "code": code,
    }


ALL_REFUSED = {
    "type": "urn:overread:problem:all_refused",
    "title": "Every file was refused.",
    "status": 422,
    "code": "all_refused",
    "uploads": [
        {
            **UPLOADS["uploads"][0],
            "filename": "notes.pdf",
            "status": "refused",
            "study_instance_uid": None,
            "sop_instance_uid": None,
            "prediction": None,
            "code": "unsupported_type",
            "found": "PDF",
            "detail": "The file is not a DICOM, PNG or JPEG image.",
            "remedy": "Send the radiograph itself.",
        }
    ],
}
