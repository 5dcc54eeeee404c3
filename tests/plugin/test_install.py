"""Getting the plug-in to other programs: linked, copied, found again, and removed without a trace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.toy_model import save_toy_model
from unbraid import cli
from unbraid import plugin as unbraid_plugin
from unbraid._runtime import find_library

FORMATS = ("vst3", "clap", "lv2")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    try:
        unbraid_plugin.bundle_path("vst3")
    except FileNotFoundError:
        pytest.skip("this build has no plug-in")
    home, models = tmp_path / "home", tmp_path / "models"
    home.mkdir()
    models.mkdir()
    save_toy_model(models / "toy.onnx")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("UNBRAID_MODELS", str(models))
    return home


def contents(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if not path.is_dir() or path.is_symlink())


def probe(path: Path, **environment: str) -> list[str]:
    """What the plug-in at that path says in a process that has nothing of ours but what is given."""
    script = """
import sys
from pedalboard import VST3Plugin
plugin = VST3Plugin(sys.argv[1])
print(plugin.status)
maps = open("/proc/self/maps").read().split()
print(next((word for word in maps if "libonnxruntime" in word), "none"))
"""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("UNBRAID_")}
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={**kept, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_links_lead_into_the_package(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plugin", "install"]) == 0
    expected = [home / ".vst3/Unbraid.vst3", home / ".clap/Unbraid.clap", home / ".lv2/unbraid.lv2"]
    assert capsys.readouterr().out.split() == [str(path) for path in expected]
    for path, kind in zip(expected, FORMATS, strict=True):
        assert path.is_symlink()
        assert path.resolve() == unbraid_plugin.bundle_path(kind)
    status, runtime = probe(expected[0], UNBRAID_MODELS=os.environ["UNBRAID_MODELS"])
    assert status == "ready"
    assert "site-packages/onnxruntime" in runtime
    assert cli.main(["plugin", "install"]) == 0  # again, over itself
    assert cli.main(["plugin", "remove"]) == 0
    assert contents(home) == []
    assert unbraid_plugin.bundle_path("vst3").exists()


def test_a_copy_needs_nothing_else(home: Path) -> None:
    installed = unbraid_plugin.install(copy=True)
    assert installed == [home / ".vst3/Unbraid.vst3", home / ".clap/Unbraid", home / ".lv2/unbraid.lv2"]
    runtime = find_library()
    assert runtime is not None
    for folder in (home / ".vst3/Unbraid.vst3/Contents/Resources", home / ".clap/Unbraid", home / ".lv2/unbraid.lv2"):
        assert (folder / "models" / "toy.onnx").is_file()
        assert (folder / runtime.name).is_file()
    assert (home / ".clap/Unbraid/Unbraid.clap").is_file()
    status, runtime_used = probe(installed[0])
    assert status == "ready"
    assert runtime_used.startswith(str(home / ".vst3"))
    unbraid_plugin.install(["vst3"])  # a link takes the copy's place
    assert installed[0].is_symlink()
    assert unbraid_plugin.remove() == [home / ".vst3/Unbraid.vst3", home / ".clap/Unbraid", home / ".lv2/unbraid.lv2"]
    assert contents(home) == []


def test_only_the_formats_asked_for(home: Path) -> None:
    assert cli.main(["plugin", "install", "--format", "clap", "--format", "lv2"]) == 0
    assert contents(home) == [".clap/Unbraid.clap", ".lv2/unbraid.lv2"]
    assert cli.main(["plugin", "remove", "--format", "clap"]) == 0
    assert contents(home) == [".lv2/unbraid.lv2"]


def test_what_is_not_ours_stays(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = home / ".vst3/Unbraid.vst3/Contents/x86_64-linux"
    other.mkdir(parents=True)
    (other / "Unbraid.so").write_text("someone else's")
    for command in ("install", "remove"):
        assert cli.main(["plugin", command, "--format", "vst3"]) == 1
        assert "something else is there" in capsys.readouterr().err
    assert contents(home) == [".vst3/Unbraid.vst3/Contents/x86_64-linux/Unbraid.so"]


def test_a_bare_copy_passes_audio_and_says_why(home: Path) -> None:
    """As when someone copies the bundle by hand: it cannot know where the rest is."""
    copy = home / "somewhere" / "Unbraid.vst3"
    shutil.copytree(unbraid_plugin.bundle_path("vst3"), copy)
    shutil.rmtree(copy / "Contents" / "Resources", ignore_errors=True)
    assert probe(copy) == ["passing through: no model", "none"]
    status, _ = probe(copy, UNBRAID_MODELS=os.environ["UNBRAID_MODELS"])
    assert status in ("passing through: no ONNX Runtime", "ready")  # the system may have one


def test_a_file_in_the_bundle_can_tell_the_way(home: Path) -> None:
    copy = home / "a place" / "Unbraid.vst3"
    shutil.copytree(unbraid_plugin.bundle_path("vst3"), copy)
    resources = copy / "Contents" / "Resources"
    resources.mkdir(exist_ok=True)
    lines = [f"models={os.environ['UNBRAID_MODELS']}", f"onnxruntime =  {find_library()}  ", "# note"]
    (resources / "unbraid.conf").write_text("\n".join(lines))
    status, runtime = probe(copy)
    assert status == "ready"
    assert runtime == str(find_library())


def test_without_a_home_it_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    for command in ("install", "remove"):
        assert cli.main(["plugin", command]) != 0
        assert capsys.readouterr().err == "unbraid: no home folder to install into: set HOME to one\n"


def test_every_system_has_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """https://steinbergmedia.github.io/vst3_dev_portal, CLAP's entry.h and lv2plug.in say which."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "Roaming"))
    library, common = tmp_path / "Library/Audio/Plug-Ins", tmp_path / "Local/Programs/Common"
    for system, folders, clap_copy in (
        ("linux", (tmp_path / ".vst3", tmp_path / ".clap", tmp_path / ".lv2"), "Unbraid"),
        ("darwin", (library / "VST3", library / "CLAP", library / "LV2"), "Unbraid.clap"),
        ("win32", (common / "VST3", common / "CLAP", tmp_path / "Roaming/LV2"), "Unbraid"),
    ):
        monkeypatch.setattr(sys, "platform", system)
        assert tuple(unbraid_plugin.plugin_folders().values()) == folders
        assert unbraid_plugin.places("clap") == (folders[1] / "Unbraid.clap", folders[1] / clap_copy)
    monkeypatch.delenv("APPDATA")
    with pytest.raises(FileNotFoundError, match="APPDATA must be set"):
        unbraid_plugin.plugin_folders()


