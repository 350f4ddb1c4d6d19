"""Examples for the OpenAPI document: a version beside the live one."""

from typing import Any

_SHA256 = "4be1" * 16
_DAYS = {"since": "2025-03-02", "until": "2026-03-02"}
_LIVE = {"found": 54, "of": 60, "value": 0.9, "low": 0.799, "high": 0.953}
_OTHER = {"found": 57, "of": 60, "value": 0.95, "low": 0.863, "high": 0.983}
_WELL = {"found": 96, "of": 120, "value": 0.8, "low": 0.72, "high": 0.862}

COMPARISON: dict[str, Any] = {
    **_DAYS,
    "set_sha256": _SHA256,
    "n_present": 60,
    "n_absent": 120,
    "left_out": 4,
    "saw_ai": 180,
    "live": {
        "model": "vgg16-pneumonia 1.0.0",
        "model_id": 1,
        "threshold": 0.41,
        "is_own": True,
        "auc": 0.921,
        "sensitivity": _LIVE,
        "specificity": _WELL,
    },
    "challenger": {
        "model": "vgg16-pneumonia 1.1.0",
        "model_id": 2,
        "threshold": 0.5,
        "is_own": False,
        "auc": 0.934,
        "sensitivity": _OTHER,
        "specificity": _WELL,
    },
    "difference": {
        "auc": {"value": 0.013, "low": -0.006, "high": 0.032, "p": 0.18},
        "sensitivity": {"value": 0.05, "low": -0.022, "high": 0.119, "p": 0.25},
        "specificity": {"value": 0.0, "low": -0.042, "high": 0.042, "p": 1.0},
    },
    "right_on_present": {"both": 53, "only_live": 1, "only_challenger": 4, "none": 2},
    "right_on_absent": {"both": 93, "only_live": 3, "only_challenger": 3, "none": 21},
    "subgroups": [
        {
            "group": "view",
            "value": "AP",
            "n_present": 8,
            "n_absent": 120,
            "auc": None,
            "sensitivity": None,
            "specificity": {"live": _WELL, "challenger": _WELL},
        }
    ],
    "studies": [
        {
            "study_instance_uid": "2.25.337021",
            "signed_at": "2026-03-01T09:15:00.000000Z",
            "finding": "present",
            "live": 0.382,
            "challenger": 0.641,
            "challenger_is_right": True,
        }
    ],
    "more_studies": 0,
}
