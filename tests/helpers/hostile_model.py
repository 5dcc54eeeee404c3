"""Models that keep the contract on paper, and harm whoever runs them."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from helpers.toy_model import toy_graph


def spoiled_graph(nodes: list[onnx.NodeProto], *, after_hops: int, **constants: np.ndarray) -> onnx.GraphProto:
    """Toy; `nodes` make of `late` (0.0, and 1.0 after so many hops) what is added to all masks, `spoil`."""
    graph = toy_graph()
    next(node for node in graph.node if node.op_type == "Softmax").output[0] = "sound_masks"
    graph.node.extend(
        [
            helper.make_node("Add", ["hops_state", "one_hop"], ["next_hops_state"]),
            helper.make_node("Greater", ["next_hops_state", "last_hop"], ["is_late"]),
            helper.make_node("Cast", ["is_late"], ["late"], to=TensorProto.FLOAT),
            *nodes,
            helper.make_node("Add", ["sound_masks", "spoil"], ["masks"]),
        ]
    )
    values = {"one_hop": np.float32([1]), "last_hop": np.float32([after_hops]), **constants}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in values.items())
    graph.input.append(helper.make_tensor_value_info("hops_state", TensorProto.FLOAT, [1]))
    graph.output.append(helper.make_tensor_value_info("next_hops_state", TensorProto.FLOAT, [1]))
    return graph


def wrong_masks_graph(spoil: float, *, after_hops: int = 0) -> onnx.GraphProto:
    """Whose masks are off by `spoil`, which may be NaN."""
    where = helper.make_node("Where", ["is_late", "wrong", "nothing"], ["spoil"])
    return spoiled_graph([where], after_hops=after_hops, wrong=np.float32(spoil), nothing=np.float32(0))


def endless_graph(*, after_hops: int = 0) -> onnx.GraphProto:
    """Which loops for ever."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["goes_on"]), helper.make_node("Identity", ["v"], ["next_v"])],
        "body",
        [value("i", TensorProto.INT64, []), value("going", TensorProto.BOOL, []), value("v", TensorProto.FLOAT, [1])],
        [value("goes_on", TensorProto.BOOL, []), value("next_v", TensorProto.FLOAT, [1])],
    )
    nodes = [
        helper.make_node("Where", ["is_late", "most", "none"], ["trips"]),
        helper.make_node("Loop", ["trips", "yes", "zero"], ["spoil"], body=body),
    ]
    return spoiled_graph(
        nodes,
        after_hops=after_hops,
        most=np.array([1 << 62]),
        none=np.array([0]),
        yes=np.array(True),
        zero=np.float32([0]),
    )
