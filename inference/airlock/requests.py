"""What may be asked of the airlock, checked before a file is looked at."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIDE_MAXIMUM = 16_384


class BadRequest(ValueError):
    """The request makes no sense: a bug of the client, not of a file."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Parameters
    ----------
    op : str
        ``header``, ``decode`` or ``render``.
    args : dict
        Arguments of the operation, of the types that it wants.
    """

    op: str
    args: dict[str, Any]


def is_side(value: object) -> bool:
    """Return whether ``value`` is a number of pixels, or None."""
    return value is None or (type(value) is int and 1 <= value <= _SIDE_MAXIMUM)


def is_real(value: object) -> bool:
    """Return whether ``value`` is a finite number, or None."""
    return value is None or (type(value) in {int, float} and math.isfinite(value))  # type: ignore[arg-type]


def is_frame(value: object) -> bool:
    """Return whether ``value`` counts from one."""
    return type(value) is int and value >= 1


_ARGUMENTS: "Mapping[str, Mapping[str, Callable[[object], bool]]]" = {
    "header": {},
    "decode": {"size": is_side},
    "render": {
        "center": is_real,
        "width": is_real,
        "invert": lambda value: isinstance(value, bool),
        "max_size": is_side,
        "format": lambda value: value in {"png", "jpeg"},
        "frame": is_frame,
    },
}


def checked_request(line: bytes) -> Request:
    """Return the request in a line.

    Raises
    ------
    BadRequest
        If it is not one.
    """
    try:
        request = json.loads(line)
    except ValueError as error:
        raise BadRequest("the request is not a line of JSON") from error
    if not isinstance(request, dict) or request.get("op") not in _ARGUMENTS:
        raise BadRequest("the request names no operation")
    op, args = request["op"], request.get("args", {})
    if not isinstance(args, dict):
        raise BadRequest("the arguments are no object")
    for name, value in args.items():
        check = _ARGUMENTS[op].get(name)
        if check is None or not check(value):
            raise BadRequest(f"{op} has no such argument: {name}")
    return Request(op, args)
