"""The scores of a list of radiographs, and what the gates say of each."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from inference.classifier import Classifier, Radiograph
from inference.refusal import Refusal
from inference.score import Score
from inference.training.report.pixels import Reader
from inference.training.splits import LABELS, BadData, Row

AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Scored:
    """What became of each of ``rows``.

    Parameters
    ----------
    probabilities : (n,) float64
        With the gates off.
    refusals : tuple of Refusal or None
        Why the gates keep a radiograph out; None if it is scored.
    """

    rows: tuple[Row, ...]
    probabilities: npt.NDArray[np.float64]
    refusals: tuple[Refusal | None, ...]

    @property
    def whole(self) -> bool:
        """Return whether both classes are there: without them most figures mean nothing."""
        return len({row.label for row in self.rows}) == len(LABELS)

    def gated(self) -> "Scored":
        """Return those that the gates let through."""
        return self.only([refusal is None for refusal in self.refusals])

    def only(self, chosen: Sequence[bool] | npt.NDArray[np.bool_]) -> "Scored":
        """Return those where ``chosen`` is true."""
        kept = [index for index, wanted in enumerate(chosen) if wanted]
        return Scored(
            tuple(self.rows[index] for index in kept),
            self.probabilities[kept],
            tuple(self.refusals[index] for index in kept),
        )


def score_rows(
    classifier: Classifier, rows: Sequence[Row], *, what: str, side: int | None = None
) -> Scored:
    """Return what ``classifier`` makes of ``rows``.

    Parameters
    ----------
    what : str
        Names them beside the progress.
    side : int, optional
        Reduce each to a square of so many pixels, and enlarge it again, before it is scored.

    Raises
    ------
    BadData
        A file cannot be read even with the gates off: it is not a radiograph to measure on.
    """
    reader = Reader(classifier, side)
    files = [radiograph_of(row, reader) for row in rows]
    answers = classify(classifier, files, what=what)
    refused = [index for index, answer in enumerate(answers) if isinstance(answer, Refusal)]
    again = classify(
        classifier, [files[i] for i in refused], what=f"{what}, gates off", gates=False
    )
    probabilities = np.array([a.probability if isinstance(a, Score) else np.nan for a in answers])
    for index, answer in zip(refused, again, strict=True):
        if isinstance(answer, Refusal):
            raise BadData(f"{rows[index].file} cannot be scored: {answer.detail}")
        probabilities[index] = answer.probability
    refusals = tuple(answer if isinstance(answer, Refusal) else None for answer in answers)
    return Scored(tuple(rows), probabilities, refusals)


def probabilities_of(
    classifier: Classifier, files: Iterable[bytes | Path], *, what: str
) -> npt.NDArray[np.float64]:
    """Return the scores of ``files`` with the gates off; NaN where there is none."""
    answers = classify(classifier, [Radiograph(file) for file in files], what=what, gates=False)
    return np.array([a.probability if isinstance(a, Score) else np.nan for a in answers])


def classify(
    classifier: Classifier, files: Sequence[Radiograph], *, what: str, gates: bool = True
) -> list[Score | Refusal]:
    """Return what ``classifier`` answers, in order, with a progress bar."""
    answers: list[Score | Refusal] = []
    with tqdm(desc=what, total=len(files), unit="image", disable=not files) as bar:
        for start in range(0, len(files), AT_ONCE):
            answers += classifier.classify(files[start : start + AT_ONCE], gates=gates)
            bar.update(len(answers) - bar.n)
    return answers


def radiograph_of(row: Row, reader: Reader) -> Radiograph:
    """Return the file of ``row`` with what the list says of it, as an uploader would."""
    said = {"view": row.view, "age_years": row.age, "sex": row.sex}
    file = row.file if reader.side is None else _png(reader.image(row.file))
    return Radiograph(file, {name: value for name, value in said.items() if value})


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
