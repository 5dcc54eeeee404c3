"""What `unbraid check` and `check_model` say of models that are fit, and of those that are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import unbraid
from helpers.hostile_model import endless_graph, wrong_masks_graph
from helpers.shell import Shell
from helpers.toy_model import (
    METADATA,
    MID_AND_SIDE,
    PAIR_BINS,
    pair_graph,
    save_embedding_model,
    save_model,
    save_pair_model,
    save_toy_model,
    toy_graph,
)
from unbraid import _core


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unbraid.model_check.AUDIO_SECONDS", 1)
    monkeypatch.setattr("unbraid.model_check.SPENT_SECONDS", 0.05)


def problems(graph: onnx.GraphProto, folder: Path, **metadata: str) -> tuple[str, ...]:
    return unbraid.check_model(save_model(folder / "model.onnx", graph, {**METADATA, **metadata})).problems


def test_a_fit_model(tmp_path: Path) -> None:
    found = unbraid.check_model(save_pair_model(tmp_path / "pair.onnx", lookahead_frames="2"))
    assert found.fit
    assert found.problems == ()
    assert found.info
    assert found.info.stem_names == ("speech", "music", "noise")
    assert found.tensors == {"power": (1, "T", PAIR_BINS), "masks": (1, "T", 3, PAIR_BINS)}
    assert found.states == {"past_state": (1, 1, PAIR_BINS)}
    assert found.num_nodes == len(pair_graph().node)
    assert (found.frames_per_run, found.one_frame_reason) == (16, "")
    assert found.looks_ahead is False
    assert 0 < found.live_cost < 100
    assert 0 < found.file_cost < 100


def test_a_model_that_hears_the_side(tmp_path: Path) -> None:
    found = unbraid.check_model(save_pair_model(tmp_path / "pair.onnx", channels=MID_AND_SIDE))
    assert found.problems == ()
    assert found.info
    assert found.info.channels == ("mid", "side")
    assert found.tensors == {"power": (1, "T", 2, PAIR_BINS), "masks": (1, "T", 2, 3, PAIR_BINS)}
    assert (found.frames_per_run, found.looks_ahead) == (16, False)
    assert found.live_cost > 0
    (line,) = unbraid.check_model(
        save_pair_model(tmp_path / "counts.onnx", counts_frames=True, channels=MID_AND_SIDE)
    ).problems
    assert line.startswith("masks of hops that share a run differ by 0.")


def test_masks_of_the_side_must_sum_to_one_too(tmp_path: Path) -> None:
    graph = pair_graph(planes=(2,))
    graph.node[-1].output[0] = "sound_masks"
    graph.node.append(helper.make_node("Mul", ["sound_masks", "weight"], ["masks"]))
    weight = np.array([1.0, 0.9], np.float32).reshape(2, 1, 1)
    graph.initializer.append(numpy_helper.from_array(weight, "weight"))
    (line,) = problems(graph, tmp_path, num_bins=str(PAIR_BINS), channels=MID_AND_SIDE)
    assert line == "masks must sum to 1 over the stems, but their sum is 0.9 to 1"


def test_channels_and_graph_that_differ(tmp_path: Path) -> None:
    assert problems(toy_graph(), tmp_path, channels=MID_AND_SIDE) == (
        "input `power` must have shape (1, T, 2, 769), not (1, T, 769)",
        "output `masks` must have shape (1, T, 2, 3, 769), not (1, T, 3, 769)",
    )
    (line,) = problems(toy_graph(), tmp_path, channels="side")
    assert line == 'metadata unbraid.channels = "side": this version supports only "mid" and "mid,side"'


def test_a_model_of_embeddings(tmp_path: Path) -> None:
    found = unbraid.check_model(save_embedding_model(tmp_path / "people.onnx"))
    assert found.fit
    assert found.info
    assert not found.info.streams
    assert found.tensors["embeddings"] == (1, "T", 257, 4)
    assert found.file_cost > 0
    assert np.isnan(found.live_cost)


@pytest.mark.parametrize("name", sorted(unbraid.models()))
def test_shipped_models_are_fit(name: str) -> None:
    assert unbraid.check_model(name).problems == ()


# --- what a file says -----------------------------------------------------------------------------------------------


def test_each_missing_key_is_named(tmp_path: Path) -> None:
    found = unbraid.check_model(save_model(tmp_path / "model.onnx", toy_graph(), {}))
    assert not found.fit
    assert found.info is None
    assert sorted(found.problems) == sorted(f"metadata has no unbraid.{key}" for key in METADATA)


def test_metadata_and_graph_are_told_together(tmp_path: Path) -> None:
    graph = toy_graph()
    graph.input[1].name = graph.node[4].input[5] = "memory"
    graph.node.append(helper.make_node("Identity", ["features"], ["extra"]))
    graph.output.append(helper.make_tensor_value_info("extra", TensorProto.FLOAT, None))
    found = problems(graph, tmp_path, stems="Speech,rest", win_seconds="0.02", window="hann", band_edges="0,1")
    assert [line.split(":")[0] for line in found] == [
        'metadata unbraid.stems = "Speech,rest"',
        'metadata unbraid.window = "hann"',
        'metadata unbraid.hop_seconds = "0.016"',
        'metadata unbraid.bin_hz = "31.25"',
        "input `power` must have shape (1, T, 2), not (1, T, 769)",
        "output `masks` must have shape (1, T, ?, 2), not (1, T, 3, 769)",
        "input `memory` is neither `power` nor a `<x>_state`",
        "output `next_gru_state` is neither `masks` nor a state's next",
        "output `extra` is neither `masks` nor a state's next",
    ]


def test_the_first_problem_is_what_loading_says(tmp_path: Path) -> None:
    path = save_toy_model(tmp_path / "model.onnx", stems="one", window="hann", mask="complex")
    first, *_ = unbraid.check_model(path).problems
    with pytest.raises(unbraid.ModelError) as error:
        unbraid.load_model(path)
    assert str(error.value) == f"{path}: {first}"


@pytest.mark.parametrize("content", [b"", b"hello", b"\x0a\xff\xff\xff\xff\x0f", bytes(range(256))])
def test_what_is_no_model_is_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert unbraid.check_model(path).problems
    with pytest.raises(unbraid.ModelError, match="no model file at"):
        unbraid.check_model(tmp_path / "none.onnx")


def outside(graph: onnx.GraphProto) -> None:
    graph.initializer[0].ClearField("raw_data")
    graph.initializer[0].data_location = TensorProto.EXTERNAL
    graph.initializer[0].external_data.add(key="location", value="elsewhere")


def too_large(graph: onnx.GraphProto) -> None:
    graph.input[1].type.tensor_type.shape.dim[1].dim_value = 1 << 40


def unknown_node(graph: onnx.GraphProto) -> None:
    graph.node[2].op_type = "Nothing\x1b]0;owned\x07"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (outside, "keeps its data outside of the file"),
        (too_large, "its states are more than 256"),
        (unknown_node, "not a usable ONNX file"),
    ],
)
def test_what_a_stranger_may_send(harm: Callable[[onnx.GraphProto], None], said: str, tmp_path: Path) -> None:
    """What stops the reading comes after what was found before it."""
    graph = toy_graph()
    harm(graph)
    first, last = problems(graph, tmp_path, window="hann")
    assert first.startswith('metadata unbraid.window = "hann"')
    assert said in last
    assert last.isprintable()


def test_nodes_that_are_computed_once_do_not_count(tmp_path: Path) -> None:
    graph = toy_graph()
    (floor,) = (tensor for tensor in graph.initializer if tensor.name == "floor")
    floor.CopyFrom(numpy_helper.from_array(np.array(1e-3, np.float16), "half"))
    nodes = [
        helper.make_node("Constant", [], ["one"], value=numpy_helper.from_array(np.array(1e-3, np.float32))),
        helper.make_node("Cast", ["half"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["wide", "one"], ["floor"]),
        *graph.node,
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    model = _core.Model(save_model(tmp_path / "model.onnx", graph, METADATA))
    assert model.num_nodes == len(toy_graph().node)


# --- what it computes -----------------------------------------------------------------------------------------------


def test_masks_that_do_not_sum_to_one(tmp_path: Path) -> None:
    (line,) = problems(wrong_masks_graph(9e-4), tmp_path)
    assert line == "masks must sum to 1 over the stems, but their sum is 1.0027 to 1.0027"
    assert problems(wrong_masks_graph(1e-5), tmp_path) == ()


def test_a_memory_that_is_no_state(tmp_path: Path) -> None:
    found = unbraid.check_model(save_pair_model(tmp_path / "counts.onnx", counts_frames=True))
    (line,) = found.problems
    assert line.startswith("masks of hops that share a run differ by 0.")
    assert found.looks_ahead is False


def test_a_graph_that_looks_ahead(tmp_path: Path) -> None:
    """Of one hop the mean is the hop itself: hop by hop nobody sees it."""
    graph = pair_graph()
    mean = helper.make_node("ReduceMean", ["power"], ["mean"], axes=[1])
    for node in graph.node:
        node.input[:] = ["heard" if name == "power" else name for name in node.input]
    nodes = [mean, helper.make_node("Add", ["power", "mean"], ["heard"]), *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    found = unbraid.check_model(save_model(tmp_path / "ahead.onnx", graph, {**METADATA, "num_bins": str(PAIR_BINS)}))
    (line,) = found.problems
    assert "the graph looks ahead" in line
    assert found.looks_ahead is True


def test_masks_that_go_wrong_after_the_trial(tmp_path: Path) -> None:
    assert problems(wrong_masks_graph(float("nan"), after_hops=20), tmp_path) == (
        "the model's masks are not all between 0 and 1",
    )


@pytest.mark.slow
def test_a_graph_that_never_ends(tmp_path: Path) -> None:
    (line,) = problems(endless_graph(after_hops=2), tmp_path)
    assert line == "a trial of its graph did not end in time"


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_says_what_a_fit_model_does(shell: Shell) -> None:
    save_pair_model(shell.folder / "pair.onnx")
    done = shell.run("check", "pair.onnx")
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines = done.stdout.splitlines()
    assert first == f"{shell.folder.resolve() / 'pair.onnx'}: fit"
    shown = {line[:18].strip(): line[18:].strip() for line in lines}
    assert shown["past_state"] == "(1, 1, 768)"
    assert shown["latency"] == "32.0 ms at 48 kHz"
    assert shown["causal"] == "yes"
    assert float(shown["cost live"].split()[0]) > 0


def test_the_command_says_what_is_wrong(shell: Shell) -> None:
    save_toy_model(shell.folder / "bad.onnx", stems="\u202eone", window="hann")
    done = shell.run("check", "bad.onnx")
    assert (done.returncode, done.stderr) == (1, "")
    first, *lines = done.stdout.splitlines()
    assert first.endswith("bad.onnx: not fit: 2 problems")
    assert [line.split(" = ")[0] for line in lines] == ["  metadata unbraid.stems", "  metadata unbraid.window"]
    assert "\u202e" not in done.stdout
    assert "no model file at none.onnx" in shell.fails(1, "check", "none.onnx")
    (shell.folder / "folder.onnx").mkdir()
    assert "no model file at folder.onnx" in shell.fails(1, "check", "folder.onnx")
