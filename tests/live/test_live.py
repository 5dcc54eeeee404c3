"""unbraid live: its configuration, its device in a real PipeWire, and what comes out of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers import ROOT
from helpers.audio import Audio, read_audio, write
from helpers.markdown import Reader, blocks_of
from helpers.pipewire import Desktop, missing_pipewire, wait_for
from helpers.shell import Shell, command
from helpers.toy_model import save_toy_model
from unbraid import live, plugin

REMIX: dict[str, float | str] = {"speech": 3, "music": -12, "noise": "mute"}
OPTIONS = [word for stem, gain in REMIX.items() for word in (f"--{stem}", str(gain))]
PAGE = blocks_of(ROOT / "docs" / "live.md")
SECOND = 48000
ATTEMPTS = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where there are PipeWire and a plug-in for it."""
    if reason := missing_pipewire():
        pytest.skip(reason)
    try:
        plugin.bundle_path("lv2")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    return tmp_path


@pytest.fixture
def desktop(folder: Path, toy_model_path: Path) -> Iterator[Desktop]:
    desktop = Desktop(folder)
    desktop.environment["UNBRAID_MODELS"] = str(toy_model_path.parent)
    with desktop.running():
        yield desktop


# --- the configuration ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", live.DEVICES)
def test_print(shell: Shell, kind: str, toy_model: unbraid.Model) -> None:
    done = shell.run("live", "--input", kind, "--model", "toy", "--print", *OPTIONS)
    assert (done.returncode, done.stderr) == (0, "")
    device = live.DEVICES[kind]
    assert done.stdout == live.drop_in(live.filter_chain(device, toy_model, REMIX))
    assert '"speech_db" = 3.0, "music_db" = -12.0, "noise_db" = -72.0' in done.stdout
    assert done.stdout.count(f"audio.position = [ {device.position} ]") == 2
    assert shell.files() == []


@pytest.mark.parametrize(
    ("gain", "written"), [(0, "0.0"), (-0.04, "0.0"), (-100, "-72.0"), (float("-inf"), "-72.0"), (12, "12.0")]
)
def test_faders_have_steps_and_ends(toy_model: unbraid.Model, gain: float, written: str) -> None:
    chain = live.filter_chain(live.DEVICES["app"], toy_model, {"music": gain})
    assert f'"speech_db" = 0.0, "music_db" = {written}, "noise_db" = 0.0' in chain.replace("-0.0,", "0.0,")


def test_wrong_usage(shell: Shell) -> None:
    words = ("live", "--model", "toy", "--input")
    assert shell.fails(2, "live", "--model", "toy") == "Missing option '--input'. Choose from: app, mic"
    assert "'tv' is not one of 'app', 'mic'" in shell.fails(2, *words, "tv")
    assert shell.fails(2, *words, "app", "--drums", "0") == "No such option '--drums'."
    assert shell.fails(2, *words, "app", "--music", "13") == "music must be at most 12 dB in the plug-in, got 13"


def test_only_models_that_lv2_plays(shell: Shell) -> None:
    save_toy_model(shell.folder / "band.onnx", stems="drums,bass,noise")
    assert shell.fails(2, "live", "--input", "mic", "--model", "band.onnx", "--print") == (
        "the LV2 plug-in has faders for speech, music, noise; toy has drums, bass, noise"
    )


def test_another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OSError, match=r"^live needs PipeWire, which is Linux's; "):
        live.check_system()


@pytest.mark.skipif(sys.platform != "linux", reason="says something else elsewhere")
def test_no_pipewire(shell: Shell, folder: Path) -> None:
    arguments = ("live", "--input", "app", "--model", "toy")
    shell.environment["XDG_RUNTIME_DIR"] = str(folder)
    assert shell.fails(1, *arguments).startswith("PipeWire is not running in this session: can't connect")
    shell.environment["PATH"] = str(folder)
    assert shell.fails(1, *arguments).startswith("pipewire not found: live needs PipeWire (Debian: ")


