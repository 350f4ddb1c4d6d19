"""So many of so many, with Wilson's interval: plain arithmetic that every part may lean on."""

import math
from dataclasses import dataclass

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with Wilson's 95 % interval (Wilson 1927); None of nothing."""

    of: int
    found: int

    @property
    def value(self) -> float | None:
        """The share, 0 to 1."""
        return self.found / self.of if self.of else None

    @property
    def low(self) -> float | None:
        """The lower end of the interval."""
        return wilson(self.found, self.of)[0] if self.of else None

    @property
    def high(self) -> float | None:
        """The upper end of the interval."""
        return wilson(self.found, self.of)[1] if self.of else None


def wilson(found: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of ``found`` of ``of``, which is above 0."""
    share, square = found / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - half), min(1.0, middle + half)
