"""How the weights of a model file are stored: what is large in 8 bits, each row of a matrix with a scale of its own.

The runtime widens them once, when it loads the file; from there on it computes in single precision, on every processor
the same. The file is a quarter of what it was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

PACKED = 16  # values of a row from which a tensor is packed; shorter ones are not worth a scale
LEVELS = 127  # of either sign
# A row is what makes one output of the layer. It lies along these axes, along the first where none is given.
_ROW_AXIS = {"ConvTranspose": 1, "LSTM": 1, "MatMul": 1}


def _pack(weights: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Whole numbers and the scale of each row, of which the product is nearest to the weights.

    Raises ValueError for weights that are not finite.
    """
    if not np.isfinite(weights).all():
        raise ValueError("expected finite weights")
    others = tuple(i for i in range(weights.ndim) if i != axis)
    largest = np.abs(weights).max(axis=others, keepdims=True)
    scale = np.where(largest > 0, largest / LEVELS, 1).astype(np.float32)
    return np.rint(weights / scale).astype(np.int8), scale


def _row_length(shape: Sequence[int], axis: int) -> int:
    return math.prod(shape) // shape[axis] if len(shape) > axis else 0


def pack(path: Path) -> None:
    """Store the matrices of a model file in 8 bits, each followed by a Cast and a Mul, which loading folds away.

    Raises ValueError for weights that are not finite.
    """
    proto = onnx.load(path)
    readers = {name: node.op_type for node in proto.graph.node for name in node.input}
    kept, widening = [], []
    for tensor in proto.graph.initializer:
        name = tensor.name
        axis = _ROW_AXIS.get(readers.get(name, ""), 0)
        if tensor.data_type != TensorProto.FLOAT or _row_length(tensor.dims, axis) < PACKED:
            kept.append(tensor)
            continue
        try:
            whole, scale = _pack(numpy_helper.to_array(tensor), axis)
        except ValueError as error:
            raise ValueError(f"{path}: {name}: {error}") from None
        kept += [numpy_helper.from_array(whole, f"{name}_whole"), numpy_helper.from_array(scale, f"{name}_scale")]
        widening += [
            helper.make_node("Cast", [f"{name}_whole"], [f"{name}_wide"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}_wide", f"{name}_scale"], [name]),
        ]
    nodes = [*widening, *proto.graph.node]
    del proto.graph.initializer[:], proto.graph.node[:]
    proto.graph.initializer.extend(kept)
    proto.graph.node.extend(nodes)
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString())