def test_a_dump_may_have_several_parts() -> None:
    first = [{"id": 1, "info": {"props": {"node.name": "a"}}}, {"id": 2, "info": {"props": None}}, {"id": 3}]
    then = [{"id": 1, "info": None}, {"id": 4, "info": {"props": {"node.name": "b"}}}]
    assert set(live.nodes_of(json.dumps(first))) == {"a"}
    assert set(live.nodes_of(f"{json.dumps(first)}\n{json.dumps(then)}\n")) == {"b"}


# --- the device -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("kind", live.DEVICES)
def test_the_device_comes_and_goes(desktop: Desktop, kind: str, number: signal.Signals) -> None:
    """Even if nobody cleans up behind it."""
    device = live.DEVICES[kind]
    before = {path.name for path in desktop.folder.iterdir()}
    with desktop.live("--input", kind, "--model", "toy", *OPTIONS) as process:
        info = desktop.nodes()[device.name]
        assert info["props"]["media.class"] == f"Audio/{'Sink' if device.is_sink else 'Source'}"
        assert info["props"]["node.description"] == device.description
        faders = desktop.faders(device.capture)
        assert [faders[f"unbraid:{stem}_db"] for stem in REMIX] == [3, -12, -72]
        process.send_signal(number)
        process.wait(20)
    wait_for(lambda: device.name not in desktop.nodes(), "end of the device")
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert not [path for path in desktop.folder.glob("unbraid-*") if path.name not in before]


@pytest.mark.slow
def test_a_fader_moves_while_it_runs(desktop: Desktop) -> None:
    """As the page says."""
    (line,) = [block.text for block in PAGE if block.text.startswith("pw-cli")]
    with desktop.live("--input", "app", "--model", "toy", "--music", "mute"):
        assert desktop.faders("unbraid.sink")["unbraid:music_db"] == -72
        desktop.run("sh", "-c", line)
        wait_for(lambda: desktop.faders("unbraid.sink")["unbraid:music_db"] == -6, "fader at its new place")


@pytest.mark.slow
@pytest.mark.skipif("dialogue" not in unbraid.models(), reason="the dialogue model is not installed")
def test_what_is_printed_is_for_pipewires_own_folder(folder: Path) -> None:
    reader = Reader(folder)
    reader.follow([block for block in PAGE if "--print" in block.text])
    desktop = Desktop(folder)
    with desktop.running():
        wait_for(lambda: "unbraid.microphone" in desktop.nodes(), "device")
        assert desktop.faders("unbraid.capture")["unbraid:noise_db"] == -72


