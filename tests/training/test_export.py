"""Export: torch, ONNX Runtime and the C++ core agree, and what does not agree is not shipped."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="needs the extra [train]")
onnx = pytest.importorskip("onnx", reason="needs the extra [train]")
pytest.importorskip("onnxruntime", reason="needs onnxruntime")

import unbraid  # noqa: E402
from unbraid.training import bands, export  # noqa: E402
from unbraid.training.export import (  # noqa: E402
    ExportError,
    check_packed,
    check_parity,
    load_checkpoint,
    metadata,
    save,
)
from unbraid.training.model import Crnn, CrnnConfig  # noqa: E402
from unbraid.training.weights import pack  # noqa: E402

torch.set_num_threads(1)  # the toys are too small to share out

SMALL = CrnnConfig(channels=(4, 6, 8), sub_hidden=5, full_hidden=16, squeeze=2)
FLAT = CrnnConfig(channels=(4, 4), strides=(2, 4), kernel=3, blocks=1, sub_hidden=3, full_hidden=8, squeeze=1)
WIDE = dataclasses.replace(SMALL, planes=2)


def properties(planes: int = 1) -> dict[str, str]:
    return metadata("toy", ["speech", "music", "noise"], {"step": 3}, "toy sounds", planes)


PROPERTIES = properties()


def random_model(config: CrnnConfig = SMALL, seed: int = 1) -> Crnn:
    """Random weights and, as a trained network has them, batch norms that are far from doing nothing."""
    torch.manual_seed(seed)
    model = Crnn(config)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_()
            module.running_mean.normal_()
            module.running_var.uniform_(0.2, 3)
    model.position.data.normal_()
    return model.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "toy.onnx"
    save(random_model(), path, PROPERTIES)
    return path


@pytest.mark.parametrize(
    "config",
    [SMALL, FLAT, dataclasses.replace(FLAT, low_bands=0), WIDE, dataclasses.replace(WIDE, low_bands=0), CrnnConfig()],
    ids=str,
)
def test_torch_onnx_runtime_and_the_core_agree(tmp_path: Path, config: CrnnConfig) -> None:
    model = random_model(config)
    save(model, tmp_path / "toy.onnx", properties(config.planes))
    differences = check_parity(model, tmp_path / "toy.onnx", num_frames=60)
    assert len(differences) == 3
    assert all(value < 1e-4 for value in differences.values())


def test_frames_one_at_a_time_are_frames_at_once(exported: Path, rng: np.random.Generator) -> None:
    power = (10 ** rng.uniform(-9, 0, (6, 769))).astype(np.float32)
    core = unbraid.Model(exported)
    stream = unbraid.Separator(48000, 1, core)
    blocks = [stream.process(block) for block in np.zeros((2, 4000), np.float32)]
    assert np.isfinite(blocks).all()
    by_onnx = export.run_onnx(exported, bands.band_sum(power))[..., bands.band_of_bin()]
    np.testing.assert_allclose(core.masks(power), by_onnx, atol=1e-5)
    np.testing.assert_allclose(core.masks(power[:2]), core.masks(power)[:2], atol=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        "encoder.0.0.weight",
        "encoder.1.1.running_var",
        "encoder.2.1.bias",
        "position",
        "blocks.0.sub.weight_ih_l0",
        "blocks.0.sub_out.weight",
        "blocks.1.squeeze.weight",
        "blocks.1.full.bias_hh_l0",
        "blocks.1.full_out.bias",
        "blocks.0.expand.weight",
        "low_out.weight",
        "decoder.0.weight",
        "norms.1.running_mean",
        "decoder.2.bias",
    ],
)
def test_a_graph_that_differs_in_one_tensor_is_refused(exported: Path, name: str) -> None:
    model = random_model()
    tensor = model.state_dict()[name]
    tensor += 0.05 * (1 + torch.rand(tensor.shape, generator=torch.Generator().manual_seed(1)))
    with pytest.raises(ExportError, match="masks differ"):
        check_parity(model, exported, num_frames=20)


def test_masks_that_are_no_numbers_are_refused(exported: Path) -> None:
    model = random_model()
    model.position.data[0] = torch.nan
    with pytest.raises(ExportError):
        check_parity(model, exported, num_frames=5)


def test_a_core_that_differs_is_refused(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime reads the right file, the core another."""
    save(random_model(seed=2), tmp_path / "other.onnx", PROPERTIES)
    run_onnx = export.run_onnx
    monkeypatch.setattr(export, "run_onnx", lambda _, power: run_onnx(exported, power))
    with pytest.raises(ExportError, match="torch - core"):
        check_parity(random_model(), tmp_path / "other.onnx", num_frames=20)


def test_packing_quarters_the_file_and_hardly_moves_the_masks(tmp_path: Path) -> None:
    full, packed = tmp_path / "full.onnx", tmp_path / "packed.onnx"
    save(random_model(CrnnConfig()), full, PROPERTIES)
    packed.write_bytes(full.read_bytes())
    pack(packed)
    assert packed.stat().st_size < 0.3 * full.stat().st_size
    (difference,) = check_packed(full, packed, num_frames=20).values()
    assert 0 < difference < export.PACKED_TOLERANCE
    assert unbraid.Model(packed).metadata == unbraid.Model(full).metadata


