import json
import math
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser


class StrictJSONParser(BaseParser):
    """JSON as RFC 8259 means it to be exchanged.

    Refused: NaN and infinities, a key given twice, half a surrogate pair, what is nested too
    deeply, and a body above ``DATA_UPLOAD_MAX_MEMORY_SIZE``.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 (DRF's)
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002 (DRF's)
    ) -> Any:
        """Return what the body says.

        Raises
        ------
        ParseError, RequestDataTooBig
        """
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestDataTooBig(f"A JSON body has at most {limit} bytes.")
        try:
            return loads(body.decode())
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not the JSON that this service reads.") from error


def loads(text: str) -> Any:
    """Return what the JSON ``text`` says.

    Raises
    ------
    ValueError, RecursionError
        It is not JSON as `StrictJSONParser` wants it.
    """
    loaded = json.loads(
        text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique
    )
    json.dumps(loaded, ensure_ascii=False).encode()  # half a surrogate pair cannot be written
    return loaded


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("a number too large")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key twice")
    return members
