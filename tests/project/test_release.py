"""What the release page offers beside wheels: the plug-in in a zip file, for those who have no Python."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from helpers import ROOT
from unbraid import plugin

PROBE = "import sys; from pedalboard import VST3Plugin; print(VST3Plugin(sys.argv[1]).status)"


@pytest.fixture(scope="module", autouse=True)
def _needs_the_plugin() -> None:
    try:
        plugin.bundle_path()
    except FileNotFoundError:
        pytest.skip("this build has no plug-in")


def zip_plugins(folder: Path) -> Path:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("UNBRAID_")}
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "zip_plugins.py", folder],
        env={**kept, "SOURCE_DATE_EPOCH": "1700000000"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.mark.slow
def test_the_zip_needs_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zipped = zip_plugins(tmp_path / "one")
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(tmp_path / "home")
    (folder,) = (tmp_path / "home").iterdir()
    assert folder.name == zipped.stem
    assert {path.name for path in folder.iterdir()} == {
        "README.txt", "LICENSE", "onnxruntime", "models", *plugin.FORMATS
    }  # fmt: skip
    for kind, place in plugin.plugin_folders().items():
        where = f"~/{place.relative_to(Path.home())}" if sys.platform != "win32" else place.name
        assert f"{kind}/ -> {where}" in (folder / "README.txt").read_text()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("UNBRAID_")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, folder / "vst3" / "Unbraid.vst3"],
        env=kept, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "ready", done.stderr

    # Once it is in place, `unbraid plugin` knows it.
    monkeypatch.setattr(plugin, "plugin_folders", lambda: {kind: folder / kind for kind in plugin.FORMATS})
    assert len(plugin.remove()) == len(plugin.FORMATS)
    assert not any(any((folder / kind).iterdir()) for kind in plugin.FORMATS)


@pytest.mark.slow
def test_equal_packages_give_equal_zips(tmp_path: Path) -> None:
    assert zip_plugins(tmp_path / "one").read_bytes() == zip_plugins(tmp_path / "two").read_bytes()
