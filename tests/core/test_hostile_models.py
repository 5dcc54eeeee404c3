"""A stranger's model: refused before ONNX Runtime sees it, refused by its trial, or stopped while it runs."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from helpers.hostile_model import endless_graph, wrong_masks_graph
from helpers.toy_model import METADATA, save_model, save_toy_model, toy_graph
from unbraid import _core


def load(graph: onnx.GraphProto, folder: Path, **metadata: str) -> _core.Model:
    return _core.Model(save_model(folder / "model.onnx", graph, {**METADATA, **metadata}))


# What its file says.


@pytest.mark.parametrize(
    "name",
    [
        "../../outside",
        "/etc/passwd",
        "a b",
        "Speech",
        "a.b",
        "a\\b",
        "naïve",
        "",
        "x" * 33,
        "a\n",
        "a\0",
        "\x1b[31m",
        "a=",
    ],
)
def test_a_stem_has_a_plain_name(name: str, tmp_path: Path) -> None:
    path = save_toy_model(tmp_path / "model.onnx", stems=f"speech,music,{name}")
    for read in (_core.read_model_info, _core.Model):
        with pytest.raises(_core.ModelError, match=r"unbraid\.stems .*a-z"):
            read(path)


def test_stems_may_be_called_anything_plain(tmp_path: Path) -> None:
    path = save_toy_model(tmp_path / "model.onnx", stems=f"-,0_a,{'x' * 32}")
    assert _core.Model(path).stem_names == ("-", "0_a", "x" * 32)


@pytest.mark.parametrize("where", ["key", "value"])
def test_what_is_no_utf8_is_refused(where: str, tmp_path: Path) -> None:
    path = save_toy_model(tmp_path / "model.onnx", remark_="REMARK")
    old = b"remark_" if where == "key" else b"REMARK"
    path.write_bytes(path.read_bytes().replace(old, b"\xff" * len(old)))
    for read in (_core.read_model_info, _core.Model):
        with pytest.raises(_core.ModelError, match="is no UTF-8 text"):
            read(path)


def test_no_message_controls_a_terminal(tmp_path: Path) -> None:
    controls = "\x1b]0;owned\x07\u202e\x9b"
    graph = toy_graph()
    graph.input[1].name = graph.node[4].input[5] = f"mem{controls}"
    graph.node[2].name = "second" + controls
    graph.node[2].op_type = "Nothing" + controls
    attempts: list[Callable[[], object]] = [
        lambda: load(toy_graph(), tmp_path, mask=f"real{controls}"),
        lambda: load(toy_graph(), tmp_path, stems=f"a,b,{controls}"),
        lambda: load(graph, tmp_path),
    ]
    for attempt in attempts:
        with pytest.raises(_core.ModelError) as caught:
            attempt()
        assert "\N{REPLACEMENT CHARACTER}" in str(caught.value)
        assert not set(controls) & {character for character in str(caught.value) if not character.isprintable()}


# What it takes.


@pytest.mark.parametrize("shape", [(1, 1 << 40), (1 << 32, 1 << 32), (1 << 24, 2), ((1 << 62), 4)])
def test_states_have_bounds(shape: tuple[int, ...], tmp_path: Path) -> None:
    graph = toy_graph()
    graph.node.append(helper.make_node("Identity", ["huge_state"], ["next_huge_state"]))
    graph.input.append(helper.make_tensor_value_info("huge_state", TensorProto.FLOAT, shape))
    graph.output.append(helper.make_tensor_value_info("next_huge_state", TensorProto.FLOAT, shape))
    with pytest.raises(_core.ModelError, match="its states are more than 256, or have more than 16777216 values"):
        load(graph, tmp_path)


def test_so_does_their_number(tmp_path: Path) -> None:
    graph = toy_graph()
    for i in range(256):  # and one that it has
        graph.node.append(helper.make_node("Identity", [f"{i}_state"], [f"next_{i}_state"]))
        graph.input.append(helper.make_tensor_value_info(f"{i}_state", TensorProto.FLOAT, [1]))
        graph.output.append(helper.make_tensor_value_info(f"next_{i}_state", TensorProto.FLOAT, [1]))
    with pytest.raises(_core.ModelError, match="its states are more than 256"):
        load(graph, tmp_path)


@pytest.mark.parametrize(
    ("entries", "key"),
    [
        ({"lookahead_frames": "624"}, "lookahead_frames"),
        ({"lookahead_frames": "2700000"}, "lookahead_frames"),
        ({"win_seconds": "1e6", "hop_seconds": "5e5"}, "win_seconds"),
        ({"hop_seconds": "0.001"}, "hop_seconds"),
        ({"stems": ",".join(f"s{i}" for i in range(33))}, "stems"),
    ],
)
def test_what_it_says_of_itself_has_bounds(entries: dict[str, str], key: str, tmp_path: Path) -> None:
    path = save_toy_model(tmp_path / "model.onnx", **entries)
    for read in (_core.read_model_info, _core.Model):
        with pytest.raises(_core.ModelError, match=rf"unbraid\.{key}"):
            read(path)


def test_ten_seconds_are_not_too_late(tmp_path: Path) -> None:
    path = save_toy_model(tmp_path / "model.onnx", lookahead_frames="623")
    assert _core.Model(path).latency_samples(48000) == 10 * 48000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_never_ends_is_no_model(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "zero.onnx").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        for read in (_core.read_model_info, _core.Model):
            with pytest.raises(_core.ModelError, match=rf"{name}\.onnx: not a regular file"):
                read(tmp_path / f"{name}.onnx")


# Data outside of its file.


def external(tensor: onnx.TensorProto) -> onnx.TensorProto:
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "/etc/passwd", "offset": "0", "length": "16"}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def outside() -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "outside")
    tensor.ClearField("raw_data")
    return external(tensor)


def inside() -> onnx.TensorProto:
    return numpy_helper.from_array(np.zeros(4, np.float32), "inside")


def sparse(values: onnx.TensorProto, indices: onnx.TensorProto, dims: list[int]) -> onnx.SparseTensorProto:
    return helper.make_sparse_tensor(values, indices, dims)


def subgraph(tensor: onnx.TensorProto) -> onnx.GraphProto:
    output = helper.make_tensor_value_info("x", TensorProto.FLOAT, None)
    return helper.make_graph([helper.make_node("Identity", [tensor.name], ["x"])], "branch", [], [output], [tensor])


def models_with_outside_data() -> Iterator[tuple[str, onnx.ModelProto]]:
    def model(name: str) -> tuple[str, onnx.ModelProto]:
        made = helper.make_model(toy_graph(), opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        helper.set_model_props(made, {f"unbraid.{key}": value for key, value in METADATA.items()})
        return name, made

    def constant(**attribute: object) -> onnx.NodeProto:
        return helper.make_node("Constant", [], ["unused"], **attribute)

    indices = numpy_helper.from_array(np.arange(4), "indices")
    for name, change in {
        "an initializer": lambda m: m.graph.initializer.append(outside()),
        "its weights": lambda m: external(m.graph.initializer[0]),
        "location without a place": lambda m: setattr(m.graph.initializer[0], "data_location", TensorProto.EXTERNAL),
        "a place without location": lambda m: m.graph.initializer[0].external_data.add(key="location", value="x"),
        "sparse values": lambda m: m.graph.sparse_initializer.append(sparse(outside(), indices, [9])),
        "sparse indices": lambda m: m.graph.sparse_initializer.append(sparse(inside(), external(indices), [9])),
        "a constant": lambda m: m.graph.node.append(constant(value=outside())),
        "a sparse constant": lambda m: m.graph.node.append(constant(sparse_value=sparse(outside(), indices, [9]))),
        "a list of tensors": lambda m: m.graph.node.append(
            helper.make_node("X", [], ["x"], many=[inside(), outside()])
        ),
        "a subgraph": lambda m: m.graph.node.append(
            helper.make_node("If", ["c"], ["y"], then_branch=subgraph(outside()))
        ),
        "a list of graphs": lambda m: m.graph.node.append(helper.make_node("X", [], ["x"], many=[subgraph(outside())])),
        "a subgraph's subgraph": lambda m: m.graph.node.append(
            helper.make_node("If", ["c"], ["y"], then_branch=nested(subgraph(outside())))
        ),
        "a function": lambda m: m.functions.append(
            helper.make_function("own", "f", [], ["unused"], [constant(value=outside())], [helper.make_opsetid("", 17)])
        ),
        "a function's default": lambda m: m.functions.add(name="f", domain="own").attribute_proto.append(
            helper.make_attribute("t", outside())
        ),
        "training": lambda m: m.training_info.add().initialization.initializer.append(outside()),
        "more training": lambda m: m.training_info.add().algorithm.initializer.append(outside()),
    }.items():
        made = model(name)
        change(made[1])
        yield made


def nested(graph: onnx.GraphProto) -> onnx.GraphProto:
    inner = helper.make_node("If", ["c"], ["x"], else_branch=graph)
    return helper.make_graph([inner], "outer", [], [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)])


@pytest.mark.parametrize(
    "model", [pytest.param(model, id=name.replace(" ", "-")) for name, model in models_with_outside_data()]
)
def test_data_outside_of_the_file_is_refused(model: onnx.ModelProto, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(_core.ModelError, match=r"model\.onnx: tensor `.*` keeps its data outside of the file"):
        _core.Model(path)


def field(number: int, value: bytes | int) -> bytes:
    """One of a message of Protocol Buffers."""

    def varint(n: int) -> bytes:
        return bytes([n & 0x7F | 0x80]) + varint(n >> 7) if n > 0x7F else bytes([n])

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def test_a_number_that_is_cut_to_32_bits_is_no_way_around(toy_model_path: Path, tmp_path: Path) -> None:
    tensor = field(14, 1 << 32 | 1)  # EXTERNAL to a reader of enums
    path = tmp_path / "model.onnx"
    path.write_bytes(toy_model_path.read_bytes() + field(7, field(5, tensor)))
    with pytest.raises(_core.ModelError, match=r"cut short|outside of the file"):
        _core.Model(path)
    function = field(25, field(7, field(5, field(5, tensor))))
    path.write_bytes(toy_model_path.read_bytes() + function)
    with pytest.raises(_core.ModelError, match="outside of the file"):
        _core.Model(path)


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    graph = b""
    for _ in range(100_000 // 20):
        graph = field(1, field(5, field(6, graph)))
    path = save_toy_model(tmp_path / "model.onnx")
    path.write_bytes(path.read_bytes() + field(20, field(1, graph)))
    with pytest.raises(_core.ModelError, match="nested too deeply"):
        _core.Model(path)


@pytest.mark.parametrize("dims", [[1 << 20, 1 << 20], [1 << 32, 1 << 32], [-1], [(1 << 28) + 1], [1 << 28]])
def test_tensors_have_bounds(dims: list[int], tmp_path: Path) -> None:
    graph = toy_graph()
    values, indices = inside(), numpy_helper.from_array(np.arange(4), "indices")
    graph.sparse_initializer.append(sparse(values, indices, dims))  # a few bytes that become a whole tensor
    with pytest.raises(_core.ModelError, match="its tensors have more than 268435456 values"):
        load(graph, tmp_path)


def test_a_file_that_poses_as_the_runtimes_own_format_is_read_as_onnx(toy_model_path: Path, tmp_path: Path) -> None:
    disguise = b"\xa2\x06\x05xORTM"  # a field that nobody knows; the other format has its mark at byte 4
    assert disguise[4:] == b"ORTM"
    path = tmp_path / "model.onnx"
    path.write_bytes(disguise + toy_model_path.read_bytes())
    assert _core.Model(path).name == "toy"


# What it does.


@pytest.mark.parametrize("spoil", [float("nan"), float("inf"), -float("inf"), 1.5, -0.9, 1e30])
def test_a_trial_finds_what_are_no_masks(spoil: float, tmp_path: Path) -> None:
    with pytest.raises(_core.ModelError, match=r"a trial of its graph failed: .* between 0 and 1"):
        load(wrong_masks_graph(spoil), tmp_path)


@pytest.mark.parametrize("spoil", [float("nan"), float("inf"), 1.5, -0.9])
def test_later_they_are_an_error_until_reset(spoil: float, tmp_path: Path, rng: np.random.Generator) -> None:
    model = load(wrong_masks_graph(spoil, after_hops=20), tmp_path)
    audio = rng.uniform(-1, 1, (1, 40 * 768)).astype(np.float32)
    for stream in (_core.Separator(48000, 1, model), _core.Remixer(48000, 1, model, [1, 1, 0])):
        sound = stream.process(audio[:, : 19 * 768])
        with pytest.raises(RuntimeError, match="masks are not all between 0 and 1"):
            stream.process(audio)
        with pytest.raises(RuntimeError, match="reset"):
            stream.process(audio)
        stream.reset()
        np.testing.assert_array_equal(stream.process(audio[:, : 19 * 768]), sound)


def test_a_trial_ends_and_leaves_other_threads_alone(tmp_path: Path) -> None:
    ticks, stop = [0], threading.Event()

    def tick() -> None:
        while not stop.wait(0.01):
            ticks[0] += 1

    other = threading.Thread(target=tick)
    other.start()
    started = time.monotonic()
    try:
        with pytest.raises(_core.ModelError, match="a trial of its graph did not end in time"):
            load(endless_graph(), tmp_path)
    finally:
        stop.set()
        other.join()
    assert time.monotonic() - started < 30
    assert ticks[0] > 20


@pytest.mark.parametrize("call", ["process", "masks"])
def test_a_run_that_does_not_end_is_ended(call: str, tmp_path: Path) -> None:
    model = load(endless_graph(after_hops=20), tmp_path)
    stream = _core.Separator(48000, 1, model)
    audio, power = np.zeros((1, 48000), np.float32), np.zeros((30, 769), np.float32)
    with pytest.raises(RuntimeError, match="a run of the model did not end in time"):
        stream.process(audio) if call == "process" else model.masks(power)
    stream.reset()
    stream.process(np.zeros((1, 10 * 768), np.float32))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
@pytest.mark.parametrize("call", ["process", "masks"])
def test_a_long_call_hears_signals(call: str, toy_model: _core.Model) -> None:
    class RangError(Exception):
        pass

    def ring(number: int, frame: object) -> None:
        raise RangError

    stream = _core.Separator(8000, 1, toy_model)
    audio, power = np.zeros((1, 8000 * 3600), np.float32), np.zeros((50_000, 769), np.float32)
    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(RangError):
            stream.process(audio) if call == "process" else toy_model.masks(power)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if call == "process":
        with pytest.raises(RuntimeError, match="reset"):
            stream.process(audio[:, :1])
