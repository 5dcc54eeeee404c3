"""The textbook's network: it learns from a folder of recordings, and its file runs in the core as in Keras."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

for package in ("keras", "torch", "onnx", "scipy", "soundfile", "soxr", "pyroomacoustics"):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs {package}: pip install 'unbraid[train]' keras==3.15.1", allow_module_level=True)

import unbraid  # noqa: E402
from helpers import ROOT  # noqa: E402
from helpers.audio import write  # noqa: E402
from helpers.toy_corpus import SOUNDS  # noqa: E402
from unbraid.cli.commands import run_command  # noqa: E402
from unbraid.training.export import ExportError  # noqa: E402

# What Keras and torch warn of themselves is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")

RATE = 48000


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The script as a module, small; Keras keeps its settings in a folder of the test's."""
    patch = pytest.MonkeyPatch()
    patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
    patch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "torch"))
    spec = importlib.util.spec_from_file_location("textbook_crnn", ROOT / "examples/textbook_crnn.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in {"FILTERS": 12, "UNITS": 16, "SECONDS": 0.5, "BATCH": 4, "WARMUP_STEPS": 2}.items():
        patch.setattr(module, name, value)
    yield module
    patch.undo()


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stems")
    rng = np.random.default_rng(1)
    for name, kind in {"tones": "music", "hiss": "noise"}.items():
        for take in range(2):
            (folder / name).mkdir(exist_ok=True)
            write(folder / name / f"{take}.wav", SOUNDS[kind](rng, 16000, 1.0 + take)[None], 16000)
    return folder


def run(example: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["textbook_crnn.py", *map(str, arguments)])
    example.main()


def test_recordings_become_a_model_that_runs_everywhere(
    example: ModuleType, stems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "textbook.onnx"
    run(example, monkeypatch, stems, path, "--minutes", "0.05")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["textbook.onnx"]
    found = unbraid.check_model(path)
    assert found.problems == ()
    assert found.states == {"past_state": (1, 3, 160), "lstm_h_state": (1, 1, 16), "lstm_c_state": (1, 1, 16)}
    assert found.looks_ahead is False
    assert found.info
    assert found.info.stem_names == ("hiss", "tones")
    assert found.info.latency_ms == pytest.approx(32)

    rng = np.random.default_rng(2)
    mixture = (SOUNDS["music"](rng, RATE, 1.0) + SOUNDS["noise"](rng, RATE, 1.0))[None]
    parts = unbraid.separate(mixture, RATE, path)
    np.testing.assert_allclose(sum(parts.values()), mixture, atol=1e-6)
    write(tmp_path / "in.wav", mixture, RATE)
    assert run_command(["remix", str(tmp_path / "in.wav"), str(tmp_path / "out.wav"), "--model", str(path)]) == 0
    try:
        plugin = unbraid.load_plugin(model=path, hiss_db="mute")
    except FileNotFoundError:
        return  # this build has no plug-in
    np.testing.assert_allclose(plugin(mixture, RATE), parts["tones"], atol=1e-5)


def test_the_loss_falls(example: ModuleType, stems: Path) -> None:
    example.keras.utils.set_random_seed(1)
    recordings = [example.read_recordings(stems / name) for name in ("hiss", "tones")]
    heard, truth = next(example.from_folder(recordings, seed=1))
    assert heard.shape[1] == truth.shape[1] + example.PAST
    network = example.build_network(2)
    network.compile(example.keras.optimizers.Adam(1e-2), loss=example.mask_loss)
    losses = [network.train_on_batch(heard, truth) for _ in range(20)]
    assert losses[-1] < losses[0] - 3  # dB


def test_what_is_learnt_from_adds_up(example: ModuleType, stems: Path) -> None:
    """P is what the stems' shares of it sum to; the ideal mask of a lone stem has no error."""
    recordings = [example.read_recordings(stems / name) for name in ("hiss", "tones")]
    _, truth = next(example.from_folder(recordings, seed=3))
    mixture, cross, own = truth[:, :, 0], truth[:, :, 1:3], truth[:, :, 3:]
    np.testing.assert_allclose(cross.sum(axis=2), mixture, rtol=1e-3, atol=1e-4 * mixture.max())
    assert (own >= 0).all()
    again = next(example.from_folder(recordings, seed=3))[1]
    np.testing.assert_array_equal(truth, again)


def test_a_corpus_will_do(example: ModuleType, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "SECONDS", 1.0)
    run(example, monkeypatch, corpus, tmp_path / "textbook.onnx", "--minutes", "0.02")
    assert unbraid.load_model(tmp_path / "textbook.onnx").stem_names == ("speech", "music", "noise")


def test_masks_that_differ_leave_no_file(example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "LOG_MEAN", 0.0)  # what the network was built with is another
    network = example.build_network(2)
    monkeypatch.setattr(example, "LOG_MEAN", -14.0)
    with pytest.raises(ExportError, match="masks differ by"):
        example.export(network, tmp_path / "textbook.onnx", ["a", "b"], {}, "nothing")
    assert not list(tmp_path.iterdir())


def test_what_is_no_folder_of_stems_is_told(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "speech").mkdir()
    with pytest.raises(SystemExit):
        run(example, monkeypatch, tmp_path, tmp_path / "out.onnx")
    assert "expected a folder for each of two stems or more, found ['speech']" in capsys.readouterr().err
    (tmp_path / "music").mkdir()
    with pytest.raises(ValueError, match="expected recordings of the stem 'music', found none"):
        run(example, monkeypatch, tmp_path, tmp_path / "out.onnx")
