"""The graph of a trained Crnn, written node by node.

Batch norms fold into their convolutions, the feature scaling into its neighbours: a hop costs as few nodes as it can.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from unbraid.training import bands
from unbraid.training.model import LOG_MEAN, LOG_STD, POWER_FLOOR, Block, Crnn

_END = np.iinfo(np.int64).max  # of a Slice: to the last


class Graph:
    """A small writer: each call appends one node and returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: NDArray[np.generic] | Tensor) -> str:
        array = value.detach().numpy() if isinstance(value, Tensor) else value
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op: str, *inputs: str, outputs: list[str] | None = None, **attributes: Any) -> str:
        outputs = outputs or [f"{op.lower()}_{len(self.nodes)}"]
        self.nodes.append(helper.make_node(op, list(inputs), outputs, **attributes))
        return outputs[0]

    def reshape(self, x: str, *shape: int) -> str:
        return self.node("Reshape", x, self.constant(np.array(shape, np.int64)))


def _fold(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Scale and shift per channel of a batch norm in evaluation."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def lstm(graph: Graph, layer: nn.LSTM, x: str, name: str, scale: Tensor | float = 1.0) -> str:
    """An LSTM over (frames, batch, inputs) with its states as graph inputs and outputs → (frames · batch, hidden).

    The weights take over a `scale` of the inputs.
    """

    def iofc(weight: Tensor) -> Tensor:  # torch orders the gates i f g o, ONNX i o f c
        i, f, g, o = weight.chunk(4)
        return torch.cat([i, o, f, g]).unsqueeze(0)

    scales = {"ih": scale, "hh": 1}
    weights = [graph.constant(iofc(getattr(layer, f"weight_{part}_l0") * by)) for part, by in scales.items()]
    bias = graph.constant(torch.cat([iofc(getattr(layer, f"bias_{part}_l0")) for part in ("ih", "hh")], dim=1))
    out = graph.node(
        "LSTM", x, *weights, bias, "", f"{name}_h_state", f"{name}_c_state",
        outputs=[f"{name}_out", f"next_{name}_h_state", f"next_{name}_c_state"], hidden_size=layer.hidden_size,
    )  # fmt: skip
    return graph.reshape(out, -1, layer.hidden_size)


def _linear(graph: Graph, linear: nn.Linear, x: str, add: str = "") -> str:
    """A linear layer over rows; `add` is added to the result, for a Gemm does that for nothing."""
    bias = [add] if add else [graph.constant(linear.bias)] if linear.bias is not None else []
    return graph.node("Gemm", x, graph.constant(linear.weight), *bias, transB=1)


def _block(graph: Graph, block: Block, x: str, other: str, index: int) -> tuple[str, str]:
    """A Block over (frames · sub-bands, channels); `other` is (frames, 1, others) or empty."""
    squeeze, channels = block.squeeze.weight.shape
    full_inputs = block.full_out.out_features
    y = lstm(graph, block.sub, graph.reshape(x, -1, full_inputs // squeeze, channels), f"sub{index}")
    x = _linear(graph, block.sub_out, y, add=x)
    y = graph.reshape(_linear(graph, block.squeeze, x), -1, 1, full_inputs)
    scale = torch.ones(block.full.input_size)
    if other:
        y = graph.node("Concat", y, other, axis=2)
        scale[full_inputs:] /= LOG_STD
    whole = lstm(graph, block.full, y, f"full{index}", scale)
    y = graph.node("Relu", _linear(graph, block.full_out, whole))
    return _linear(graph, block.expand, graph.reshape(y, -1, squeeze), add=x), whole


def _encode(graph: Graph, model: Crnn, x: str, pads: list[int]) -> list[str]:
    """The convolutions, each folded with its batch norm: what every one of them puts out."""
    skips = []
    for i, layer in enumerate(model.encoder):
        assert isinstance(layer, nn.Sequential)
        conv, norm = layer[0], layer[1]
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        scale, shift = _fold(norm)
        weight = conv.weight * scale[:, None, None, None] / (LOG_STD if i == 0 else 1.0)
        weights = graph.constant(weight), graph.constant(shift)
        x = graph.node("Conv", x, *weights, strides=conv.stride, pads=pads)
        x = graph.node("Relu", x)
        skips.append(x)
    return skips


def _decode(graph: Graph, model: Crnn, x: str, skips: list[str], pads: list[int]) -> str:
    """The transposed convolutions, folded likewise → (1, stems, frames, bands)."""

    def up(conv: nn.Module, scale: Tensor, shift: Tensor, *parts: str) -> str:
        assert isinstance(conv, nn.ConvTranspose2d)
        assert conv.bias is not None
        return graph.node(
            "ConvTranspose", graph.node("Concat", *parts, axis=1),
            graph.constant(conv.weight * scale[:, None, None]), graph.constant(conv.bias * scale + shift),
            strides=conv.stride, pads=pads, output_padding=conv.output_padding,
        )  # fmt: skip

    *hidden, last = model.decoder
    first, *deep = skips
    for conv, norm, skip in zip(hidden, model.norms, reversed(deep), strict=True):
        assert isinstance(norm, nn.BatchNorm2d)
        x = graph.node("Relu", up(conv, *_fold(norm), x, skip))
    return up(last, torch.ones(1), torch.zeros(1), x, first, graph.node("Mul", x, first))


def build_graph(model: Crnn) -> onnx.GraphProto:
    """The graph of a trained network: power (1, T, bands) and states in, masks (1, T, stems, bands) and states out.

    With a side these are (1, T, 2, bands) and (1, T, 2, stems, bands).
    """
    config, graph = model.config, Graph()
    planes = [config.planes] if config.planes > 1 else []
    channels, sub_bands = config.channels[-1], config.num_sub_bands
    pads = [0, config.kernel // 2] * 2

    # (log(p + floor) - mean) / std: the division is the first convolution's.
    past = config.memory - 1
    x = graph.node("Concat", "past_state", "power", axis=1)
    ends = (graph.constant(np.array([value])) for value in (-past, _END, 1))
    graph.node("Slice", x, *ends, outputs=["next_past_state"])
    x = graph.node("Add", x, graph.constant(np.float32(POWER_FLOOR)))
    x = graph.node("Log", x)
    x = graph.node("Sub", x, graph.constant(np.float32(LOG_MEAN)))
    features, num_low = x, config.low_bands
    x = graph.node("Transpose", x, perm=[0, 2, 1, 3]) if planes else graph.reshape(x, 1, 1, -1, bands.NUM_BANDS)

    skips = _encode(graph, model, x, pads)
    x = graph.node("Transpose", skips[-1], perm=[0, 2, 3, 1])
    x = graph.node("Add", x, graph.constant(model.position.squeeze(1)))
    x = graph.reshape(x, -1, channels)
    low = ""
    if num_low:  # of the newest frames of (1, past + T, bands)
        ends = (graph.constant(np.array(value)) for value in ([past, 0], [_END, num_low], [1, 2 + len(planes)]))
        low = graph.reshape(graph.node("Slice", features, *ends), -1, 1, config.planes * num_low)
    for i, block in enumerate(model.blocks):
        assert isinstance(block, Block)
        x, whole = _block(graph, block, x, low if i == 0 else "", i)
    x = graph.node("Transpose", graph.reshape(x, 1, -1, sub_bands, channels), perm=[0, 3, 1, 2])

    x = _decode(graph, model, x, skips, pads)
    x = graph.node("Transpose", x, perm=[0, 2, 1, 3])
    if model.low_out is not None:
        low = graph.reshape(_linear(graph, model.low_out, whole), 1, -1, config.planes * config.num_stems, num_low)
        low = graph.node("Pad", low, graph.constant(np.array([0] * 7 + [bands.NUM_BANDS - num_low])))
        x = graph.node("Add", x, low)
    if planes:
        x = graph.reshape(x, 1, -1, *planes, config.num_stems, bands.NUM_BANDS)
    graph.node("Softmax", x, outputs=["masks"], axis=2 + len(planes))

    def tensor(name: str, *shape: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    states = {"past_state": (1, past, *planes, bands.NUM_BANDS)} | {
        f"{name}{i}_{part}_state": (1, batch, hidden)
        for i in range(config.blocks)
        for name, batch, hidden in (("sub", sub_bands, config.sub_hidden), ("full", 1, config.full_hidden))
        for part in "hc"
    }
    inputs = [
        tensor("power", 1, "T", *planes, bands.NUM_BANDS),
        *(tensor(name, *shape) for name, shape in states.items()),
    ]
    outputs = [
        tensor("masks", 1, "T", *planes, config.num_stems, bands.NUM_BANDS),
        *(tensor(f"next_{name}", *shape) for name, shape in states.items()),
    ]
    return helper.make_graph(graph.nodes, "crnn", inputs, outputs, graph.constants)
