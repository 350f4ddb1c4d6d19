"""A few small pictures of two hospitals, and the weights of an untrained body."""

import csv

import numpy as np
import pytest
from PIL import Image

from tests.dicom_files import chest_pixels

SPLITS = {"train": 10, "val": 10, "external_dev": 12, "test_internal": 6, "external_report": 8}


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Return a folder of pictures of which every second is of someone sick: hazy and so brighter.

    ``external_dev`` has the folds 0 to 2 and both views.
    """
    folder = tmp_path_factory.mktemp("data")
    records = [["file", "label", "split", "patient", "view", "fold"]]
    number = 0
    for split, count in SPLITS.items():
        for index in range(count):
            sick = index % 2
            grey = chest_pixels(number, 96, 96) / 4095 * (0.5 if sick else 0.9) + 0.45 * sick
            name = f"{split}-{index}.png"
            Image.fromarray((grey * 255).astype(np.uint8)).save(folder / name)
            label = "PNEUMONIA" if sick else "NORMAL"
            view = "PA" if split.startswith("external") and index % 4 > 1 else "AP"
            records.append([name, label, split, f"P{number}", view, str(index // 4)])
            number += 1
    with (folder / "splits.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(records)
    return folder


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """Return a weights file of an untrained body, as Keras writes it."""
    from tensorflow import keras

    from inference.vgg16 import build_body

    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.weights.h5"
    build_body().save_weights(path)
    return path