def widened(path: Path) -> dict[str, NDArray[np.float32]]:
    """The matrices of a packed model file by name, as its own Cast and Mul make them."""
    proto = onnx.load(path)
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    casts = {
        node.output[0]: stored[node.input[0]].astype(np.float32) for node in proto.graph.node if node.op_type == "Cast"
    }
    return {
        node.output[0]: casts[node.input[0]] * stored[node.input[1]]
        for node in proto.graph.node
        if node.op_type == "Mul" and node.input[0] in casts
    }


def test_packed_weights_are_within_half_a_step_of_their_row(exported: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.onnx"
    packed.write_bytes(exported.read_bytes())
    pack(packed)
    proto = onnx.load(exported)
    readers = {name: node.op_type for node in proto.graph.node for name in node.input}
    full = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    matrices = widened(packed)
    assert {readers[name] for name in matrices} >= {"Conv", "ConvTranspose", "Gemm", "LSTM"}
    for name, matrix in matrices.items():
        axis = 1 if readers[name] in ("LSTM", "ConvTranspose") else 0
        others = tuple(i for i in range(matrix.ndim) if i != axis)
        step = np.abs(full[name]).max(axis=others, keepdims=True) / 127
        assert (np.abs(matrix - full[name]) <= 0.5001 * step).all()


def test_a_packing_that_moves_masks_is_refused(exported: Path, tmp_path: Path) -> None:
    save(random_model(seed=2), tmp_path / "other.onnx", PROPERTIES)
    with pytest.raises(ExportError, match="full - packed"):
        check_packed(exported, tmp_path / "other.onnx", num_frames=20)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = random_model()
    model.state_dict()["blocks.0.full_out.weight"][0, 0] = torch.inf
    save(model, tmp_path / "toy.onnx", PROPERTIES)
    with pytest.raises(ValueError, match="finite"):
        pack(tmp_path / "toy.onnx")


def test_the_model_file_describes_itself(exported: Path) -> None:
    model = unbraid.load_model(exported)
    assert model.stem_names == ("speech", "music", "noise")
    assert (model.bin_hz, model.num_bins) == (31.25, 769)
    assert (model.win_seconds, model.hop_seconds) == (0.032, 0.016)
    assert (model.window, model.mask, model.lookahead_frames) == ("hann_sqrt", "real", 0)
    assert model.latency_samples(48000) == 1536
    assert model.metadata["license"] == "MIT"
    assert model.metadata["training_data"] == "toy sounds"
    assert json.loads(model.metadata["training_run"]) == {"step": 3}


@pytest.mark.parametrize("key", sorted(PROPERTIES.keys() - {"band_edges"}))
def test_every_key_is_needed(tmp_path: Path, key: str) -> None:
    properties = {name: value for name, value in PROPERTIES.items() if name != key}
    save(random_model(), tmp_path / "toy.onnx", properties)
    with pytest.raises(unbraid.ModelError, match=key):
        unbraid.Model(tmp_path / "toy.onnx")


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run, a corpus, and the command line that exports to the path returned."""
    model = random_model()
    state = {"average": model.state_dict(), "config": SMALL.to_dict(), "step": 7, "best": 1.0, "seconds_heard": 7200.0}
    torch.save(state, tmp_path / "best.pt")
    (tmp_path / "config.json").write_text(json.dumps({"train": {"seed": 5}, "torch": torch.__version__}))
    sources = {"a": {"kind": "speech", "hours": 1.5}, "b": {"kind": "speech", "hours": 2}}
    (tmp_path / "summary.json").write_text(json.dumps({"kinds": ["speech", "music", "noise"], "sources": sources}))
    output = tmp_path / "out" / "toy.onnx"
    output.parent.mkdir()
    monkeypatch.setattr("sys.argv", ["export", str(tmp_path), str(output), "--corpus", str(tmp_path)])
    return output


def test_the_command_writes_a_model_that_says_how_it_was_made(arguments: Path) -> None:
    export.main()
    model = unbraid.Model(arguments)
    assert model.name == "toy"
    assert model.metadata["training_data"].startswith("speech 3.5 h")
    run = json.loads(model.metadata["training_run"])
    assert (run["step"], run["hours_heard"], run["seed"]) == (7, 2.0, 5)
    assert [path.name for path in arguments.parent.iterdir()] == ["toy.onnx"]


def test_the_command_leaves_nothing_when_the_check_fails(arguments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(ExportError):
        export.main()
    assert not list(arguments.parent.iterdir())


def test_a_corpus_of_other_stems_is_refused(arguments: Path) -> None:
    summary = arguments.parent.parent / "summary.json"
    summary.write_text(summary.read_text().replace('"music", ', ""))
    with pytest.raises(ExportError, match=r"2 stems, the network of 3"):
        export.main()
    assert not list(arguments.parent.iterdir())


def test_a_checkpoint_gives_its_averaged_network_back(arguments: Path) -> None:
    model, run = load_checkpoint(arguments.parent.parent / "best.pt")
    assert not model.training
    assert run["step"] == 7
    for name, value in random_model().state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value)


def test_of_several_checkpoints_the_mean_is_exported(arguments: Path, tmp_path: Path) -> None:
    path = arguments.parent.parent / "best.pt"
    state = torch.load(path, weights_only=True)
    other = random_model(seed=5).state_dict()
    torch.save(state | {"average": other, "step": 9}, tmp_path / "other.pt")
    mean, run = load_checkpoint(path, tmp_path / "other.pt")
    assert run["step"] == 7
    assert "validation_gain_db" not in run  # nobody has measured the mean's
    assert load_checkpoint(path)[1]["validation_gain_db"] == 1.0
    for name, value in mean.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (state["average"][name] + other[name]) / 2)
