"""JSON as dataclasses, or not at all. A reader that guesses would one day apply a wrong number."""

import dataclasses
import math
import types
import typing
from typing import Any, Literal, TypeVar

T = TypeVar("T")


class Unfit(ValueError):
    """The JSON is not what the dataclass describes. The message begins with the key."""


def parse_object(wanted: type[T], value: Any, key: str = "") -> T:
    """Return JSON as the dataclass ``wanted``: every key, no other, each of the type annotated.

    A key may be missing where the dataclass has None as its default.

    Understands str, int, float, bool, Literal, dataclasses, tuples, dict of str, and ``| None``.

    Raises
    ------
    Unfit
        A key is missing or not known, or a value is of another type.
    """
    hints = typing.get_type_hints(wanted)
    if not isinstance(value, dict):
        raise Unfit(f"{key}: an object is expected")
    optional = {one.name for one in dataclasses.fields(wanted) if one.default is None}  # type: ignore[arg-type]
    for name in sorted(set(hints) - optional ^ set(value) - optional):
        how = "missing" if name in hints else "not known"
        raise Unfit(f"{_under(key, name)}: {how}")
    found = [name for name in hints if name in value]
    return wanted(**{name: _parse(hints[name], value[name], _under(key, name)) for name in found})


def _parse(wanted: Any, value: Any, key: str) -> Any:
    """Return ``value`` as the type ``wanted``, or say which key it is that does not fit."""
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    parsed: Any
    if dataclasses.is_dataclass(wanted):
        parsed = parse_object(typing.cast("type", wanted), value, key)
    elif origin is types.UnionType:
        parsed = None if value is None else _parse(inner[0], value, key)
    elif origin is tuple:
        parsed = _parse_list(inner, value, key)
    elif origin is dict and isinstance(value, dict):
        parsed = {name: _parse(inner[1], item, f"{key}.{name}") for name, item in value.items()}
    else:
        parsed = _parse_plain(wanted, value, key)
    return parsed


def _under(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _parse_list(inner: tuple[Any, ...], value: Any, key: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise Unfit(f"{key}: a list is expected")
    kinds = (inner[0],) * len(value) if inner[-1] is Ellipsis else inner
    if len(kinds) != len(value):
        raise Unfit(f"{key}: {len(kinds)} values are expected")
    return tuple(_parse(kind, item, key) for kind, item in zip(kinds, value, strict=True))


def _parse_plain(wanted: Any, value: Any, key: str) -> Any:
    if typing.get_origin(wanted) is Literal:
        allowed = typing.get_args(wanted)
        if (value, type(value)) not in [(one, type(one)) for one in allowed]:
            raise Unfit(f"{key}: {value!r} is not one of {', '.join(map(str, allowed))}")
        return value
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted or (wanted is float and not math.isfinite(value)):
        raise Unfit(f"{key}: {value!r} is not of the type {wanted.__name__}")
    return value
