"""The command line as users meet it: `python -m unbraid` in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pedalboard import Delay, Gain

import unbraid
from helpers.audio import Audio, read_audio, soft_noise, write
from unbraid.files.formats import KNOWN_FORMATS

RATE = 16000


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "unbraid", *map(str, arguments)]


class Shell:
    """Runs commands in a folder, with the toy model in the place of installed ones."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {"UNBRAID_MODELS": str(models)}

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    def fails(self, code: int, *arguments: str | Path) -> str:
        """The one line it says on failing."""
        done = self.run(*arguments)
        assert done.returncode == code, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("unbraid: ")
        return line.removeprefix("unbraid: ")

    def files(self) -> list[str]:
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if p.is_file())


@pytest.fixture
def shell(tmp_path: Path, toy_model_path: Path) -> Shell:
    return Shell(tmp_path, toy_model_path.parent)


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    return soft_noise(rng, 2, 2 * RATE + 1)


@pytest.fixture
def talk(tmp_path: Path, audio: Audio) -> Path:
    return write(tmp_path / "talk.wav", audio, RATE)


def test_separate(shell: Shell, talk: Path, toy_model: unbraid.Model) -> None:
    done = shell.run("separate", "talk.wav", "--model", "toy")
    assert (done.returncode, done.stderr) == (0, "")
    paths = done.stdout.split()
    assert paths == [f"stems/talk/{name}.wav" for name in ("speech", "music", "noise")]
    expected = unbraid.separate(read_audio(talk), RATE, toy_model)
    for path, stem in zip(paths, expected.values(), strict=True):
        np.testing.assert_array_equal(read_audio(shell.folder / path), stem)


def test_separate_options(shell: Shell, talk: Path, toy_model_path: Path) -> None:
    arguments = ("separate", talk, "-o", "out", "--stems", "music,speech", "--format", "flac")
    done = shell.run(*arguments, "--model", toy_model_path, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert shell.files() == ["out/talk/music.flac", "out/talk/speech.flac", "talk.wav"]


def test_existing_files_need_force(shell: Shell, talk: Path) -> None:
    arguments = ("separate", "talk.wav", "--stems", "music", "--model", "toy")
    assert shell.run(*arguments).returncode == 0
    assert shell.fails(1, *arguments).startswith("talk.wav: stems/talk/music.wav: exists already")
    assert shell.run(*arguments, "--force").returncode == 0


def test_wildcards_and_names_given_twice(shell: Shell, audio: Audio) -> None:
    for name in ("a.wav", "b.flac", "c[1].wav"):
        write(shell.folder / name, audio, RATE)
    done = shell.run("separate", "*.wav", "./a.wav", "?.flac", "c[1].wav", "--stems", "noise", "--model", "toy")
    assert done.returncode == 0
    assert done.stdout.split() == [f"stems/{name}/noise.wav" for name in ("a", "c[1]", "b")]


def test_one_failure_does_not_stop_the_rest(shell: Shell, talk: Path) -> None:
    (shell.folder / "text.wav").write_text("hello")
    done = shell.run("separate", "text.wav", "none*.wav", "talk.wav", "--model", "toy")
    assert done.returncode == 1
    assert len(done.stdout.split()) == 3
    assert done.stderr.splitlines() == [
        f"unbraid: text.wav: not an audio file of a known format; {KNOWN_FORMATS}",
        "unbraid: none*.wav: No such file or directory",
    ]


def test_inputs_must_not_share_a_folder(shell: Shell, talk: Path) -> None:
    message = shell.fails(2, "separate", "talk.wav", "talk.mp3", "--model", "toy")
    assert message.startswith("talk.wav and talk.mp3 would both be written to stems/talk;")
    assert shell.files() == ["talk.wav"]


def test_a_file_alone_is_separated(shell: Shell, talk: Path) -> None:
    done = shell.run("talk.wav", "--model", "toy")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [f"stems/talk/{stem}.wav" for stem in ("speech", "music", "noise")]
    done = shell.run("gone.wav", "--model", "toy")
    assert done.returncode == 2
    assert "No such command 'gone.wav'" in done.stderr


def test_remix(shell: Shell, talk: Path, toy_model: unbraid.Model) -> None:
    arguments = ("--speech", "3", "--music", "-12.5", "--noise", "mute", "--model", "toy")
    done = shell.run("remix", "talk.wav", "out.wav", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "out.wav\n", "")
    gains = {"speech_db": 3, "music_db": -12.5, "noise_db": "mute"}
    expected = unbraid.remix(read_audio(talk), RATE, toy_model, **gains)
    np.testing.assert_array_equal(read_audio(shell.folder / "out.wav"), expected)


def test_remix_takes_options_anywhere(shell: Shell, talk: Path) -> None:
    done = shell.run("remix", "--model=toy", "--music=-inf", "talk.wav", "--noise", "-3", "out.wav")
    assert done.returncode == 0
    done = shell.run("remix", "talk.wav", "same.wav", "--model", "toy")
    assert done.returncode == 0
    np.testing.assert_allclose(read_audio(shell.folder / "same.wav"), read_audio(talk), atol=1e-6)


def test_remix_through_chains(shell: Shell, talk: Path, toy_model: unbraid.Model) -> None:
    (shell.folder / "board.py").write_text(
        "from pedalboard import Delay, Pedalboard\nroom = Pedalboard([Delay(0.01)])\nrooms = [room, room]\n"
    )
    arguments = ("--chain", "speech=board.py:room", "--speech", "-6", "--noise", "mute", "--model", "toy")
    done = shell.run("remix", "talk.wav", "out.wav", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "out.wav\n", "")
    rack = unbraid.StemRack({"speech": [Delay(0.01), Gain(-6)], "noise": None}, toy_model)
    np.testing.assert_array_equal(read_audio(shell.folder / "out.wav"), rack.process(read_audio(talk), RATE))


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ("speech", "is not of the form"),
        ("speech=gone.py:room", "gone.py: FileNotFoundError"),
        ("speech=board.py:gone", "board.py defines no 'gone'"),
        ("speech=board.py:number", "must be a Pedalboard"),
        ("speech=broken.py:room", "broken.py: ZeroDivisionError"),
        ("vocals=board.py:room", "unknown stem 'vocals'; this model has speech, music, noise"),
    ],
)
def test_wrong_chains_are_usage_errors(shell: Shell, talk: Path, chain: str, message: str) -> None:
    (shell.folder / "board.py").write_text("import pedalboard\nroom = pedalboard.Gain(1)\nnumber = 3\n")
    (shell.folder / "broken.py").write_text("1 / 0\n")
    done = shell.run("remix", "talk.wav", "out.wav", "--model", "toy", "--chain", chain)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (shell.folder / "out.wav").exists()


