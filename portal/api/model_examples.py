"""Examples for the OpenAPI document: model versions, and what is decided on them."""

from typing import Any

from portal.api.examples import PREDICTION, STUDY
from portal.api.operating_point_examples import APPROVED, CUT_OFF

AT = str(PREDICTION["requested_at"])
DISCLAIMER = str(PREDICTION["disclaimer"])
SHA256 = STUDY["instances"][0]["sha256"]

PROPOSE = {
    "why": "Fewer false alarms on our own 300 radiographs; report of 2 March.",
    "share": None,
}
SHADOW = {"why": "How it does on our own scanners.", "days": 30}
END = {"reason": "No better than the live one."}
ROLLBACK = {"why": "Misses more than the one before."}
NOTE = {"note": "Seen the report; agreed."}
WITHDRAW = {"note": "A better one is being measured."}
DECLINE = {"reason": "Measured on one scanner only."}
PAUSE = {"reason": "Four false alarms in a row on scanner 2."}
COMPARED: dict[str, Any] = {
    "as_of": AT,
    "beside": "vgg16-pneumonia 0.9.0",
    "since": "2025-03-02",
    "until": "2026-03-02",
    "set_sha256": "4be1" * 16,
    "n_present": 60,
    "n_absent": 120,
    "left_out": 4,
    "live": {
        "threshold": 0.41,
        "auc": 0.921,
        "sensitivity": {"found": 54, "of": 60},
        "specificity": {"found": 96, "of": 120},
    },
    "challenger": {
        "threshold": 0.5,
        "auc": 0.934,
        "sensitivity": {"found": 57, "of": 60},
        "specificity": {"found": 96, "of": 120},
    },
    "difference": {
        "auc": {"value": 0.013, "low": -0.006, "high": 0.032, "p": 0.18},
        "sensitivity": {"value": 0.05, "low": -0.022, "high": 0.119, "p": 0.25},
        "specificity": {"value": 0.0, "low": -0.042, "high": 0.042, "p": 1.0},
    },
}
PROPOSAL: dict[str, Any] = {
    "id": 3,
    "model": "vgg16-pneumonia 1.0.0",
    "model_id": 1,
    "kind": "live",
    "share": None,
    "state": "waiting",
    "why": PROPOSE["why"],
    "proposed_by": "data_scientist",
    "proposed_at": AT,
    "decided_by": None,
    "decided_at": None,
    "note": None,
    "compared": COMPARED,
}
ROLLBACK_PROPOSAL = {
    **PROPOSAL,
    "id": 5,
    "kind": "rollback",
    "why": ROLLBACK["why"],
    "proposed_by": "reviewer",
}
_DECIDED = {"decided_by": "reviewer", "decided_at": AT}
DECLINED = {**PROPOSAL, **_DECIDED, "state": "declined", "note": DECLINE["reason"]}
WITHDRAWN = {
    **PROPOSAL,
    "state": "withdrawn",
    "decided_by": "data_scientist",
    "decided_at": AT,
    "note": WITHDRAW["note"],
}
PAUSED: dict[str, Any] = {
    "model": "vgg16-pneumonia 1.0.0",
    "reason": PAUSE["reason"],
    "paused_by": "adjudicator",
    "paused_at": AT,
    "resumed_by": None,
    "resumed_at": None,
    "note": None,
}
RESUMED = {**PAUSED, "resumed_by": "reviewer", "resumed_at": AT, "note": NOTE["note"]}
DEPLOYMENT: dict[str, Any] = {
    "id": 2,
    "model": "vgg16-pneumonia 1.0.0",
    "model_id": 1,
    "status": "live",
    "since": AT,
    "until": None,
    "share": None,
    "reads_from": None,
    "started_by": None,
    "why": None,
    "shadow": None,
    "proposal": {**PROPOSAL, **_DECIDED, "state": "approved", "note": NOTE["note"]},
    "pauses": [RESUMED],
}
SHADOWED: dict[str, Any] = {
    "id": 4,
    "model": "vgg16-pneumonia 1.1.0",
    "model_id": 2,
    "status": "shadow",
    "since": AT,
    "until": None,
    "share": None,
    "reads_from": AT,
    "started_by": "data_scientist",
    "why": SHADOW["why"],
    "shadow": {"read": 0, "scored": 0, "failed": 0, "due": 212},
    "proposal": None,
    "pauses": [],
}
ENDED = {**SHADOWED, "status": "replaced", "until": AT, "shadow": None}
MODELS = {
    "models": [
        {
            "id": 1,
            "name": "vgg16-pneumonia",
            "version": "1.0.0",
            "status": "live",
            "since": AT,
            "threshold": 0.5,
            "operating_point": CUT_OFF,
            "prevalence": 0.74,
            "weights_sha256": SHA256,
            "metrics": {"val": {"images": 500, "auc": {"value": 0.97, "low": 0.95, "high": 0.98}}},
            "intended_use": {"age_years": [1, 5], "modalities": ["CR", "DX"], "views": ["AP"]},
            "report": "/api/v1/models/1/report",
            "disclaimer": DISCLAIMER,
            "disclaimer_version": "2026-1",
            "registered_at": AT,
        }
    ],
    "deployments": [DEPLOYMENT],
    "proposals": [DEPLOYMENT["proposal"]],
    "operating_points": [APPROVED],
}
REPORT = {
    "model": "vgg16-pneumonia 1.0.0",
    "model_id": 1,
    "weights_sha256": SHA256,
    "stored_at": AT,
    "report": {
        "schema": 2,
        "created": "2026-03-01",
        "splits": {
            "test_internal": {"n": 618, "pneumonia": 387, "auc": 0.957, "auc_ci": [0.939, 0.972]},
            "external_report": {"n": 502, "pneumonia": 249, "auc": 0.61, "auc_ci": [0.56, 0.66]},
        },
    },
    "pictures": [
        {
            "name": "test_internal-roc.png",
            "sha256": SHA256,
            "url": "/api/v1/models/1/pictures/test_internal-roc.png",
        }
    ],
}
