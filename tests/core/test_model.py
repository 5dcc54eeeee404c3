"""The model file contract: what is read, what is refused and how, and the masks themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from helpers.toy_model import METADATA, NUM_BINS, STEMS, save_model, save_toy_model, toy_graph
from unbraid import _core


def test_a_model_says_what_its_file_says(toy_model: _core.Model, toy_model_path: Path) -> None:
    assert toy_model.path == str(toy_model_path)
    assert (toy_model.name, toy_model.task) == ("toy", "speech_music_noise")
    assert toy_model.stem_names == STEMS
    assert (toy_model.bin_hz, toy_model.num_bins) == (31.25, NUM_BINS)
    assert (toy_model.win_seconds, toy_model.hop_seconds) == (0.032, 0.016)
    assert (toy_model.window, toy_model.mask) == ("hann_sqrt", "real")
    assert toy_model.lookahead_frames == 0
    assert toy_model.metadata == METADATA


def test_a_path_may_be_a_string(toy_model_path: Path) -> None:
    assert _core.Model(str(toy_model_path)).name == "toy"


def test_latency_is_a_window_and_the_lookahead(toy_model: _core.Model, lookahead_model: _core.Model) -> None:
    assert [toy_model.latency_samples(rate) for rate in (16000, 44100, 48000)] == [512, 1408, 1536]
    assert lookahead_model.latency_samples(48000) == 1536 + 2 * 768
    with pytest.raises(ValueError, match="got 4000"):
        toy_model.latency_samples(4000)


def test_masks_equal_onnxruntime_over_all_frames_at_once(
    toy_model: _core.Model, toy_model_path: Path, rng: np.random.Generator
) -> None:
    import onnxruntime

    power = rng.exponential(0.01, (50, NUM_BINS)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(toy_model_path), providers=["CPUExecutionProvider"])
    state = np.zeros(session.get_inputs()[1].shape, np.float32)
    expected = session.run(["masks"], {"power": power[None], "gru_state": state})[0][0]
    masks = toy_model.masks(power)
    assert masks.shape == (50, len(STEMS), NUM_BINS)
    np.testing.assert_allclose(masks, expected, atol=1e-5)
    np.testing.assert_allclose(masks.sum(axis=1), 1.0, atol=1e-6)
    assert np.abs(np.diff(masks, axis=0)).max() > 0.01  # the toy hears something


def test_a_band_has_the_power_of_its_bins_and_one_mask(tmp_path: Path, rng: np.random.Generator) -> None:
    import onnxruntime

    edges = [0, 1, 2, 7, 300, 768]
    graph = toy_graph(bands=len(edges))
    path = save_model(tmp_path / "model.onnx", graph, {**METADATA, "band_edges": ",".join(map(str, edges))})
    power = rng.exponential(0.01, (12, NUM_BINS)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    state = np.zeros(session.get_inputs()[1].shape, np.float32)
    bands = np.add.reduceat(power, edges, axis=1)
    expected = session.run(["masks"], {"power": bands[None], "gru_state": state})[0][0]
    masks = _core.Model(path).masks(power)
    np.testing.assert_allclose(masks, np.repeat(expected, np.diff([*edges, NUM_BINS]), axis=2), atol=1e-5)


def test_bands_that_the_graph_does_not_have_are_refused(tmp_path: Path) -> None:
    path = save_model(tmp_path / "model.onnx", toy_graph(bands=5), {**METADATA, "band_edges": "0,10,20"})
    with pytest.raises(_core.ModelError, match=r"`power` must have shape \(1, T, 3\), not \(1, T, 5\)"):
        _core.Model(path)


def test_masks_start_from_the_initial_states_every_time(toy_model: _core.Model, rng: np.random.Generator) -> None:
    power = rng.exponential(0.01, (20, NUM_BINS)).astype(np.float32)
    first = toy_model.masks(power)
    assert np.array_equal(first, toy_model.masks(power))
    assert not np.array_equal(first[10:], toy_model.masks(power[10:]))
    assert toy_model.masks(power[:0]).shape == (0, len(STEMS), NUM_BINS)


def test_power_may_be_unaligned(toy_model: _core.Model, rng: np.random.Generator) -> None:
    power = rng.exponential(0.01, (5, NUM_BINS)).astype(np.float32)
    unaligned = np.frombuffer(b"x" + power.tobytes(), np.float32, offset=1).reshape(power.shape)
    assert not unaligned.flags.aligned
    assert np.array_equal(toy_model.masks(unaligned), toy_model.masks(power))


@pytest.mark.parametrize("rate", [10**400, 10**5000, -(10**400), float("inf"), float("nan")], ids=lambda _: "")
def test_rates_beyond_all_are_refused_in_words(rate: float, toy_model: _core.Model, toy_model_path: Path) -> None:
    for model in (toy_model, _core.read_model_info(toy_model_path)):
        with pytest.raises(ValueError, match="sample_rate must be between 8000 and 192000 Hz, got "):
            model.latency_samples(rate)
        with pytest.raises(TypeError, match="sample_rate must be a number in Hz, got str"):
            model.latency_samples("48000")  # type: ignore[arg-type]


def test_a_name_may_be_too_long_for_a_file(tmp_path: Path) -> None:
    for read in (_core.Model, _core.read_model_info):
        with pytest.raises(_core.ModelError, match=r"xxx\.onnx: no file can have such a long name"):
            read(tmp_path / f"{'x' * 300}.onnx")


def test_masks_say_what_they_want(toy_model: _core.Model) -> None:
    with pytest.raises(ValueError, match=r"769 bins, got shape \(3, 768\)"):
        toy_model.masks(np.zeros((3, 768), np.float32))
    with pytest.raises(TypeError, match=r"float32.*float64"):
        toy_model.masks(np.zeros((3, NUM_BINS)))  # type: ignore[arg-type]


@pytest.mark.parametrize("key", METADATA)
def test_every_metadata_key_is_needed(key: str, tmp_path: Path) -> None:
    without = {name: value for name, value in METADATA.items() if name != key}
    path = save_model(tmp_path / "model.onnx", toy_graph(), without)
    with pytest.raises(_core.ModelError, match=rf"model\.onnx: metadata has no unbraid\.{key}$"):
        _core.Model(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema_version", "2"),
        ("name", ""),
        ("stems", "speech"),
        ("stems", "speech,,noise"),
        ("stems", "speech,music,music"),
        ("bin_hz", "wide"),
        ("bin_hz", "31,25"),
        ("bin_hz", "nan"),
        ("bin_hz", "40"),
        ("num_bins", "769.5"),
        ("num_bins", "-1"),
        ("num_bins", "99999999999999999999"),
        ("win_seconds", "0"),
        ("hop_seconds", "0.02"),
        ("hop_seconds", "0.032"),
        ("window", "hann"),
        ("lookahead_frames", "-1"),
        ("lookahead_frames", "1 2"),
        ("mask", "complex"),
        ("band_edges", ""),
        ("band_edges", "1,2"),
        ("band_edges", "0,5,3"),
        ("band_edges", "0,1,1"),
        ("band_edges", "0,769"),
        ("band_edges", "0,1;2"),
        ("band_edges", "0,1,"),
        ("band_edges", "0,1.5"),
    ],
)
def test_unusable_metadata_is_refused_by_key_and_file(key: str, value: str, tmp_path: Path) -> None:
    path = save_model(tmp_path / "model.onnx", toy_graph(), {**METADATA, key: value})
    with pytest.raises(_core.ModelError, match=rf"model\.onnx: metadata unbraid\.{key} "):
        _core.Model(path)


def test_other_masks_are_named_as_not_supported(tmp_path: Path) -> None:
    path = save_toy_model(tmp_path / "model.onnx", mask="complex")
    with pytest.raises(_core.ModelError, match='"complex": this version supports only "real" and "embedding"'):
        _core.Model(path)


def test_more_stems_than_the_graph_has_are_refused(tmp_path: Path) -> None:
    path = save_toy_model(tmp_path / "model.onnx", stems="a,b,c,d")
    with pytest.raises(_core.ModelError, match=r"`masks` must have shape \(1, T, 4, 769\), not \(1, T, 3, 769\)"):
        _core.Model(path)


def rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    for tensor in [*graph.input, *graph.output]:
        tensor.name = new if tensor.name == old else tensor.name


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("power", "energy", "no input `power`"),
        ("masks", "gains", "no output `masks`"),
        ("gru_state", "gru_memory", "`gru_memory` is neither `power` nor a `<x>_state`"),
        ("next_gru_state", "gru_state_out", "no output `next_gru_state`"),
    ],
)
def test_a_graph_with_other_names_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    graph = toy_graph()
    rename(graph, old, new)
    with pytest.raises(_core.ModelError, match=message):
        _core.Model(save_model(tmp_path / "model.onnx", graph, METADATA))


def test_an_output_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    graph = toy_graph()
    graph.node.append(helper.make_node("Identity", ["features"], ["extra"]))
    graph.output.append(helper.make_tensor_value_info("extra", TensorProto.FLOAT, None))
    with pytest.raises(_core.ModelError, match="output `extra` is neither"):
        _core.Model(save_model(tmp_path / "model.onnx", graph, METADATA))


def test_a_fixed_number_of_frames_is_refused(tmp_path: Path) -> None:
    graph = toy_graph()
    graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    with pytest.raises(_core.ModelError, match=r"`power` must have shape \(1, T, 769\), not \(1, 1, 769\)"):
        _core.Model(save_model(tmp_path / "model.onnx", graph, METADATA))


def test_a_state_without_a_fixed_shape_is_refused(tmp_path: Path) -> None:
    graph = toy_graph()
    graph.input[1].type.tensor_type.shape.dim[1].dim_param = "B"
    with pytest.raises(_core.ModelError, match="`gru_state` must have a fixed shape"):
        _core.Model(save_model(tmp_path / "model.onnx", graph, METADATA))


def test_another_type_than_float32_is_refused(tmp_path: Path) -> None:
    graph = toy_graph()
    graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    graph.node.insert(0, helper.make_node("Cast", ["power"], ["power_f32"], to=TensorProto.FLOAT))
    graph.node[1].input[0] = "power_f32"
    with pytest.raises(_core.ModelError, match="`power` must be a float32 tensor"):
        _core.Model(save_model(tmp_path / "model.onnx", graph, METADATA))


def test_a_model_that_fails_when_run_is_refused_before_audio(tmp_path: Path) -> None:
    graph = toy_graph()  # a well-typed graph whose lookup is out of range
    index = helper.make_tensor("far", TensorProto.INT64, [1], [10_000])
    graph.initializer.append(index)
    graph.node.append(helper.make_node("Gather", ["loudness", "far"], ["gathered"], axis=2))
    graph.node.append(helper.make_node("Add", ["masks_softmax", "gathered_4d"], ["masks"]))
    graph.initializer.append(helper.make_tensor("axis_3", TensorProto.INT64, [1], [3]))
    graph.node.insert(len(graph.node) - 1, helper.make_node("Unsqueeze", ["gathered", "axis_3"], ["gathered_4d"]))
    softmax = next(node for node in graph.node if node.op_type == "Softmax")
    softmax.output[0] = "masks_softmax"
    with pytest.raises(_core.ModelError, match=r"a trial of its graph failed: .* out of"):
        _core.Model(save_model(tmp_path / "model.onnx", graph, METADATA))


def test_a_missing_file_is_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.onnx"):
        _core.Model(tmp_path / "nothing.onnx")


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        _core.Model(tmp_path)


@pytest.mark.parametrize("kept", [0, 100, 30_000])
def test_a_truncated_file_is_refused(kept: int, toy_model_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.onnx"
    path.write_bytes(toy_model_path.read_bytes()[:kept])
    with pytest.raises(_core.ModelError, match=r"short\.onnx: "):
        _core.Model(path)


def test_garbage_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "garbage.onnx"
    path.write_bytes(rng.bytes(5000))
    with pytest.raises(_core.ModelError, match=r"garbage\.onnx: not an ONNX file, or cut short"):
        _core.Model(path)


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_a_missing_runtime_library_is_named(toy_model_path: Path) -> None:
    code = f"from unbraid import _core; _core.Model({str(toy_model_path)!r})"
    assert run_python(code).returncode == 0
    result = run_python(code, UNBRAID_ORT_LIBRARY="/nowhere/libonnxruntime.so")
    assert result.returncode == 1
    assert "RuntimeError: ONNX Runtime could not be loaded from UNBRAID_ORT_LIBRARY=/nowhere/" in result.stderr


def test_a_library_that_is_not_onnxruntime_is_refused(toy_model_path: Path) -> None:
    code = f"from unbraid import _core; _core.Model({str(toy_model_path)!r})"
    result = run_python(code, UNBRAID_ORT_LIBRARY="libc.so.6")
    assert result.returncode == 1
    assert "RuntimeError: ONNX Runtime could not be loaded" in result.stderr
    assert "OrtGetApiBase" in result.stderr


def test_the_runtime_is_found_without_help(toy_model_path: Path) -> None:
    code = f"""
import os
from unbraid import _core
os.environ.pop("UNBRAID_ORT_LIBRARY", None)
_core.Model({str(toy_model_path)!r})
assert "onnxruntime" not in __import__("sys").modules
"""
    result = run_python(code)
    assert result.returncode == 0, result.stderr
