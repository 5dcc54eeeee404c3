"""The network of a stream in two halves: where that changes no bit, and nowhere else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import unbraid
from helpers.audio import Audio, noise
from helpers.hostile_model import endless_graph, wrong_masks_graph
from helpers.installed import STREAMING
from helpers.toy_model import (
    METADATA,
    MID_AND_SIDE,
    PAIR_BINS,
    pair_graph,
    save_embedding_model,
    save_model,
    toy_graph,
)
from unbraid import _core

Stream = _core.Separator | _core.Remixer
Graph = Callable[[], onnx.GraphProto]

NO_PLACE = "no cut would leave each state, and a good part of the work, in one half"


def deep_graph() -> onnx.GraphProto:
    """Toy, and a second GRU behind the first, with what else may lie across a cut.

    A skip, a shape in integers, constants of nodes that both halves want, and a state that nobody reads.
    """
    graph = toy_graph(bands=64)
    units = 24
    rng = np.random.default_rng(3)
    nodes = {node.output[0]: node for node in graph.node}
    shared = [
        helper.make_node("Constant", [], ["half"], value=numpy_helper.from_array(np.float32([0.5]))),
        helper.make_node("Neg", ["half"], ["minus_half"]),
        helper.make_node("Neg", ["minus_half"], ["also_half"]),
        helper.make_node("Shape", ["features_t"], ["shape"]),
        helper.make_node("Mul", ["features_t", "also_half"], ["softer"]),
    ]
    nodes["gru_out"].input[0] = "softer"
    second = [
        helper.make_node("GRU", ["hidden_t", "gru_w", "gru_r", "gru_b", "", "deep_state"],
                         ["deep_out", "next_deep_state"], hidden_size=units, linear_before_reset=1),
        helper.make_node("Reshape", ["deep_out", "shape"], ["deep"]),
        helper.make_node("Add", ["deep", "features_t"], ["sum"]),
        helper.make_node("Mul", ["sum", "also_half"], ["mean"]),
        helper.make_node("MatMul", ["mean", "w_deep"], ["deep_t"]),
        helper.make_node("ReduceMean", ["deep_t"], ["next_unread_state"], axes=[0], keepdims=1),
    ]  # fmt: skip
    nodes["hidden"].input[0] = "deep_t"
    before = [node for node in graph.node if node.output[0] not in ("hidden", "logits", "logits_4d", "masks")]
    last = [node for node in graph.node if node.output[0] in ("hidden", "logits", "logits_4d", "masks")]
    at = next(i for i, node in enumerate(before) if node.op_type == "GRU")
    ordered = [*before[:at], *shared, *before[at:], *second, *last]
    del graph.node[:]
    graph.node.extend(ordered)
    graph.initializer.append(
        numpy_helper.from_array((0.3 * rng.standard_normal((units, units))).astype(np.float32), "w_deep")
    )
    for name in ("deep_state", "unread_state"):
        graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, units]))
        graph.output.append(helper.make_tensor_value_info(f"next_{name}", TensorProto.FLOAT, [1, 1, units]))
    return graph


def feedback_graph() -> onnx.GraphProto:
    """Whose masks go into the state that it begins with."""
    graph = pair_graph()
    nodes = [node for node in graph.node if "next_past_state" not in node.output]
    nodes += [
        helper.make_node("ReduceMean", ["masks"], ["mean"], axes=[2], keepdims=0),
        helper.make_node("Slice", ["mean", "last", "end", "one"], ["next_past_state"]),
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    return graph


def random_graph() -> onnx.GraphProto:
    """Whose masks are never the same again."""
    graph = pair_graph()
    softmax = graph.node.pop()
    graph.node.append(helper.make_node("RandomUniformLike", ["logits"], ["random"], seed=1.0))
    graph.node.append(helper.make_node("Add", ["logits", "random"], ["shaken"]))
    softmax.input[0] = "shaken"
    graph.node.append(softmax)
    return graph


def weightless_graph() -> onnx.GraphProto:
    """Half of everything is each of two stems."""
    nodes = [
        helper.make_node("Unsqueeze", ["power", "axis_2"], ["power_4d"]),
        helper.make_node("Concat", ["power_4d", "power_4d"], ["logits"], axis=2),
        helper.make_node("Softmax", ["logits"], ["masks"], axis=2),
    ]
    power = helper.make_tensor_value_info("power", TensorProto.FLOAT, [1, "T", PAIR_BINS])
    masks = helper.make_tensor_value_info("masks", TensorProto.FLOAT, [1, "T", 2, PAIR_BINS])
    return helper.make_graph(nodes, "weightless", [power], [masks], [numpy_helper.from_array(np.array([2]), "axis_2")])


def load(path: Path, graph: onnx.GraphProto, **metadata: str) -> _core.Model:
    *shape, bins = (dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim)
    channels = MID_AND_SIDE if len(shape) == 3 else "mid"
    return _core.Model(save_model(path, graph, {**METADATA, "num_bins": str(bins), "channels": channels, **metadata}))


def in_steps(stream: Stream, audio: Audio) -> Audio:
    """All that comes out of blocks that go through the halves, the first of which is a block ahead."""
    silence = np.zeros((stream.channels, stream.latency_samples), np.float32)
    heard = [stream.hear(block) for block in [*np.split(audio, [100, 9000, 9001, 30_000], axis=1), silence]]
    rendered = []
    stream.estimate_first_half(heard[0])
    for hops, following in zip(heard, [*heard[1:], None], strict=True):
        if following:
            stream.estimate_first_half(following)
        stream.estimate_second_half(hops)
        rendered.append(stream.render(hops))
    late = stream.latency_samples - stream.hop_length
    return np.concatenate(rendered, axis=-1)[..., late : late + audio.shape[1]]


def at_once(stream: Stream, audio: Audio) -> Audio:
    output = np.concatenate([stream.process(audio), stream.flush()], axis=-1)
    return output[..., stream.latency_samples :]


def mid_side_pair_graph() -> onnx.GraphProto:
    return pair_graph(planes=(2,))


def mid_side_toy_graph() -> onnx.GraphProto:
    return toy_graph(bands=64, planes=(2,))


def check_equality(model: _core.Model, rng: np.random.Generator) -> None:
    audio = noise(rng, 2, 60_000)
    for kind, gains in ((_core.Separator, []), (_core.Remixer, [np.linspace(0, 1, len(model.stem_names))])):
        stream = kind(32000, 2, model, *gains)
        expected = at_once(stream, audio)
        stream.prepare(audio.shape[1])
        stream.halve()
        for _ in range(2):
            np.testing.assert_array_equal(in_steps(stream, audio), expected)
            stream.reset()
        np.testing.assert_array_equal(at_once(stream, audio), expected)  # it still runs whole, too


@pytest.mark.parametrize("name", STREAMING)
def test_shipped_models_give_the_same_bits_in_halves(name: str, rng: np.random.Generator) -> None:
    model = unbraid.load_model(name)
    assert model.find_halves() == ""
    check_equality(model, rng)


@pytest.mark.parametrize("metadata", [{}, {"lookahead_frames": "2"}])
@pytest.mark.parametrize("graph", [pair_graph, toy_graph, deep_graph, mid_side_pair_graph, mid_side_toy_graph])
def test_so_do_others(graph: Graph, metadata: dict[str, str], tmp_path: Path, rng: np.random.Generator) -> None:
    model = load(tmp_path / "model.onnx", graph(), **metadata)
    assert model.find_halves() == ""
    check_equality(model, rng)


@pytest.mark.parametrize(
    ("graph", "metadata", "reason"),
    [
        (feedback_graph, {}, NO_PLACE),
        (
            weightless_graph,
            {"stems": "left,right"},
            NO_PLACE,
        ),
        (lambda: endless_graph(after_hops=1000), {}, "a node of its graph has a graph of its own"),
        (random_graph, {}, "masks differ when it is cut in two"),
    ],
)
def test_some_run_whole(
    graph: Graph, metadata: dict[str, str], reason: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    model = load(tmp_path / "model.onnx", graph(), **metadata)
    assert model.find_halves() == reason
    if graph is not random_graph:
        check_equality(model, rng)


def test_models_of_embeddings_run_whole(tmp_path: Path) -> None:
    assert _core.Model(save_embedding_model(tmp_path / "model.onnx")).find_halves() == "it hears a whole signal at once"


@pytest.mark.parametrize("change", ["gone", "replaced", "spoiled"])
def test_the_halves_are_of_the_model_that_was_opened(change: str, tmp_path: Path, rng: np.random.Generator) -> None:
    """A file is read again, and may be another by then."""
    path = tmp_path / "model.onnx"
    model = load(path, pair_graph())
    if change == "gone":
        path.unlink()
    elif change == "spoiled":
        path.write_bytes(path.read_bytes()[:-1000])
    else:
        load(tmp_path / "other.onnx", toy_graph(bands=PAIR_BINS))
        shutil.copy(tmp_path / "other.onnx", path)
    assert model.find_halves() != ""
    check_equality(model, rng)


def test_hops_go_through_the_first_half_first(tmp_path: Path, rng: np.random.Generator) -> None:
    stream = _core.Separator(48000, 1, load(tmp_path / "model.onnx", pair_graph()))
    stream.halve()
    hops = stream.hear(noise(rng, 1, 4000))
    with pytest.raises(RuntimeError, match="the first half has not had these hops"):
        stream.estimate_second_half(hops)
    stream.reset()
    stream.estimate_first_half(hops)
    stream.estimate_second_half(hops)
    with pytest.raises(RuntimeError, match="the first half has not had these hops"):
        stream.estimate_second_half(hops)


def test_a_failure_in_the_second_half_waits_for_the_reset(tmp_path: Path, rng: np.random.Generator) -> None:
    model = load(tmp_path / "model.onnx", wrong_masks_graph(1.5, after_hops=60))
    assert model.find_halves() == ""
    stream = _core.Separator(48000, 1, model)
    stream.halve()
    first, later = noise(rng, 1, 20 * 768), noise(rng, 1, 60 * 768)

    def started() -> _core.Hops:
        hops = stream.hear(first)
        stream.estimate_first_half(hops)
        return hops

    sound = started()
    failing = stream.hear(later)
    stream.estimate_first_half(failing)
    stream.estimate_second_half(sound)
    expected = stream.render(sound)
    with pytest.raises(RuntimeError, match="masks are not all between 0 and 1"):
        stream.estimate_second_half(failing)
    with pytest.raises(RuntimeError, match="reset"):
        stream.hear(first)
    stream.reset()
    again = started()
    stream.estimate_second_half(again)
    np.testing.assert_array_equal(stream.render(again), expected)
