"""The plug-in in other people's hosts: it loads, processes, and says the right latency.

Hosts that are not installed are skipped. Steinberg's `validator` and `pluginval` are run if they are on the PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, read_audio, write
from unbraid import plugin as unbraid_plugin

RATE, LATENCY = 48000, 1536
ARDOUR_FOLDERS = [*Path("/usr/lib").glob("ardour*"), *Path("/usr/lib64").glob("ardour*")]


def bundle(kind: str) -> Path:
    try:
        return unbraid_plugin.bundle_path(kind)
    except FileNotFoundError:
        pytest.skip("this build has no plug-in")


def tool(name: str, folders: list[Path] | None = None) -> str:
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, folders or [])]))
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture
def environment(toy_model_path: Path, tmp_path: Path) -> dict[str, str]:
    """For hosts that know nothing of Python: only the model is pointed out to them."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("UNBRAID_")}
    lv2_path = f"{bundle('lv2').parent}/lv2{os.pathsep}/usr/lib/lv2"
    return {**kept, "HOME": str(tmp_path), "UNBRAID_PLUGIN_MODEL": str(toy_model_path), "LV2_PATH": lv2_path}


def run(*command: str | Path, environment: dict[str, str], timeout: float = 500) -> str:
    done = subprocess.run(
        [str(part) for part in command], env=environment, capture_output=True, text=True, check=False, timeout=timeout
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    return rng.uniform(-0.5, 0.5, (2, 40000)).astype(np.float32)


def test_dawdreamer(audio: Audio, environment: dict[str, str], tmp_path: Path) -> None:
    """It does not compensate latency, and so shows that what is reported is what happens."""
    if not find_spec("dawdreamer"):
        pytest.skip("dawdreamer is not installed")
    np.save(tmp_path / "in.npy", audio)
    script = """
import sys
import dawdreamer, numpy as np
audio = np.load("in.npy")
for block in (512, 64, 441):
    engine = dawdreamer.RenderEngine(48000, block)
    plugin = engine.make_plugin_processor("plugin", sys.argv[1])
    names = [one["name"] for one in plugin.get_parameters_description()]
    assert names == ["Speech", "Music", "Noise", "Bypass", "Solo", "Status"], names
    engine.load_graph([(engine.make_playback_processor("in", audio), []), (plugin, ["in"])])
    for music, name in ((720, "up"), (600, "down")):
        plugin.set_parameter(names.index("Music"), music / 840)
        engine.render(40000 / 48000)
        np.save(f"{name}{block}.npy", engine.get_audio())
    assert plugin.get_latency_samples() == 1536, plugin.get_latency_samples()
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(bundle("vst3"))],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    model = environment["UNBRAID_PLUGIN_MODEL"]
    down = unbraid.remix(audio, RATE, model, music_db=-12)
    for block in (512, 64, 441):
        for name, expected in (("up", audio), ("down", down)):
            output = np.load(tmp_path / f"{name}{block}.npy")[:, :40000]
            length = output.shape[1] - LATENCY
            np.testing.assert_allclose(output[:, LATENCY:], expected[:, :length], atol=1e-6)


def test_minihost_renders_the_remix_and_each_stem(audio: Audio, environment: dict[str, str], tmp_path: Path) -> None:
    """It opens all outputs and compensates latency: the remix on channels 1 and 2, the stems on those that follow."""
    minihost = shutil.which("minihost", path=str(Path(sys.executable).parent))
    if minihost is None:
        pytest.skip("minihost is not installed")
    source, target = write(tmp_path / "in.wav", audio, RATE, 32), tmp_path / "out.wav"
    told = run(minihost, "info", bundle("vst3"), environment=environment)
    assert f"{LATENCY} samples" in told
    assert "[1] Speech                2 ch" in told
    run(
        minihost, "process", "-i", source, "-o", target, "--bit-depth", "32",
        "--param", f"Music:{600 / 840}:n", bundle("vst3"), environment=environment,
    )  # fmt: skip
    output = read_audio(target)
    assert output.shape == (8, 40000)
    model = environment["UNBRAID_PLUGIN_MODEL"]
    np.testing.assert_allclose(output[:2], unbraid.remix(audio, RATE, model, music_db=-12), atol=1e-5)
    for index, stem in enumerate(unbraid.separate(audio, RATE, model).values()):
        np.testing.assert_allclose(output[2 + 2 * index : 4 + 2 * index], stem, atol=1e-5)


@pytest.fixture
def lv2_folder(tmp_path: Path, environment: dict[str, str]) -> Path:
    """A folder with our bundle alone, as ~/.lv2 would have it."""
    folder = tmp_path / "lv2"
    folder.mkdir()
    (folder / "unbraid.lv2").symlink_to(bundle("lv2"))
    environment["LV2_PATH"] = f"{folder}{os.pathsep}/usr/lib/lv2"
    return folder


def test_lv2_validates(lv2_folder: Path, environment: dict[str, str]) -> None:
    files = sorted(lv2_folder.glob("unbraid.lv2/*.ttl"))
    assert [file.name for file in files] == ["manifest.ttl", "unbraid.ttl"]
    assert "Found 0 errors" in run(tool("lv2_validate"), *files, environment=environment)


@pytest.mark.parametrize(("uri", "channels"), [("urn:unbraid:stereo", 2), ("urn:unbraid:mono", 1)])
@pytest.mark.usefixtures("lv2_folder")
def test_lv2apply(uri: str, channels: int, audio: Audio, environment: dict[str, str], tmp_path: Path) -> None:
    lv2apply = tool("lv2apply")
    source, target = write(tmp_path / "in.wav", audio[:channels], RATE, 32), tmp_path / "out.wav"
    model = environment["UNBRAID_PLUGIN_MODEL"]
    for controls, expected in (
        ([], audio[:channels]),
        (["-c", "music_db", "-12", "-c", "noise_db", "-72"],
         unbraid.remix(audio[:channels], RATE, model, music_db=-12, noise_db="mute")),
        (["-c", "music_db", "-12", "-c", "enabled", "0"], audio[:channels]),
    ):  # fmt: skip
        run(lv2apply, "-i", source, "-o", target, *controls, uri, environment=environment)
        output = read_audio(target)
        length = output.shape[1] - LATENCY
        assert length > 30000
        np.testing.assert_allclose(output[:, LATENCY:], expected[:, :length], atol=1e-5)


@pytest.mark.usefixtures("lv2_folder")
def test_lv2info_shows_faders_presets_and_latency(environment: dict[str, str]) -> None:
    told = run(tool("lv2info"), "urn:unbraid:stereo", environment=environment)
    for wanted in ("speech_db", "music_db", "noise_db", "solo", "status", "Has latency:       yes", "Voice over a bed"):
        assert wanted in told


def test_ardours_scanner(environment: dict[str, str]) -> None:
    scanner = tool("ardour-vst3-scanner", ARDOUR_FOLDERS)
    folder = str(Path(scanner).parent)
    told = run(scanner, "-f", "-v", bundle("vst3"), environment={**environment, "LD_LIBRARY_PATH": folder})
    assert "Found Plugin: Unbraid" in told
    assert 'n_inputs="2" n_outputs="2" n_aux_inputs="0" n_aux_outputs="6"' in told


@pytest.mark.slow
@pytest.mark.parametrize("with_model", [True, False])
def test_steinbergs_validator(environment: dict[str, str], with_model: bool) -> None:
    if not with_model:
        del environment["UNBRAID_PLUGIN_MODEL"]
    told = run(tool("validator"), bundle("vst3"), environment=environment)
    assert "47 tests passed, 0 tests failed" in told


@pytest.mark.slow
def test_pluginval(environment: dict[str, str]) -> None:
    options = ("--strictness-level", "10", "--skip-gui-tests", "--validate-in-process", "--validate")
    assert "SUCCESS" in run(tool("pluginval"), *options, bundle("vst3"), environment=environment)
