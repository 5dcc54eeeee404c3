"""The wheel: equal bytes from equal sources, its bill of materials, and the guards in its binaries."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from helpers import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into ELF files"),
]
SOURCES = ("CMakeLists.txt", "pyproject.toml", "LICENSE", "README.md", "cmake", "cpp", "python")

ENTRIES = {"PyInit__core", "clap_entry", "lv2_descriptor", "GetPluginFactory", "ModuleEntry", "ModuleExit"}


def build(folder: Path) -> Path:
    """A wheel from a copy of the sources in this folder."""
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder / "dist"), str(folder)]
    if importlib.util.find_spec("scikit_build_core") and importlib.util.find_spec("pybind11"):
        command.append("--no-build-isolation")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return next((folder / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel") / "here")


@pytest.fixture(scope="module")
def binaries(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    if not shutil.which("readelf"):
        pytest.skip("needs readelf")
    folder = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(wheel).extractall(folder)
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]


def test_equal_sources_give_equal_bytes(wheel: Path, tmp_path: Path) -> None:
    assert build(tmp_path / "somewhere else").read_bytes() == wheel.read_bytes()


def test_the_bill_of_materials(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bill = json.loads(archive.read(f"unbraid-{project['version']}.dist-info/sboms/unbraid.cdx.json"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["version"] == project["version"]
    components = {component["bom-ref"]: component for component in bill["components"]}
    assert re.fullmatch(r"\d+\.\d+.*", components["pybind11"]["version"])
    assert {re.split(r"[<>=! ]", name)[0] for name in project["dependencies"]} < set(components)
    digest = hashlib.sha256(archive.read("unbraid/models/dialogue.onnx")).hexdigest()
    assert components["model:dialogue"]["hashes"] == [{"alg": "SHA-256", "content": digest}]


def told(path: Path, *options: str) -> str:
    return subprocess.run(["readelf", "-W", *options, str(path)], capture_output=True, text=True, check=True).stdout


def test_the_binaries_are_guarded(binaries: list[Path]) -> None:
    """But for _FORTIFY_SOURCE, which leaves no trace where no call needs its checks."""
    assert binaries
    for path in binaries:
        segments = told(path, "-l")
        assert "GNU_RELRO" in segments
        assert re.search(r"GNU_STACK .* RW ", segments), path
        assert re.search(r"\(FLAGS_1\).*NOW", told(path, "-d")), path
        assert "__stack_chk_fail" in told(path, "--dyn-syms"), path
        if platform.machine() == "x86_64":
            # endbr64, the landing pads of -fcf-protection. The linker's note that turns them on is not
            # asked for: it is left out where any object that is linked in has none, a C library's crti.o, say.
            assert path.read_bytes().count(b"\xf3\x0f\x1e\xfa") > 100, path


def test_only_entries_are_exported(binaries: list[Path]) -> None:
    for path in binaries:
        rows = [row.split() for row in told(path, "--dyn-syms").splitlines()]
        names = {row[7].split("@")[0] for row in rows if len(row) > 7 and row[6].isdigit() and row[4] != "LOCAL"}
        assert names <= {
            "PyInit__core",
            "clap_entry",
            "lv2_descriptor",
            "GetPluginFactory",
            "ModuleEntry",
            "ModuleExit",
        }
