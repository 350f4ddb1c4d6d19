"""A report of a model version for tests: every part of one, with figures of no real model."""

import struct
import zlib
from typing import Any

from portal.predictions.models import ModelReport, ModelVersion
from portal.predictions.report_services import Report, store_report

KINDS = ("roc", "precision-recall", "reliability", "scores", "confusion")
POINTS = ("roc", "precision_recall", "reliability")
SPLITS = ("val", "test_internal", "external_report", "official_test_28")


def png(grey: int = 200, side: int = 24) -> bytes:
    """Return a PNG of one grey, of ``side`` x ``side`` pixels."""
    rows = (b"\x00" + bytes([grey]) * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def pictures() -> dict[str, bytes]:
    """Return a picture of each kind for each split, and those of the training."""
    names = [f"{split}-{kind}.png" for split in SPLITS for kind in KINDS]
    return {
        name: png(100 + place) for place, name in enumerate([*names, "curves.png", "network.png"])
    }


def figures(auc: float) -> dict[str, Any]:
    """Return the figures of some radiographs, as `inference.training.report` writes them."""
    values = {
        "auc": auc, "average_precision": auc + 0.01, "accuracy": auc - 0.05, "sensitivity": 0.95,
        "specificity": auc - 0.1, "specificity_at_95_sensitivity": auc - 0.12, "ece": 0.07,
        "brier": 0.09,
    }  # fmt: skip
    ends = {
        f"{name}_ci": [round(one - 0.02, 4), round(one + 0.02, 4)] for name, one in values.items()
    }
    at = {"ppv": 0.18, "ppv_ci": [0.15, 0.22], "npv": 0.999, "npv_ci": [0.998, 1.0]}
    return {
        "n": 618,
        "pneumonia": 387,
        "patients": 427,
        **{name: round(one, 4) for name, one in values.items()},
        **ends,
        "confusion": {
            "true_positive": 381, "false_positive": 54, "false_negative": 6, "true_negative": 177,
        },
        "predictive_values": [{"prevalence": share, **at} for share in (0.05, 0.25, 0.7413)],
        "histogram": {"normal": [33] + [10] * 18 + [18], "pneumonia": [2] * 19 + [349]},
    }  # fmt: skip


def points(height: float) -> dict[str, Any]:
    """Return the points of the plots: curves of three points, two bins of scores."""
    return {
        "roc": {
            "false_positive_rate": [0.0, 0.12, 1.0], "sensitivity": [0.0, height, 1.0],
            "threshold": [None, 0.4, 0.01],
        },
        "precision_recall": {
            "sensitivity": [1.0, 0.88, 0.0], "precision": [0.63, height, 1.0],
            "threshold": [0.01, 0.4, None],
        },
        "reliability": [
            {"start": 0.0, "end": 0.5, "n": 0, "mean_score": None, "share": None},
            {"start": 0.5, "end": 1.0, "n": 618, "mean_score": 0.83, "share": 0.626},
        ],
    }  # fmt: skip


def split(auc: float) -> dict[str, Any]:
    """Return the document of a split."""
    changes = {
        "mean_change": 0.0161, "largest_change": 0.0614, "flipped": 0.1667,
        "flipped_normal": 0.3333, "flipped_pneumonia": 0.0, "n": 6,
    }  # fmt: skip
    small = {name: one for name, one in figures(auc - 0.03).items() if "specificity_at" not in name}
    return figures(auc) | points(auc) | {
        "schema": 1,
        "auc_view_matched": auc - 0.005, "auc_view_matched_ci": [auc - 0.03, auc + 0.01],
        "refused": {
            "n": 3, "by_outcome": {"not_applicable": 2, "rejected_quality": 1},
            "by_reason": {"not_a_chest": 2, "too_dark": 1},
        },
        "ungated": figures(auc - 0.01),
        "subgroups": [
            {"group": "subtype", "value": "bacteria", **small},
            {"group": "age", "value": "01 to 5 years", **small},
            {"group": "view", "value": "AP", **small},
            {"group": "view", "value": "PA", **small},
        ],
        "parity": changes | {"n": 40},
        "disturbances": [{"disturbance": name, **changes} for name in ("jpeg_q30", "half_size")],
        "shortcuts": [{"measure": "bytes_per_pixel", "auc": 0.1618, "low": 0.1294, "high": 0.1986}],
        "floors": {"thumbnails_auc": 0.911},
    }  # fmt: skip


def document(**changes: Any) -> dict[str, Any]:
    """Return a whole report."""
    loss = [0.61, 0.42, 0.33]
    fit = {"loss": loss, "accuracy": [0.7, 0.8, 0.9], "val_loss": loss, "val_auc": [0.8, 0.9, 0.95]}
    return {
        "schema": 2,
        "model": "vgg16-pneumonia",
        "version": "1.0.0",
        "created": "2026-11-24",
        "training": {
            "recipe": "two stages", "seed": 0, "about": "Head first, then the last block.",
            "base": "ImageNet weights of the Visual Geometry Group",
            "views": ["plain", "augmented"],
            "images": {"train": 4166, "val": 1040}, "histories": {"head": fit, "last block": fit},
            "kept_epoch": 3, "seconds": {"features": 812, "fit": 1930.5},
            "seconds_an_epoch": 321.4, "article_seconds_an_epoch": None,
        },
        "threshold": {
            "value": 0.5, "target_sensitivity": 0.95, "chosen_on": "val", "how": "the highest",
            "interval": [0.44, 0.57],
        },
        "calibration": {"slope": 0.653, "intercept": -0.126, "fitted_on": "val"},
        "prevalence": {"value": 0.74, "of": "val"},
        "gates": {"least_contrast": 0.04, "sides": [64, 4096]},
        "explanation": {
            "method": "Grad-CAM of block5_conv3", "images": 24, "seed": 0, "bound": 0.5,
            "correlations": {"head": 0.2213, "block 5": 0.1402}, "passed": True,
        },
        "splits": dict(zip(SPLITS, map(split, (0.998, 0.957, 0.602, 0.911)), strict=True)),
        "strangers": {
            "n": 200, "refused": 188, "by_reason": {"not_a_chest": 188},
            "what": "photographs and radiographs of hands",
        },
        "notes": ["Its <labels> were read by one person."],
        "aims": [
            {
                "figure": "AUC, another hospital", "aim": "at least 0.80",
                "measured": "0.602 (0.582 to 0.622)", "met": False,
            },
            {"figure": "AUC, internal test", "aim": "0.95", "measured": "0.957", "met": True},
            {"figure": "Seconds a study", "aim": "at most 2", "measured": "", "met": None},
        ],
    } | changes  # fmt: skip


def make_report(version: ModelVersion, **changes: Any) -> ModelReport:
    """Return the stored report of ``version``, with all its pictures."""
    return store_report(version=version, report=Report(document(**changes), pictures()))
