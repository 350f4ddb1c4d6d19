from typing import Any

from rest_framework import serializers


class TextOrNull(serializers.CharField):
    """Text; an empty column is null."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **options)

    def to_representation(self, value: Any) -> Any:
        """Return the text or None."""
        return str(value) if value else None


class ChoiceOrNull(serializers.ChoiceField):
    """One of some words; an empty column is null."""

    def __init__(self, choices: Any, **options: Any) -> None:
        super().__init__(choices, read_only=True, allow_null=True, **options)

    def to_representation(self, value: Any) -> Any:
        """Return the word or None."""
        return value or None
