"""Ask an operation of the airlock in this process. The limits have tests of their own."""

from typing import Any

import numpy as np

from inference.airlock.operations import OPERATIONS
from inference.airlock.refused import Refused
from inference.refusal import Refusal


def header(data: bytes) -> dict[str, Any]:
    return OPERATIONS["header"](memoryview(data), {})[0]


def decode(data: bytes, size: int | None = None) -> np.ndarray:
    head, payload = OPERATIONS["decode"](memoryview(data), {"size": size})
    return np.frombuffer(payload, "<f4").reshape(head["shape"])


def decoded_head(data: bytes) -> dict[str, Any]:
    return OPERATIONS["decode"](memoryview(data), {"size": 224})[0]


def render(data: bytes, **args: object) -> bytes:
    return OPERATIONS["render"](memoryview(data), args)[1]


def refusal(op: str, data: bytes, **args: object) -> Refusal | None:
    """Return the refusal, or None if there is an answer."""
    try:
        OPERATIONS[op](memoryview(data), args)
    except Refused as refused:
        return refused.refusal
    return None


def code(op: str, data: bytes) -> str:
    """Return ``outcome/code`` of the refusal, or ``ok``."""
    found = refusal(op, data)
    return "ok" if found is None else f"{found.outcome}/{found.code}"
