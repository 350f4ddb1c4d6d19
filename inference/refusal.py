"""A refusal is a value: what was wrong with one image, in words that a sender can act on."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["refused", "failed", "rejected_quality", "not_applicable"]
"""How an image ends that gets no score: ``refused`` at the door, or stored and ``failed`` (its
pixels do not decode), ``rejected_quality`` or ``not_applicable`` (outside the intended use)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one image gets no score.

    Parameters
    ----------
    code : str
        Stable, lower case with underscores; clients may depend on it.
    detail : str
        One sentence for people.
    outcome : Outcome
        How the image ends.
    tag : str
        The DICOM element at fault, as ``(0028,0010) Rows``; empty when there is none.
    found : str
        What was found there, shortened and printable. Never what identifies a patient.
    remedy : str
        What the sender can do about it.
    """

    code: str
    detail: str
    outcome: Outcome
    tag: str = ""
    found: str = ""
    remedy: str = ""