def test_clipping_is_told(shell: Shell, talk: Path) -> None:
    done = shell.run("remix", "talk.wav", "out.flac", "--model", "toy", "--speech", "60")
    assert done.returncode == 0
    assert done.stderr.startswith("unbraid: warning: out.flac: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("separate", "Missing argument 'IN...'."),
        ("separate talk.wav --stems vocals --model toy", "unknown stem 'vocals'; this model has"),
        ("separate talk.wav --stems , --model toy", "unknown stem ''"),
        ("separate talk.wav --format mp3 --model toy", "'mp3' is not one of 'wav', 'flac'"),
        ("separate talk.wav --model nosuch", "'--model': no model is called 'nosuch'; installed: "),
        ("separate talk.wav --model no.onnx", "'--model': no model file at no.onnx"),
        ("remix talk.wav --model toy", "Missing argument 'OUT'"),
        ("remix talk.wav out.wav --model nosuch", "'--model': no model is called 'nosuch'"),
        ("remix talk.wav out.wav --vocals 3 --model toy", "No such option"),
        ("remix talk.wav out.wav --music off --model toy", "'off' is neither a gain in dB nor"),
        ("remix talk.wav out.wav --music nan --model toy", "at most 60 dB, got nan"),
        ("remix talk.wav out.mp3 --music 3 --model toy", "OUT must end in .wav or .flac"),
        ("nosuch", "No such command 'nosuch'"),
    ],
)
def test_wrong_usage(shell: Shell, talk: Path, arguments: str, message: str) -> None:
    assert message in shell.fails(2, *arguments.split())
    assert shell.files() == ["talk.wav"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("remix none.wav out.wav", "none.wav: No such file or directory"),
        ("remix talk.wav talk.wav", "talk.wav: the output would overwrite the input"),
        ("remix talk.wav talk.wav/out.wav", "talk.wav: not a directory"),
        ("remix . out.wav", "Is a directory"),
        ("separate talk.wav -o talk.wav", "talk.wav"),
    ],
)
def test_failures_at_work(shell: Shell, talk: Path, arguments: str, message: str) -> None:
    assert message in shell.fails(1, *arguments.split(), "--model", "toy", "--force")
    assert shell.files() == ["talk.wav"]


def test_info(shell: Shell) -> None:
    shown = shell.run("info").stdout
    assert shown.startswith(f"unbraid {unbraid.__version__}, onnxruntime ")
    assert "\ntoy: speech, music, noise\n" in shown
    assert "32.0 ms (1536 samples)" in shown
    assert "31.9 ms (1408 samples)" in shown
    assert "random weights" in shown


def test_info_on_a_file(shell: Shell, toy_model_path: Path) -> None:
    assert "\ntoy: " in shell.run("info", toy_model_path).stdout
    (shell.folder / "text.onnx").write_text("hello")
    assert "text.onnx" in shell.fails(1, "info", "text.onnx")
    assert "no model is called 'nosuch'" in shell.fails(1, "info", "nosuch")


def test_version_and_help(shell: Shell) -> None:
    assert shell.run("--version").stdout == f"unbraid, version {unbraid.__version__}\n"
    assert "separate" in shell.run().stdout
    assert "--music DB|mute" in shell.run("remix", "--help", "--model", "toy").stdout
    assert "--model" in shell.run("remix", "--help", "--model", "nosuch").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "unbraid: interrupted"), (signal.SIGTERM, 143, "")],
)
def test_interruption_leaves_nothing(shell: Shell, number: signal.Signals, code: int, said: str) -> None:
    write(shell.folder / "long.flac", np.zeros((1, 3600 * RATE), np.float32), RATE)
    process = subprocess.Popen(
        command("separate", "long.flac", "--model", "toy"),
        cwd=shell.folder,
        env=shell.environment,
        stderr=subprocess.PIPE,
        text=True,
        # A job in a shell's background starts with it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        deadline = time.monotonic() + 30
        while not list(shell.folder.glob("stems/long/.*.part")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    assert stderr.strip() == said
    assert [path.name for path in shell.folder.iterdir()] == ["long.flac"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_progress_shows_on_a_terminal(shell: Shell, talk: Path) -> None:
    import pty

    main, terminal = pty.openpty()
    environment = shell.environment | {"TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(
        command("separate", "talk.wav", "--model", "toy"),
        cwd=shell.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=terminal,
        check=True,
    )
    os.close(terminal)
    shown = os.read(main, 1 << 16).decode()
    os.close(main)
    assert b"stems/talk/speech.wav" in done.stdout
    assert "talk.wav" in shown
    assert "x real time" in shown
