"""How near two scores of the same pixels must be: the same engine, or another one."""

SAME_ENGINE = 1e-4
"""Largest difference of two scores by one engine of one version on one kind of device."""
OTHER_ENGINE = 1e-3
"""Largest difference of two scores by two float32 engines."""


def tolerance(one: str, other: str) -> float:
    """Return how far two scores may lie apart, given the engines that computed them.

    Parameters
    ----------
    one, other : str
        As in `Score.engine`: the name, the version and the device.
    """
    return SAME_ENGINE if one == other else OTHER_ENGINE
