"""What needs no network: a model must beat it to mean anything."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from inference.calibration import auc
from inference.preprocess import squash
from inference.training.report.pixels import Read
from inference.training.splits import FITTED, Row, labels_of, of_split

THUMBNAIL = 32
CLASSES = 2


def thumbnail_floor(rows: Sequence[Row], tested: Sequence[Row], read: Read) -> float | None:
    """Return the AUC, on ``tested``, of a logistic regression on 32 x 32 thumbnails of train.

    ``read`` gives the grey values of a file.

    None where the list has no train to learn from, or ``tested`` is it.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train = of_split(rows, FITTED)
    labels = labels_of(train)
    if len(set(labels.tolist())) != CLASSES or tested[0].split == FITTED:
        return None
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    model.fit(_thumbnails(train, read), labels)
    scores = np.asarray(model.decision_function(_thumbnails(tested, read)), np.float64)
    return round(auc(scores, labels_of(tested)), 4)


def _thumbnails(rows: Sequence[Row], read: Read) -> npt.NDArray[np.float32]:
    return np.stack([squash(read(row.file), THUMBNAIL).ravel() for row in rows])