def test_windows_gets_copies(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALAPPDATA", str(home / "Local"))
    monkeypatch.setenv("APPDATA", str(home / "Roaming"))
    monkeypatch.setattr(sys, "platform", "win32")
    assert unbraid_plugin.install() == unbraid_plugin.remove()
    (lv2,) = unbraid_plugin.install(["lv2"])
    assert not lv2.is_symlink()
    assert (lv2 / "models" / "toy.onnx").is_file()


def test_bundles_of_macos_keep_their_resources_inside(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = home / "built" / "Unbraid.clap"
    (bundle / "Contents" / "MacOS").mkdir(parents=True)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(unbraid_plugin, "bundle_path", lambda kind="vst3": bundle)
    (installed,) = unbraid_plugin.install(["clap"], copy=True)
    assert installed == home / "Library/Audio/Plug-Ins/CLAP/Unbraid.clap"
    assert (installed / "Contents/Resources/models/toy.onnx").is_file()
    assert unbraid_plugin.remove(["clap"]) == [installed]


def test_path(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    for kind in FORMATS:
        assert cli.main(["plugin", "path", "--format", kind]) == 0
        assert capsys.readouterr().out.strip() == str(unbraid_plugin.bundle_path(kind))
    assert contents(home) == []


def test_nothing_but_the_entry_points_shows(home: Path) -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("needs nm")
    told = subprocess.run(
        [nm, "-D", "--defined-only", unbraid_plugin.bundle_path("clap")], capture_output=True, text=True, check=True
    )
    names = {line.split()[-1] for line in told.stdout.splitlines()}
    assert names == {"GetPluginFactory", "ModuleEntry", "ModuleExit", "clap_entry", "lv2_descriptor"}
