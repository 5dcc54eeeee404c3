"""The models at hand: listed without loading them, the broken ones apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import unbraid
from helpers.toy_model import save_toy_model
from unbraid.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNBRAID_MODELS", str(tmp_path))
    save_toy_model(tmp_path / "good.onnx", lookahead_frames="2")
    return tmp_path


def break_model(folder: Path, how: str) -> Path:
    path = folder / "broken.onnx"
    if how == "empty":
        path.write_bytes(b"")
    elif how == "garbage":
        path.write_bytes(b"\xff" * 100)
    elif how == "cut":
        path.write_bytes(save_toy_model(folder / "whole.onnx").read_bytes()[:-100])
        (folder / "whole.onnx").unlink()
    elif how == "folder":
        path.mkdir()
    else:
        save_toy_model(path, win_seconds=how)
    return path


@pytest.mark.parametrize("how", ["empty", "garbage", "cut", "folder", "1e6", "soon", "-1"])
def test_a_broken_file_is_left_out_and_named(folder: Path, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = break_model(folder, how)
    found = unbraid.models()
    assert found["good"].latency_ms == pytest.approx(64)
    assert "broken" not in found
    assert main(["info"]) == 0
    told = capsys.readouterr()
    assert "good: speech, music, noise" in told.out
    assert str(path) in told.err
    with pytest.raises((unbraid.ModelError, OSError), match="broken"):
        unbraid.load_model("broken")


def test_what_a_model_says_never_reaches_the_terminal_raw(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_toy_model(folder / "loud.onnx", license="MIT\x1b[31m", task="one\rtwo")
    save_toy_model(folder / "bad.onnx", mask="real\x1b]0;owned\x07")
    assert main(["info"]) == 0
    told = capsys.readouterr()
    assert "MIT\N{REPLACEMENT CHARACTER}[31m" in told.out
    assert "bad.onnx" in told.err
    assert not set("\x1b\x07\r") & set(told.out + told.err)


def test_listing_needs_no_runtime(folder: Path) -> None:
    code = "import json, unbraid; print(json.dumps({name: str(m.path) for name, m in unbraid.models().items()}))"
    environment = {**os.environ, "UNBRAID_ORT_LIBRARY": str(folder / "nowhere.so")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["good"] == str(folder / "good.onnx")


def test_importing_leaves_the_environment_alone() -> None:
    code = "import os; before = dict(os.environ); import unbraid; assert dict(os.environ) == before"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("UNBRAID_", "ORT_"))}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    ("forks", "work"),
    [
        (5, "unbraid.registry._loaded.clear(); unbraid.load_model('good')"),
        (100, "unbraid.Separator(48000, 1, model).process(block)"),
        (100, "separator.process(block)"),
        (100, "model.masks(power)"),
    ],
)
def test_a_fork_while_others_use_a_model_leaves_the_child_free(forks: int, work: str, folder: Path) -> None:
    """A child finds no lock of ONNX Runtime's taken by a thread that it does not have."""
    code = f"""
import os, threading, time, warnings, numpy as np, unbraid
warnings.simplefilter("ignore")
stop = threading.Event()
model = unbraid.load_model("good")
block = np.ones(5000, np.float32)
power = np.ones((4, model.num_bins), np.float32)

def use():
    separator = unbraid.Separator(48000, 1, model)
    while not stop.is_set():
        {work}

threads = [threading.Thread(target=use) for _ in range(2)]
for thread in threads:
    thread.start()
hung = 0
for _ in range({forks}):
    time.sleep(0.01)
    child = os.fork()
    if child == 0:
        separator = unbraid.Separator(48000, 1, model)
        {work}
        os._exit(0)
    end = time.monotonic() + 10
    while not (done := os.waitpid(child, os.WNOHANG)[0]) and time.monotonic() < end:
        time.sleep(0.001)
    if not done:
        hung += 1
        os.kill(child, 9)
        os.waitpid(child, 0)
        break
stop.set()
for thread in threads:
    thread.join()
print(hung)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "0\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_a_fork_streams_go_on(folder: Path) -> None:
    code = """
import os, numpy as np, unbraid
separator = unbraid.Separator(48000, 1, "good")
audio = np.ones(50000, np.float32)
expected = separator.process(audio, reset=True)
child = os.fork()
same = np.array_equal(separator.process(audio, reset=True), expected)
os._exit(not same) if child == 0 else print(same, os.waitpid(child, 0)[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "True 0\n"


def test_one_file_that_is_no_text_spoils_no_list(folder: Path) -> None:
    path = save_toy_model(folder / "bad.onnx", task="TASK")
    path.write_bytes(path.read_bytes().replace(b"TASK", b"\xff" * 4))
    found = unbraid.models()
    assert "good" in found
    assert "bad" not in found
