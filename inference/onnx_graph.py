"""VGG16 as an ONNX graph, built in memory from a bundle's arrays: no file that anyone could swap.

In float32 it is the network of `inference.vgg16`, layer by layer. Reduced, its convolutions take
whole numbers of 8 bits: kernels one scale an output channel, what flows between them one scale a
layer, from the ranges that the bundle brings (Jacob et al. 2018, arXiv:1712.05877).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from inference.vgg16 import BLOCKS, MAP, SIZE, FeatureSpec
from inference.wanted import LAYERS, Wanted

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

Floats = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[np.floating]]

OPSET = 17
FORMAT = 8
"""Version of the file format; with the opset it fixes what each node means."""
STEPS = 255


def build_graph(body: Arrays, wanted: Wanted) -> bytes:
    """Return the serialised graph: ``pixels`` (n, 224, 224) in, ``features`` and ``maps`` out.

    Raises
    ------
    ValueError
        ``body`` is not that of a VGG16, or what is wanted does not fit it.
    """
    from onnx import TensorProto, helper

    wanted.check(body)
    graph = _Graph()
    taps = _network(graph, body, wanted)
    _features(graph, taps, wanted.spec)
    outputs: list[tuple[str, list[str | int | None]]] = [("features", ["n", wanted.spec.length])]
    if wanted.alpha is not None:
        graph.add("Conv", [taps["block5"], graph.array("alpha", wanted.alpha[None, :, None, None])],
                  "map", kernel_shape=[1, 1])  # fmt: skip
        graph.add("Squeeze", ["map", graph.array("channel", np.array([1]))], "maps")
        outputs.append(("maps", ["n", *MAP]))
    made = helper.make_graph(
        graph.nodes, "vgg16",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", SIZE, SIZE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        graph.arrays,
    )  # fmt: skip
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(made, opset_imports=[opset], ir_version=FORMAT)
    return bytes(model.SerializeToString())


@dataclass(slots=True)
class _Graph:
    """The nodes and arrays so far; each output is named after the node that gives it."""

    nodes: "list[NodeProto]" = field(default_factory=list)
    arrays: "list[TensorProto]" = field(default_factory=list)

    def add(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Append a node and return the name of its output."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def array(self, name: str, values: npt.NDArray[Any]) -> str:
        """Keep an array, numbers with a point as float32, and return its name."""
        from onnx import numpy_helper

        if values.dtype.kind == "f":
            values = values.astype(np.float32)
        self.arrays.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _network(graph: _Graph, body: Arrays, wanted: Wanted) -> dict[str, str]:
    """Add the layers; return where each block's last convolution and its pooling come out."""
    flow, taps = _input(graph, wanted), {}
    for block, widths in enumerate(BLOCKS, start=1):
        for number in range(1, len(widths) + 1):
            flow = _convolution(graph, body, f"block{block}_conv{number}", flow, wanted.ranges)
        taps[f"block{block}"] = flow
        flow = graph.add("MaxPool", [flow], f"block{block}_pool", kernel_shape=[2, 2],
                         strides=[2, 2])  # fmt: skip
        if wanted.ranges is not None:
            last = LAYERS.index(f"block{block}_conv{len(widths)}")
            flow = _rounded(graph, flow, float(wanted.ranges[last]))
        taps[f"block{block}_pool"] = flow
    return taps


def _input(graph: _Graph, wanted: Wanted) -> str:
    """Add what makes three channels of the grey values: see `inference.vgg16.to_input`."""
    scale, mean = wanted.scale_and_mean
    one = graph.add("Unsqueeze", ["pixels", graph.array("axis", np.array([1]))], "grey")
    scales = graph.array("scale", np.full((1, 3, 1, 1), scale))
    many = graph.add("Mul", [one, scales], "scaled")
    return graph.add("Sub", [many, graph.array("mean", np.reshape(mean, (1, 3, 1, 1)))], "image")


def _convolution(graph: _Graph, body: Arrays, name: str, flow: str, ranges: Floats | None) -> str:
    kernel = body[f"{name}/kernel"].astype(np.float32).transpose(3, 2, 0, 1)
    bias = graph.array(f"{name}/bias", body[f"{name}/bias"])
    first = name == LAYERS[0]
    if ranges is None or first:
        weights = graph.array(f"{name}/kernel", kernel)
    else:
        weights = _rounded_kernel(graph, f"{name}/kernel", kernel)
    flow = graph.add("Conv", [flow, weights, bias], name, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    flow = graph.add("Relu", [flow], f"{name}/relu")
    if ranges is None:
        return flow
    return _rounded(graph, flow, float(ranges[LAYERS.index(name)]))


def _rounded(graph: _Graph, flow: str, largest: float) -> str:
    """Add the rounding of what is 0 or more to one of 256 steps."""
    scale = graph.array(f"{flow}/scale", np.array(largest / STEPS))
    zero = graph.array(f"{flow}/zero", np.array(0, np.uint8))
    whole = graph.add("QuantizeLinear", [flow, scale, zero], f"{flow}/whole")
    return graph.add("DequantizeLinear", [whole, scale, zero], f"{flow}/rounded")


def _rounded_kernel(graph: _Graph, name: str, kernel: Floats) -> str:
    """Add a kernel in whole numbers of -127 to 127, one scale an output channel."""
    scales = np.maximum(np.abs(kernel).max(axis=(1, 2, 3)), 1e-12) / 127
    whole = np.rint(kernel / scales[:, None, None, None]).astype(np.int8)
    inputs = [
        graph.array(f"{name}/whole", whole),
        graph.array(f"{name}/scale", scales),
        graph.array(f"{name}/zero", np.zeros(len(scales), np.int8)),
    ]
    return graph.add("DequantizeLinear", inputs, name, axis=0)


def _features(graph: _Graph, taps: Mapping[str, str], spec: FeatureSpec) -> None:
    """Add the features in the order that `FeatureSpec` gives them."""
    parts = []
    if spec.kind != "pooled":
        whole = taps["block5_pool" if spec.kind == "flattened" else "block4_pool"]
        last = graph.add("Transpose", [whole], "channels_last", perm=[0, 2, 3, 1])
        parts.append(graph.add("Flatten", [last], "whole"))
    for block in spec.blocks:
        tap, name = taps[f"block{block}"], f"block{block}"
        mean = graph.add("ReduceMean", [tap], f"{name}/mean", axes=[2, 3], keepdims=1)
        apart = graph.add("Sub", [tap, mean], f"{name}/apart")
        square = graph.add("Mul", [apart, apart], f"{name}/square")
        spread = graph.add("ReduceMean", [square], f"{name}/variance", axes=[2, 3], keepdims=0)
        parts += [
            graph.add("Flatten", [mean], f"{name}/means"),
            graph.add("ReduceMax", [tap], f"{name}/maximum", axes=[2, 3], keepdims=0),
            graph.add("Sqrt", [spread], f"{name}/deviation"),
        ]
    graph.add("Concat", parts, "features", axis=1)
