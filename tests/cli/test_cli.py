"""The command line as users meet it: `python -m unbraid` in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from pedalboard import Delay, Gain

import unbraid
from helpers.audio import Audio, read_audio, soft_noise, write
from helpers.shell import Shell, command
from helpers.toy_model import save_toy_model
from unbraid.files.formats import KNOWN_FORMATS

RATE = 16000


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
    assert shell.fails(1, *arguments).endswith("music.wav: exists already; use force (--force) to overwrite it")
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
    more = "what FFmpeg reads besides needs pip install 'unbraid[video]'"
    damaged = "damaged, or unknown to FFmpeg as well (Invalid data found when processing input)"
    told = damaged if find_spec("av") else f"{KNOWN_FORMATS}, {more}"
    assert done.stderr.splitlines() == [
        f"unbraid: text.wav: not an audio file of a known format; {told}",
        "unbraid: none*.wav: No such file or directory",
    ]


def test_brackets_are_a_name_s_own(shell: Shell, audio: Audio) -> None:
    write(shell.folder / "take1.wav", audio, RATE)
    assert shell.fails(1, "separate", "take[1].wav", "--model", "toy") == "take[1].wav: No such file or directory"
    assert shell.files() == ["take1.wav"]
    write(shell.folder / "take[1].wav", audio, RATE)
    done = shell.run("separate", "take[1]*", "--stems", "noise", "--model", "toy")
    assert done.stdout.split() == ["stems/take[1]/noise.wav"]


def test_links_have_outputs_of_their_own(shell: Shell, talk: Path) -> None:
    (shell.folder / "soft.wav").symlink_to(talk)
    os.link(talk, shell.folder / "hard.wav")
    (shell.folder / "again").symlink_to(".")
    names = ("talk.wav", "soft.wav", "hard.wav", "./soft.wav", "again/hard.wav")
    done = shell.run("separate", *names, "--stems", "music", "--model", "toy")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [f"stems/{name}/music.wav" for name in ("talk", "soft", "hard")]


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_a_name_that_is_no_text(shell: Shell, talk: Path) -> None:
    name = b"ni\xf1o\n.wav"
    talk.rename(shell.folder / os.fsdecode(name))
    done = subprocess.run(
        [*command("separate", "--stems", "music", "--model", "toy"), name, b"gone\xff\x1b[2J.wav"],
        cwd=shell.folder,
        env=shell.environment,
        capture_output=True,
        check=False,
    )
    assert done.stdout == b"stems/ni\xf1o\n/music.wav\n"
    assert done.stderr.decode() == "unbraid: gone\ufffd\ufffd[2J.wav: No such file or directory\n"


def test_inputs_of_one_name_in_two_folders(shell: Shell, audio: Audio) -> None:
    for place in ("a", "b"):
        (shell.folder / place).mkdir()
        write(shell.folder / place / "x.wav", audio, RATE)
    before = shell.files()
    message = shell.fails(2, "separate", "a/x.wav", "b/x.wav", "--model", "toy", "--force")
    assert message.startswith("a/x.wav and b/x.wav would both be written to stems/x;")
    assert shell.files() == before


def test_an_output_must_not_be_another_input(shell: Shell, talk: Path) -> None:
    assert shell.run("separate", "talk.wav", "--model", "toy").returncode == 0
    before = (shell.folder / "stems/talk/speech.wav").read_bytes()
    message = shell.fails(2, "separate", "talk.wav", "stems/talk/speech.wav", "--model", "toy", "--force")
    assert message.startswith("stems/talk/speech.wav: the output of talk.wav would overwrite the input ")
    assert (shell.folder / "stems/talk/speech.wav").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "stems"),
    [
        ("--stems noise --stems speech", ["speech", "noise"]),
        ("--stems noise,speech --stems noise", ["speech", "noise"]),
        ("--stems|speech, music", ["speech", "music"]),
        ("--stems|Speech ,\tNOISE", ["speech", "noise"]),
    ],
)
def test_stems_add_up(shell: Shell, talk: Path, options: str, stems: list[str]) -> None:
    words = options.split("|") if "|" in options else options.split()
    done = shell.run("separate", "talk.wav", *words, "--format", ".WAV", "--model", "toy")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [f"stems/talk/{stem}.wav" for stem in stems]


def test_gains_as_they_are_typed(shell: Shell, talk: Path, toy_model: unbraid.Model) -> None:
    gains = ("--speech", "-12dB", "--music", " MUTE", "--noise", "\u22126.5 db")
    assert shell.run("remix", "talk.wav", "out.wav", *gains, "--model", "toy").returncode == 0
    expected = unbraid.remix(read_audio(talk), RATE, toy_model, speech=-12, music="mute", noise=-6.5)
    np.testing.assert_array_equal(read_audio(shell.folder / "out.wav"), expected)


def test_stems_of_any_name_have_options(shell: Shell, talk: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = save_toy_model(tmp_path_factory.mktemp("odd") / "odd.onnx", stems="lead-vocals,2nd,x_db")
    arguments = ("--lead-vocals", "-3", "--2nd", "mute", "--x_db", "6")
    assert shell.run("remix", "talk.wav", "out.wav", "--model", path, *arguments).returncode == 0
    gains_db = {"lead-vocals": -3.0, "2nd": "mute", "x_db": 6.0}
    expected = unbraid.remix(read_audio(talk), RATE, unbraid.Model(str(path)), gains_db)
    np.testing.assert_array_equal(read_audio(shell.folder / "out.wav"), expected)
    path = save_toy_model(path.with_name("force.onnx"), stems="force,b,c")
    assert "stem 'force' has the name of an option" in shell.fails(2, "remix", "talk.wav", "a.wav", "--model", path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"./{'n' * 300}", f"{'n' * 300}: File name too long"),
        ("folder", "folder: Is a directory; name the files in it, as in folder/*.wav"),
        ("https://example.org/song.wav", "https://example.org/song.wav: is a URL, and only files are read"),
        ("-", "-: no WAV; from a pipe WAV is read, as `ffmpeg -i IN -f wav -` gives it"),
        ("/dev/stdin", "/dev/stdin: no WAV; from a pipe WAV is read"),
    ],
)
def test_what_is_no_file(shell: Shell, talk: Path, name: str, message: str) -> None:
    (shell.folder / "folder").mkdir()
    for words in (["separate", name, "talk.wav"], [name]):
        done = subprocess.run(
            command(*words, "--model", "toy"),
            cwd=shell.folder,
            env=shell.environment,
            input="RIFF",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"unbraid: {message}")
        assert len(done.stdout.split()) == (3 if "talk.wav" in words else 0)


def test_plugin_alone_shows_help(shell: Shell) -> None:
    done = shell.run("plugin")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: unbraid plugin ")
    assert "install" in done.stdout


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
        ("music=board.py:room --chain music=board.py:room", "two chains for 'music'"),
        ("vocals=board.py:room", "unknown stem 'vocals'; this model has speech, music, noise"),
    ],
)
def test_wrong_chains_are_usage_errors(shell: Shell, talk: Path, chain: str, message: str) -> None:
    (shell.folder / "board.py").write_text("import pedalboard\nroom = pedalboard.Gain(1)\nnumber = 3\n")
    (shell.folder / "broken.py").write_text("1 / 0\n")
    done = shell.run("remix", "talk.wav", "out.wav", "--model", "toy", "--chain", *chain.split())
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
        ("separate talk.wav --format aac --model toy", "'aac' is not wav, flac, mp3, ogg, opus or m4a"),
        ("separate talk.wav --format mkv --model toy", "or m4a (films: --video)"),
        ("separate talk.wav --format mp3 --bits 16 --model toy", "'--bits': is for wav, flac, mkv, mka, mov; mp3 has"),
        ("separate talk.wav --bits 8 --model toy", "'8' is not one of '16', '24', 'float'"),
        ("separate talk.wav talk2.wav --multitrack out.mkv --model toy", "--multitrack is for one input"),
        ("separate talk.wav --multitrack out.wav --model toy", "of several tracks must end in .mp4, .m4v, .mov, .mkv"),
        ("separate talk.wav --audio-track 0 --model toy", "0 is not in the range x>=1"),
        ("separate talk.wav --model nosuch", "'--model': no model is called 'nosuch'; installed: "),
        ("separate talk.wav --model no.onnx", "'--model': no model file at no.onnx"),
        ("remix talk.wav --model toy", "Missing argument 'OUT'"),
        ("remix talk.wav out.wav --model nosuch", "'--model': no model is called 'nosuch'"),
        ("remix talk.wav out.wav --vocals 3 --model toy", "No such option"),
        ("remix talk.wav out.wav --music off --model toy", "'off' is neither a gain in dB nor"),
        ("remix talk.wav out.wav --music nan --model toy", "at most 60 dB, got nan"),
        ("remix talk.wav out.aac --music 3 --model toy", "or .mka, got 'out.aac'"),
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
    loaded = shell.run("info", toy_model_path).stdout
    assert "\ntoy: " in loaded
    assert re.search(r"hops per run +(16|1 \(.+\))\n", loaded)
    assert re.search(r"by two threads +in two halves\n", loaded)
    (shell.folder / "text.onnx").write_text("hello")
    assert "text.onnx" in shell.fails(1, "info", "text.onnx")
    assert "no model is called 'nosuch'" in shell.fails(1, "info", "nosuch")


def test_version_and_help(shell: Shell) -> None:
    assert shell.run("--version").stdout == f"unbraid, version {unbraid.__version__}\n"
    assert "separate" in shell.run().stdout
    assert "--music DB|mute" in shell.run("remix", "--help", "--model", "toy").stdout
    assert "--model" in shell.run("remix", "--help", "--model", "nosuch").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_progress_shows_on_a_terminal(shell: Shell, talk: Path) -> None:
    status, stdout, shown = shell.on_terminal("separate", "talk.wav", "--model", "toy")
    assert status == 0
    assert "stems/talk/speech.wav" in stdout
    assert "talk.wav" in shown
    assert "x real time" in shown
