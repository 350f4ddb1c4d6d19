"""Why a person disagrees with the model, in codes that can be counted."""

from django.db import models

OTHER_NEEDS = 10  # characters of comment


class Reason(models.TextChoices):
    """Reasons for an override. FP: the model saw too much; FN: too little."""

    FP_ATELECTASIS = "FP_atelectasis", "Atelectasis, not pneumonia"
    FP_OEDEMA = "FP_oedema", "Oedema, not pneumonia"
    FP_EFFUSION = "FP_effusion", "Effusion, not pneumonia"
    FP_DEVICE = "FP_device", "Tube, line or device"
    FP_ARTEFACT = "FP_artefact", "Artefact"
    FP_ROTATION = "FP_rotation", "Patient rotated"
    FP_NORMAL_VARIANT = "FP_normal_variant", "Normal variant"
    FP_CHRONIC = "FP_chronic", "Chronic change"
    FN_RETROCARDIAC = "FN_retrocardiac", "Retrocardiac opacity"
    FN_SUBTLE = "FN_subtle", "Subtle opacity"
    FN_INTERSTITIAL = "FN_interstitial", "Interstitial pattern"
    FN_EARLY = "FN_early", "Early pneumonia"
    IQ_111207 = "IQ_111207", "Image artefact"
    IQ_111208 = "IQ_111208", "Grid artefact"
    IQ_111209 = "IQ_111209", "Positioning"
    IQ_111210 = "IQ_111210", "Motion blur"
    IQ_111211 = "IQ_111211", "Under-exposed"
    IQ_111212 = "IQ_111212", "Over-exposed"
    IQ_111213 = "IQ_111213", "No image"
    IQ_111219 = "IQ_111219", "Anatomy cut off"
    OOS_AGE = "OOS_age", "Outside the model's age range"
    OOS_VIEW = "OOS_view", "Not a frontal view"
    OOS_MODALITY = "OOS_modality", "Not a projection radiograph"
    OOS_NOT_CHEST = "OOS_not_chest", "Not a chest"
    PT_WRONG_PATIENT = "PT_wrong_patient", "Wrong patient"
    CTX_CLINICAL = "CTX_clinical", "Clinical context (say which)"
    MODEL_KNOWN_ISSUE = "MODEL_known_issue", "Known issue of the model"
    OTHER = "OTHER", "Other (at least 10 characters)"


def fits(reason: str, *, shown: str, presence: str) -> bool:
    """Return whether ``reason`` can explain the step from ``shown`` to ``presence``.

    FP reasons explain only a model that said present, FN reasons only one that said absent.
    """
    if reason.startswith("FP_"):
        return shown == "present" and presence != "present"
    if reason.startswith("FN_"):
        return shown == "absent" and presence != "absent"
    return True


def needs_comment(reason: str) -> int:
    """Return how many characters of comment ``reason`` asks for."""
    return {Reason.CTX_CLINICAL.value: 1, Reason.OTHER.value: OTHER_NEEDS}.get(reason, 0)
