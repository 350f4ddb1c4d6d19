"""ncnn on processors: float32, its convolutions by Winograd's method. No TensorFlow.

Winograd's method takes a quarter of the multiplications of a 3 x 3 convolution and less
(Lavin & Gray 2016, arXiv:1509.09308), and VGG16 has no other convolutions.
"""

import math
import os
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.processors import cores
from inference.vgg16 import BLOCKS, SIZE, Reading, layer_shapes
from inference.wanted import LAYERS, Arrays, Floats, Wanted, last_layer

BATCH_SIZE = 4
"""It reads one at a time and is no faster for more; so many are settled together."""
MAGIC = "7767517"
"""First line of ncnn's description of a network."""
FLOAT32 = b"\0\0\0\0"
"""Before a kernel among the weights: its numbers are float32."""
WHOLE = {"pooled": "", "flattened": "block5_pool", "stem": "block4_pool"}
"""The layer whose whole output is a feature, by the kind of a `FeatureSpec`."""
OUTPUTS = tuple(
    name
    for block in range(1, len(BLOCKS) + 1)
    for name in (last_layer(block), f"block{block}_pool")
)
"""What may be read of the network, in its order."""
EXACT = (
    "use_fp16_packed",
    "use_fp16_storage",
    "use_fp16_arithmetic",
    "use_bf16_packed",
    "use_bf16_storage",
)
"""What would compute or keep in halves, where a processor can."""


class NcnnEngine:
    """A VGG16 on ncnn, of a network that is written in memory from the bundle's arrays.

    Parameters
    ----------
    body : mapping
        The arrays of the body.
    wanted : Wanted
        What it gives; without ranges, for it computes in float32.

    Raises
    ------
    ValueError
        Ranges are wanted, which are another engine's, or see `inference.wanted.Wanted.check`.
    RuntimeError
        It loads no such network here, or makes no numbers of a picture.
    """

    device = "cpu"
    batch_size = BATCH_SIZE

    def __init__(self, body: Arrays, wanted: Wanted) -> None:
        wanted.check(body)
        if wanted.ranges is not None:
            raise ValueError("ranges are of the reduced engine; ncnn computes in float32")
        # Threads that wait must sleep: the airlock's children decode on the same processors.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        import ncnn

        self.name = f"ncnn {version('ncnn')} cpu"
        self._wanted = wanted
        used = {WHOLE[wanted.spec.kind], *map(last_layer, wanted.spec.blocks)}
        used |= {LAYERS[-1]} if wanted.alpha is not None else set()
        self._taps = [name for name in OUTPUTS if name in used]
        self._matrix = ncnn.Mat
        self._net = ncnn.Net()
        self._net.opt.num_threads = cores()
        for option in EXACT:
            setattr(self._net.opt, option, False)
        _done(self._net.load_param_mem(describe_network()))
        self._process = os.getpid()
        self._load(write_weights(body))

    def read(self, pixels: Floats) -> Reading:
        """Return what one pass gives; see `inference.engines.Engine`.

        Raises
        ------
        RuntimeError
            This is a fork of the process that made it, or ncnn gave up.
        """
        if os.getpid() != self._process:
            raise RuntimeError(
                "ncnn was loaded before this process was forked, and its threads are not here: "
                "load it anew, or run the worker with -P solo"
            )
        read = [self._read_one(image) for image in pixels]
        features = np.stack([features for features, _ in read])
        if self._wanted.alpha is None:
            return Reading(features)
        return Reading(features, np.stack([np.asarray(shown, np.float32) for _, shown in read]))

    def _load(self, weights: bytes) -> None:
        """Load the weights and try them: ncnn counts no bytes, and tells nobody that it failed."""
        whole = sum(len(FLOAT32) + 4 * math.prod(s) for s in layer_shapes().values())
        whole -= len(FLOAT32) * len(LAYERS)  # a bias has none before it
        if len(weights) != whole:
            raise RuntimeError(f"ncnn was to load {len(weights)} bytes of weights, not {whole}")
        self._net.load_model_mem(weights)
        with np.errstate(invalid="ignore", over="ignore"):  # it is looked at below
            features = self.read(np.full((1, SIZE, SIZE), 0.5, np.float32)).features
        if not np.isfinite(features).all():
            raise RuntimeError("ncnn makes no numbers of these weights")

    def _read_one(self, pixels: Floats) -> tuple[Floats, Floats | None]:
        """Return the (length,) features and the (14, 14) map of one radiograph."""
        spec, alpha = self._wanted.spec, self._wanted.alpha
        scale, mean = self._wanted.scale_and_mean
        image = np.ascontiguousarray(pixels * scale - np.reshape(mean, (3, 1, 1)), np.float32)
        extractor = self._net.create_extractor()
        _done(extractor.input("image", self._matrix(image)))
        # In the order of the network: ncnn gives up what it has passed, and would begin again.
        taps = {name: _output(extractor, name) for name in self._taps}
        parts = [_channels_last(taps[WHOLE[spec.kind]])] if spec.whole else []
        parts += [_pool(taps[last_layer(block)]) for block in spec.blocks]
        shown = None if alpha is None else np.tensordot(alpha, taps[LAYERS[-1]], axes=1)
        return np.concatenate(parts, dtype=np.float32), shown


def _output(extractor: Any, name: str) -> Floats:
    """Return the (channels, rows, columns) float32 output of a layer."""
    status, matrix = extractor.extract(name)
    _done(status)
    return np.array(matrix, np.float32)


def _done(status: int) -> None:
    if status:
        raise RuntimeError(f"ncnn could not run the network (status {status})")


def _channels_last(tap: Floats) -> Floats:
    return tap.transpose(1, 2, 0).ravel()


def _pool(tap: Floats) -> Floats:
    """Return mean, maximum and standard deviation of each channel, as `FeatureSpec` says."""
    flat = tap.reshape(len(tap), -1)
    return np.concatenate([flat.mean(1), flat.max(1), flat.std(1)])


def describe_network() -> str:
    """Return ncnn's description of VGG16's body, one line a layer, named as its arrays are."""
    layers = ["Input image 0 1 image"]
    flow, channels = "image", 3
    for block, widths in enumerate(BLOCKS, start=1):
        for number, width in enumerate(widths, start=1):
            name = f"block{block}_conv{number}"
            # outputs, size, padding, with bias, numbers in the kernel, ReLU
            what = f"0={width} 1=3 4=1 5=1 6={width * channels * 9} 9=1"
            layers.append(f"Convolution {name} 1 1 {flow} {name} {what}")
            flow, channels = name, width
        name = f"block{block}_pool"
        layers.append(f"Pooling {name} 1 1 {flow} {name} 0=0 1=2 2=2")  # maximum of 2 x 2
        flow = name
    return "\n".join([MAGIC, f"{len(layers)} {len(layers)}", *layers, ""])


def write_weights(body: Arrays) -> bytes:
    """Return the weights as ncnn reads them: layer by layer, kernel (out, in, 3, 3), then bias."""
    parts = []
    for name in LAYERS:
        kernel = body[f"{name}/kernel"].transpose(3, 2, 0, 1)
        parts += [FLOAT32, _bytes(kernel), _bytes(body[f"{name}/bias"])]
    return b"".join(parts)


def _bytes(array: npt.NDArray[np.floating]) -> bytes:
    return np.ascontiguousarray(array, "<f4").tobytes()
