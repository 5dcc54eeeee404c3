"""Zips the installed plug-in for those who have no Python, with the models and ONNX Runtime: `zip_plugins.py FOLDER`.

It is what `unbraid plugin install --copy` puts in place, so that `unbraid plugin` knows it for its own later. The same
package gives the same bytes, dated SOURCE_DATE_EPOCH.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import unbraid
from unbraid import plugin
from unbraid._runtime import find_library

ROOT = Path(__file__).parents[1]
SYSTEM = {"Linux": "linux", "Darwin": "macos", "Windows": "windows"}[platform.system()]
README = """Unbraid {version}: a fader for each stem of a finished mixture, as a plug-in in three formats.

Copy what is in these folders to where your audio program looks for plug-ins, and let it scan them again:

{places}

The models and ONNX Runtime are inside; nothing else is needed. A newer copy takes the place of an older one.
{unblock}LICENSE is Unbraid's, onnxruntime/ holds that of ONNX Runtime, models/ says what the models were trained on.
"""
UNBLOCK = {
    "macos": "macOS keeps what a browser has loaded from running: xattr -dr com.apple.quarantine FOLDER lifts that.\n"
}


def collect(folder: Path) -> None:
    folders = plugin.plugin_folders()
    for kind in plugin.FORMATS:
        target = folder / kind / plugin.places(kind)[1].name
        target.parent.mkdir()
        plugin.copy_bundle(plugin.bundle_path(kind), target)
    shutil.copy(ROOT / "LICENSE", folder)
    library = find_library()
    if library is None:
        raise SystemExit("onnxruntime is not installed")
    (folder / "onnxruntime").mkdir()
    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        shutil.copy(library.parents[1] / name, folder / "onnxruntime")
    (folder / "models").mkdir()
    for card in sorted((Path(unbraid.__file__).parent / "models").glob("*.md")):
        shutil.copy(card, folder / "models")
    places = "\n".join(f"  {kind}/ -> {shown(path)}" for kind, path in folders.items())
    text = README.format(version=unbraid.__version__, places=places, unblock=UNBLOCK.get(SYSTEM, ""))
    (folder / "README.txt").write_text(text, encoding="utf-8")


def shown(path: Path) -> str:
    """For any user, not for the one who runs this."""
    if SYSTEM == "windows":
        for variable in ("LOCALAPPDATA", "APPDATA"):
            if path.is_relative_to(os.environ[variable]):
                return f"%{variable}%\\{path.relative_to(os.environ[variable])}"
    return f"~/{path.relative_to(Path.home())}"


def write(folder: Path, target: Path) -> None:
    date = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "315532800")))[:6]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder.parent).as_posix(), date)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
            archive.writestr(entry, path.read_bytes())


def main() -> None:
    name = f"unbraid-{unbraid.__version__}-plugins-{SYSTEM}-{platform.machine().lower()}"
    target = Path(sys.argv[1], f"{name}.zip")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, name)
        folder.mkdir()
        collect(folder)
        write(folder, target)
    print(target)


if __name__ == "__main__":
    main()
