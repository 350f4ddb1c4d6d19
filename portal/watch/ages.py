"""Bands of age, and what is not stated."""

AGE_BANDS = ((0, 1), (1, 6), (6, 18), (18, 40), (40, 65), (65, 200))
"""Completed years: from, and up to but not including; those of the reports."""
NOT_STATED = "not stated"


def band_name(place: int) -> str:
    """Return the words of an age band."""
    return _BAND_NAMES[place] if 0 <= place < len(AGE_BANDS) else NOT_STATED


_BAND_NAMES = (
    "under 1 year",
    *(f"{low} to {before - 1} years" for low, before in AGE_BANDS[1:-1]),
    f"{AGE_BANDS[-1][0]} years and more",
)


def band_name_of(age: float | None) -> str:
    """Return the words of the band of an age in years."""
    places = enumerate(AGE_BANDS)
    return band_name(next((n for n, (_, end) in places if age is not None and age < end), -1))


def place_of_band(words: str) -> int:
    """Return the place of the band of these words; -1 if there is none."""
    return next((n for n in range(len(AGE_BANDS)) if band_name(n) == words), -1)
