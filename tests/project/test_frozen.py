"""Programs that PyInstaller freezes: they bring the models, the plug-ins and the runtime along."""

from __future__ import annotations

import runpy
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

import unbraid
from unbraid import _core, _runtime

PROGRAM = """
import numpy as np, unbraid
audio = np.zeros((2, 4800), "f4")
print(*unbraid.separate(audio, 48000))
print(unbraid.load_plugin(noise="mute").process(audio, 48000).shape)
"""


def test_the_hook_names_what_no_import_leads_to() -> None:
    (point,) = (each for each in entry_points(group="pyinstaller40") if each.value.startswith("unbraid."))
    (folder,) = point.load()()
    (hook,) = Path(folder).glob("hook-*.py")
    taken = {place: Path(source) for source, place in runpy.run_path(str(hook))["datas"]}
    assert {path.stem for path in taken["unbraid/models"].glob("*.onnx")} >= {"dialogue", "dialogue-lite", "talkers"}
    assert (taken["unbraid/listen/static"] / "index.html").exists()
    assert taken["onnxruntime/capi"] == _runtime.find_library()
    plugins = Path(_core.__file__).parent / "plugins"
    assert taken.get("unbraid/plugins") == (plugins if plugins.exists() else None)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("PyInstaller") is None, reason="PyInstaller is not installed")
@pytest.mark.skipif("dialogue" not in unbraid.models(), reason="the dialogue model is not installed")
def test_a_frozen_program_runs(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(PROGRAM)
    subprocess.run([sys.executable, "-m", "PyInstaller", "app.py"], cwd=tmp_path, capture_output=True, check=True)
    done = subprocess.run([tmp_path / "dist" / "app" / "app"], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["speech music noise", "(2, 4800)"], done.stderr
