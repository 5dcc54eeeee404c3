"""How commands end: by signals at any moment, with broken streams; and that nothing half-done is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, read_audio, soft_noise, write
from helpers.shell import Shell
from unbraid import cli

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and streams differ")

RATE = 16000
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]


@pytest.fixture
def long(shell: Shell) -> Path:
    return write(shell.folder / "long.flac", np.zeros((1, 3600 * RATE), np.float32), RATE)


@pytest.fixture
def talk(shell: Shell, rng: np.random.Generator) -> Path:
    return write(shell.folder / "talk.wav", soft_noise(rng, 2, RATE), RATE)


def start(shell: Shell, *arguments: str, ignoring: signal.Signals | None = None) -> subprocess.Popen[str]:
    """Starts a command and waits until it writes."""

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a job in a shell's background starts with it ignored
        if ignoring:
            signal.signal(ignoring, signal.SIG_IGN)

    process = shell.start(*arguments, prepare=prepare)
    deadline = time.monotonic() + 30
    while not list(shell.folder.rglob("*.part")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_leaves_nothing(shell: Shell, long: Path, number: signal.Signals) -> None:
    with start(shell, "separate", "long.flac", "--model", "toy") as process:
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert (stdout, stderr) == ("", "unbraid: interrupted\n" if number == signal.SIGINT else "")
    assert [path.name for path in shell.folder.iterdir()] == ["long.flac"]


def test_of_several_signals_the_first_counts(shell: Shell, long: Path) -> None:
    with start(shell, "separate", "long.flac", "--model", "toy") as process:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):  # as from a terminal that closes
            process.send_signal(number)
            time.sleep(0.01)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode in (128 + signal.SIGHUP, 128 + signal.SIGTERM)  # two at once: the lower number
    assert "Traceback" not in stderr
    assert [path.name for path in shell.folder.iterdir()] == ["long.flac"]


def test_an_ignored_signal_stays_ignored(shell: Shell, rng: np.random.Generator) -> None:
    """As `nohup` asks for."""
    write(shell.folder / "some.wav", soft_noise(rng, 1, 60 * RATE), RATE)
    with start(shell, "remix", "some.wav", "out.wav", "--model", "toy", ignoring=signal.SIGHUP) as process:
        process.send_signal(signal.SIGHUP)
        assert process.communicate(timeout=30) == ("out.wav\n", "")
    assert process.returncode == 0


def test_a_killed_run_is_cleaned_up_after(shell: Shell, long: Path, talk: Path) -> None:
    with start(shell, "separate", "long.flac", "--model", "toy") as process:
        process.kill()
    assert list(shell.folder.rglob("*.part"))
    assert shell.run("separate", "talk.wav", "--model", "toy").returncode == 0
    assert list(shell.folder.rglob("*.part")) == []
    assert not (shell.folder / "stems" / "long").exists()


@pytest.mark.parametrize(
    ("number", "module", "hidden"),
    [
        *((number, "numpy", False) for number in SIGNALS),
        (signal.SIGINT, "click", False),
        (signal.SIGINT, "pedalboard", False),
        (signal.SIGTERM, "pedalboard", True),
    ],
)
def test_a_signal_at_start_up(shell: Shell, talk: Path, number: signal.Signals, module: str, hidden: bool) -> None:
    """While modules are imported; C code among them makes an ImportError of what a signal's handler raises."""
    program = f"""
import os, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            try:
                os.kill(os.getpid(), {int(number)})
            except BaseException as error:
                if {hidden}:
                    raise ImportError("initialization failed") from error
                raise
sys.meta_path.insert(0, Interrupting())
from unbraid.cli import main
sys.exit(main(["separate", "talk.wav", "talk.wav", "--model", "toy"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shell.folder,
        env=shell.environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert done.returncode == 128 + number
    assert done.stderr == ("unbraid: interrupted\n" if number == signal.SIGINT else "")
    assert shell.files() == ["talk.wav"]


def test_handlers_are_put_back(capfd: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    assert cli.main(["--version"]) == 0
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("error", [RuntimeError, OSError, ImportError, MemoryError, AssertionError])
def test_errors_that_nobody_expects_are_a_line(
    error: type[Exception], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("this\nhappened")

    monkeypatch.setattr(unbraid.plugin, "install", fail)
    assert cli.main(["plugin", "install"]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("unbraid: ")
    assert "this happened" in line


@pytest.mark.parametrize("call", ["separate talk.wav", "remix talk.wav out.wav"])
def test_without_a_runtime_it_says_so(shell: Shell, talk: Path, call: str) -> None:
    shell.environment["UNBRAID_ORT_LIBRARY"] = str(shell.folder / "gone.so")
    assert "ONNX Runtime could not be loaded" in shell.fails(1, *call.split(), "--model", "toy")


def test_help_needs_no_runtime(shell: Shell) -> None:
    shell.environment["UNBRAID_ORT_LIBRARY"] = str(shell.folder / "gone.so")
    assert "--model" in shell.run("remix", "--help", "--model", "toy").stdout


@pytest.mark.parametrize("call", ["--help", "separate talk.wav --model toy"])
def test_a_broken_pipe_is_quiet(shell: Shell, talk: Path, call: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = shell.run(*call.split(), prepare=lambda: os.dup2(writing, 1))
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("call", ["info", "separate talk.wav --model toy"])
def test_output_that_cannot_be_printed_is_told(shell: Shell, talk: Path, call: str) -> None:
    done = shell.run(*call.split(), prepare=lambda: os.dup2(os.open("/dev/full", os.O_WRONLY), 1))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "No space left on device" in line


def test_no_output_file_takes_the_number_of_a_closed_stream(shell: Shell, talk: Path, toy_model: unbraid.Model) -> None:
    (shell.folder / "board.py").write_text(
        "import os\n"
        "class Chatter:\n"
        "    def process(self, audio, sample_rate, buffer_size, reset):\n"
        "        for stream in (0, 1, 2):\n"
        "            os.write(stream, b'a library says something')\n"
        "        return audio\n"
        "chatter = Chatter()\n"
    )
    call = "remix talk.wav out.wav --model toy --chain music=board.py:chatter"
    done = shell.run(*call.split(), prepare=lambda: os.closerange(0, 3))
    assert done.returncode == 0
    expected: Audio = unbraid.StemRack({}, toy_model).process(read_audio(talk), RATE)
    np.testing.assert_array_equal(read_audio(shell.folder / "out.wav"), expected)
