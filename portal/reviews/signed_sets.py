"""What a cut-off would have said on a set of signed studies: counts, without a database."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from portal.reviews.signed_selectors import SignedScore
from portal.shares import Share

AIMS = (990, 975, 950, 900)
"""Sensitivities that a cut-off is offered for, in thousandths: whole, so that none is rounded."""
STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class CutOff:
    """A cut-off on a set: at or above it a study is called present."""

    threshold: float
    sensitivity: Share
    specificity: Share

    @property
    def missed(self) -> int:
        """How many studies with pneumonia stay below it."""
        return self.sensitivity.of - self.sensitivity.found

    @property
    def false_alarms(self) -> int:
        """How many studies without reach it."""
        return self.specificity.of - self.specificity.found


@dataclass(frozen=True, slots=True)
class SignedSet:
    """Signed studies with scores of one version; the indeterminate ones count for neither kind."""

    studies: Sequence[SignedScore]

    @property
    def present(self) -> list[float]:
        """The scores of the studies with pneumonia."""
        return [row.score for row in self.studies if row.is_present is True]

    @property
    def absent(self) -> list[float]:
        """The scores of the studies without."""
        return [row.score for row in self.studies if row.is_present is False]

    @property
    def left_out(self) -> int:
        """How many are indeterminate."""
        return sum(row.is_present is None for row in self.studies)

    @property
    def saw_ai(self) -> int:
        """How many of those counted were signed by somebody to whom the AI was shown."""
        return sum(row.saw_ai for row in self.studies if row.is_present is not None)

    @property
    def sha256(self) -> str:
        """SHA-256 of the sorted lines ``StudyInstanceUID review score``, a newline after each."""
        lines = sorted(
            f"{row.study_instance_uid} {row.review_id} {row.score!r}\n" for row in self.studies
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def at(self, threshold: float) -> CutOff:
        """Return what ``threshold`` (0 to 1) would have said on the set."""
        present, absent = self.present, self.absent
        return CutOff(
            threshold,
            Share(len(present), sum(score >= threshold for score in present)),
            Share(len(absent), sum(score < threshold for score in absent)),
        )

    def reaching(self, aim: int) -> CutOff | None:
        """Return the highest cut-off in whole `STEP`s that finds ``aim`` thousandths of the sick.

        None if only 0 would, which is no cut-off, or if nobody is sick.
        """
        present = sorted(self.present, reverse=True)
        needed = -(-aim * len(present) // 1000)
        if not needed:
            return None
        lowest = Decimal(repr(present[needed - 1])).quantize(STEP, ROUND_DOWN)
        threshold = float(min(lowest, 1 - STEP))
        return self.at(threshold) if threshold else None