@pytest.mark.slow
def test_one_of_a_kind(desktop: Desktop) -> None:
    arguments = ("--input", "app", "--model", "toy")
    with desktop.live(*arguments):
        done = subprocess.run(
            command("live", *arguments), env=desktop.environment, capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (
        1, "unbraid: unbraid.sink is there already; end the other `unbraid live` first\n"
    )  # fmt: skip


@pytest.mark.slow
def test_it_ends_with_its_device(desktop: Desktop) -> None:
    with desktop.live("--input", "app", "--model", "toy") as process:
        desktop.run("pw-cli", "destroy", "unbraid.sink")
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (1, "unbraid: unbraid.sink has gone\n")


@pytest.mark.slow
def test_what_pipewire_refuses(desktop: Desktop, monkeypatch: pytest.MonkeyPatch, toy_model: unbraid.Model) -> None:
    """As where its LV2 support is missing: it says which plug-in it did not find."""
    for key, value in desktop.environment.items():
        monkeypatch.setenv(key, value)
    bundle = desktop.folder / "empty.lv2"
    bundle.mkdir()
    (bundle / "manifest.ttl").touch()
    monkeypatch.setattr(live, "bundle_path", lambda kind: bundle)
    monkeypatch.setattr(tempfile, "tempdir", str(desktop.folder))
    with (
        pytest.raises(RuntimeError, match="refused the device: can't load plugin urn:unbraid:stereo; can't load graph"),
        live.running(live.DEVICES["app"], toy_model, {}),
    ):
        pass
    assert not list(desktop.folder.glob("unbraid-*"))


# --- what comes out -------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif("dialogue" not in unbraid.models(), reason="the dialogue model is not installed")
@pytest.mark.skipif(
    not os.environ.get("UNBRAID_TEST_PIPEWIRE"),
    reason="a machine that does other things drops out: set UNBRAID_TEST_PIPEWIRE to try it",
)
@pytest.mark.parametrize("kind", live.DEVICES)
def test_what_is_recorded_is_the_remix(folder: Path, kind: str) -> None:
    """To the last bit, once the silence is known that the plug-in heard first; a dropout is given another chance."""
    mixture = read_audio(ROOT / "examples" / "demo.flac")[:, : 4 * SECOND]
    if kind == "mic":
        mixture = mixture.mean(axis=0, keepdims=True)
    # What is behind it is for the player, which ends before all has come through.
    write(folder / "in.wav", np.pad(mixture, ((0, 0), (0, SECOND))), bit_depth=32)
    desktop = Desktop(folder)
    with desktop.running():
        for _ in range(ATTEMPTS):
            with desktop.live("--input", kind, *OPTIONS):
                recorded = play_and_record(desktop, live.DEVICES[kind], mixture.shape[0])
            difference = differs(recorded, mixture)
            if difference == 0:
                return
    pytest.fail(f"{ATTEMPTS} times something else came out, at last by {difference}")


def play_and_record(desktop: Desktop, device: live.Device, channels: int) -> Audio:
    record = ("pw-record", "--rate", "48000", "--format", "f32", "--channels", str(channels), "out.wav")
    if not device.is_sink:
        room = "{ factory.name=support.null-audio-sink node.name=room media.class=Audio/Source/Virtual "
        desktop.run("pw-cli", "create-node", "adapter", room + "object.linger=true audio.position=[MONO] }")
        wait_for(lambda: "room" in desktop.nodes(), "microphone for the microphone")
    with desktop.background(*record, "--target", device.name if not device.is_sink else device.playback):
        wait_for(lambda: "pw-record" in desktop.nodes(), "recorder")
        wait_for(lambda: linked(desktop, "pw-record"), "link to the recorder")
        if device.is_sink:
            desktop.run("pw-play", "--target", device.name, "in.wav")
        else:
            with desktop.background("pw-play", "--target", "0", "in.wav") as player:
                wait_for(lambda: "pw-play:output_MONO" in desktop.run("pw-link", "-o"), "player")
                desktop.run("pw-link", "pw-play:output_MONO", "room:input_MONO")
                player.wait(60)
    return read_audio(desktop.folder / "out.wav")


def linked(desktop: Desktop, node: str) -> bool:
    return f"-> {node}:" in desktop.run("pw-link", "-l")


def differs(recorded: Audio, mixture: Audio) -> float:
    """By how much at most a recording is not the remix. Until the mixture came, the plug-in heard silence."""
    window = unbraid.remix(mixture, SECOND, gains_db=REMIX)[0, SECOND : 2 * SECOND]
    lag = int(np.argmax(np.correlate(recorded[0], window, "valid"))) - SECOND
    silence = lag - unbraid.load_model("dialogue").latency_samples(SECOND)
    if silence < 0 or recorded.shape[1] < lag + mixture.shape[1]:
        return float("inf")
    heard = np.pad(mixture, ((0, 0), (silence, 0)))
    expected = unbraid.remix(heard, SECOND, gains_db=REMIX)[:, silence:]
    return float(np.abs(recorded[:, lag : lag + mixture.shape[1]] - expected).max())
