"""How near two scores of the same pixels must be, by the same engine or by another one."""

SAME_ENGINE = 1e-4
"""Largest difference of two scores by one engine of one version on one kind of device."""
OTHER_ENGINE = 1e-3
"""Largest difference of two scores by two float32 engines."""

REDUCED = "int8"
"""In the name of an engine that computes in whole numbers of 8 bits."""
BOTH_REDUCED = 0.02
"""Largest difference of two scores by the reduced engine: a value that another processor computes
differently in the last bit may be rounded to the next of 256 steps."""
ONE_REDUCED = 0.05
"""Largest difference of a score by the reduced engine from one in float32."""


def tolerance(one: str, other: str) -> float:
    """Return how far two scores may lie apart, given the engines that computed them.

    Parameters
    ----------
    one, other : str
        As in `Score.engine`: the name, the version and the device.
    """
    reduced = (REDUCED in one) + (REDUCED in other)
    if reduced:
        return BOTH_REDUCED if reduced > 1 else ONE_REDUCED
    return SAME_ENGINE if one == other else OTHER_ENGINE
