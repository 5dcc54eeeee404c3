"""Small models that keep the contract of a real one: a GRU with random weights.

power (1, T, bins or bands) -> log -> dense -> GRU -> dense -> softmax over the stems -> masks

With two planes, mid and side, power is (1, T, 2, bins), and each has masks of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NUM_BINS = 769
PAIR_BINS = 768  # whole vectors: what is left of one is rounded otherwise
UNITS = 24
STEMS = ("speech", "music", "noise")
MID_AND_SIDE = "mid,side"

METADATA = {
    "schema_version": "1",
    "name": "toy",
    "task": "speech_music_noise",
    "stems": ",".join(STEMS),
    "bin_hz": "31.25",
    "num_bins": str(NUM_BINS),
    "win_seconds": "0.032",
    "hop_seconds": "0.016",
    "window": "hann_sqrt",
    "lookahead_frames": "0",
    "mask": "real",
    "license": "MIT",
    "training_data": "none",
    "training_run": "random weights",
}


def toy_graph(
    *, seed: int = 1, stems: int = len(STEMS), bands: int = NUM_BINS, planes: tuple[int, ...] = ()
) -> onnx.GraphProto:
    """`planes`: (2,) for mid and side."""
    values = bands * math.prod(planes)
    rng = np.random.default_rng(seed)
    constants: list[onnx.TensorProto] = []

    def weights(name: str, *shape: int, scale: float) -> str:
        values = (scale * rng.standard_normal(shape)).astype(np.float32)
        constants.append(numpy_helper.from_array(values, name))
        return name

    def integers(name: str, *values: int) -> str:
        constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    constants.append(numpy_helper.from_array(np.array(1e-6, np.float32), "floor"))
    node = helper.make_node
    gru_weights = (
        weights("gru_w", 1, 3 * UNITS, UNITS, scale=0.3),
        weights("gru_r", 1, 3 * UNITS, UNITS, scale=0.3),
        weights("gru_b", 1, 6 * UNITS, scale=0.1),
    )
    loudness, flattening = "loudness", []
    if planes:
        loudness = "loudness_3d"
        flattening = [node("Reshape", ["loudness", integers("flat", 1, -1, values)], [loudness])]
    nodes = [
        node("Add", ["power", "floor"], ["floored"]),
        node("Log", ["floored"], ["loudness"]),
        *flattening,
        node("MatMul", [loudness, weights("w_in", values, UNITS, scale=0.01)], ["features"]),
        node("Transpose", ["features"], ["features_t"], perm=[1, 0, 2]),
        node(
            "GRU",
            ["features_t", *gru_weights, "", "gru_state"],
            ["gru_out", "next_gru_state"],
            hidden_size=UNITS,
            linear_before_reset=1,
        ),
        node("Squeeze", ["gru_out", integers("axis_1", 1)], ["hidden_t"]),
        node("Transpose", ["hidden_t"], ["hidden"], perm=[1, 0, 2]),
        node("MatMul", ["hidden", weights("w_out", UNITS, stems * values, scale=1.0)], ["logits"]),
        node("Reshape", ["logits", integers("split", 1, -1, *planes, stems, bands)], ["logits_4d"]),
        node("Softmax", ["logits_4d"], ["masks"], axis=-2),
    ]
    tensor, f32 = helper.make_tensor_value_info, TensorProto.FLOAT
    inputs = [
        tensor("power", f32, [1, "T", *planes, bands]),
        tensor("gru_state", f32, [1, 1, UNITS]),
    ]
    outputs = [
        tensor("masks", f32, [1, "T", *planes, stems, bands]),
        tensor("next_gru_state", f32, [1, 1, UNITS]),
    ]
    return helper.make_graph(nodes, "toy", inputs, outputs, constants)


def save_model(path: Path, graph: onnx.GraphProto, metadata: Mapping[str, str]) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {f"unbraid.{key}": value for key, value in metadata.items()})
    onnx.save(model, path)
    return path


def planes_of(metadata: Mapping[str, str]) -> tuple[int, ...]:
    return (2,) if metadata.get("channels") == MID_AND_SIDE else ()


def save_toy_model(path: Path, *, seed: int = 1, **metadata: str) -> Path:
    """A sound toy model; `metadata` replaces entries, as in lookahead_frames="2"."""
    return save_model(path, toy_graph(seed=seed, planes=planes_of(metadata)), {**METADATA, **metadata})


def pair_graph(*, counts_frames: bool = False, planes: tuple[int, ...] = ()) -> onnx.GraphProto:
    """Masks of a frame and the one before, without a sum: equal to the bit however many frames share a run.

    With `counts_frames` they depend on that number, as no sound model's do.
    """
    rng = np.random.default_rng(5)
    constants = {
        "floor": np.array(1e-6, np.float32),
        "new": rng.standard_normal((*planes, len(STEMS), PAIR_BINS)).astype(np.float32),
        "old": rng.standard_normal((*planes, len(STEMS), PAIR_BINS)).astype(np.float32),
        "before_bins": np.array([-2]), "zero": np.array([0]), "last": np.array([-1]), "one": np.array([1]),
        "end": np.array([np.iinfo(np.int64).max]),
    }  # fmt: skip
    node = helper.make_node
    nodes = [
        node("Concat", ["past_state", "power"], ["seen"], axis=1),
        node("Slice", ["seen", "last", "end", "one"], ["next_past_state"]),  # from, to, along the frames
        node("Slice", ["seen", "zero", "last", "one"], ["before"]),
    ]
    for name, weight in (("power", "new"), ("before", "old")):
        nodes += [
            node("Add", [name, "floor"], [f"{name}_floored"]),
            node("Log", [f"{name}_floored"], [f"{name}_log"]),
            node("Unsqueeze", [f"{name}_log", "before_bins"], [f"{name}_4d"]),
            node("Mul", [f"{name}_4d", weight], [f"{name}_part"]),
        ]
    nodes.append(node("Add", ["power_part", "before_part"], ["logits"]))
    if counts_frames:
        nodes += [
            node("Shape", ["power"], ["frames_int"], start=1, end=2),
            node("Cast", ["frames_int"], ["frames"], to=TensorProto.FLOAT),
            node("Mul", ["logits", "frames"], ["counted"]),
        ]
    nodes.append(node("Softmax", ["counted" if counts_frames else "logits"], ["masks"], axis=-2))
    tensor, f32 = helper.make_tensor_value_info, TensorProto.FLOAT
    inputs = [
        tensor("power", f32, [1, "T", *planes, PAIR_BINS]),
        tensor("past_state", f32, [1, 1, *planes, PAIR_BINS]),
    ]
    outputs = [
        tensor("masks", f32, [1, "T", *planes, len(STEMS), PAIR_BINS]),
        tensor("next_past_state", f32, [1, 1, *planes, PAIR_BINS]),
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    return helper.make_graph(nodes, "pair", inputs, outputs, tensors)


def save_pair_model(path: Path, *, counts_frames: bool = False, **metadata: str) -> Path:
    graph = pair_graph(counts_frames=counts_frames, planes=planes_of(metadata))
    return save_model(path, graph, {**METADATA, "num_bins": str(PAIR_BINS), **metadata})


def save_embedding_model(path: Path, *, seed: int = 2, alike: bool = False, **metadata: str) -> Path:
    """Embeddings of a band, random, that turn over as its power changes; of 4 values. Or all points are `alike`."""
    rng = np.random.default_rng(seed)
    size, bands = 4, 257
    constants = {
        "floor": np.array(1e-6, np.float32),
        "axis_3": np.array([3]),
        "weight": rng.standard_normal((bands, size)).astype(np.float32),
        "shift": rng.standard_normal((bands, size)).astype(np.float32),
    }
    if alike:
        constants["weight"][:], constants["shift"][:] = 0, constants["shift"][0]
    node = helper.make_node
    nodes = [
        node("Add", ["power", "floor"], ["floored"]),
        node("Log", ["floored"], ["loudness"]),
        node("Unsqueeze", ["loudness", "axis_3"], ["loudness_4d"]),
        node("Mul", ["loudness_4d", "weight"], ["weighted"]),
        node("Add", ["weighted", "shift"], ["embeddings"]),
    ]
    tensor, f32 = helper.make_tensor_value_info, TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "embedding",
        [tensor("power", f32, [1, "T", bands])],
        [tensor("embeddings", f32, [1, "T", bands, size])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    contract = {
        "stems": "talker1,talker2", "more_stems": "talker3", "num_bins": str(bands),
        "mask": "embedding", "embedding": str(size), "sharpness": "5",
    }  # fmt: skip
    return save_model(path, graph, {**METADATA, **contract, **metadata})
