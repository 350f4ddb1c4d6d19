"""ONNX Runtime on processors: float32, or reduced to whole numbers of 8 bits. No TensorFlow."""

from collections.abc import Mapping
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

from inference.onnx_graph import build_graph
from inference.processors import cores
from inference.vgg16 import Reading
from inference.wanted import Wanted

Floats = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[np.floating]]

BATCH_SIZE = 4
"""Twice as many are no faster on a processor and take twice the memory."""
REFUSALS = (
    "EPFail",
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "NotImplemented",
    "RuntimeException",
)
"""Its own errors, which have no base of their own."""


class OnnxEngine:
    """A VGG16 on ONNX Runtime, of a graph that is written from the bundle's arrays.

    Parameters
    ----------
    body : mapping
        The arrays of the body.
    wanted : Wanted
        What it gives; with ranges it is reduced.

    Raises
    ------
    ValueError
        See `inference.onnx_graph.build_graph`.
    RuntimeError
        ONNX Runtime takes no such graph here.
    """

    device = "cpu"
    batch_size = BATCH_SIZE

    def __init__(self, body: Arrays, wanted: Wanted) -> None:
        import onnxruntime as ort
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        reduced = "int8 " if wanted.ranges is not None else ""
        self.name = f"onnxruntime {version('onnxruntime')} {reduced}cpu"
        options = ort.SessionOptions()
        options.intra_op_num_threads = cores()
        options.inter_op_num_threads = 1
        # Threads that wait must sleep: the airlock's children decode on the same processors.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        graph = build_graph(body, wanted)
        refused = tuple(getattr(state, name) for name in REFUSALS)
        try:
            self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except refused as error:
            raise RuntimeError(f"ONNX Runtime does not take the network ({error})") from error

    def read(self, pixels: Floats) -> Reading:
        """Return what one pass gives; see `inference.engines.Engine`."""
        return Reading(*self._session.run(None, {"pixels": pixels.astype(np.float32, copy=False)}))
