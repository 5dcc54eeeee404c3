"""The wheel: equal bytes from equal sources, its bill of materials, and the guards in its binaries.

Of the wheels that .ci/cross has made, where UNBRAID_TEST_WHEELS says in which folder they are; else of one built here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
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

READY = os.environ.get("UNBRAID_TEST_WHEELS")
ENTRIES = {"PyInit__core", "clap_entry", "lv2_descriptor", "GetPluginFactory", "ModuleEntry", "ModuleExit"}
# Where a stack protector finds what it compares: in the thread's data, or by name; or that itself, which zig has as a
# constant on aarch64. What it calls is no sign: zig links that in, and its name is stripped.
CANARIES = {"x86_64": rb"\x64\x48..\x25\x28\0\0\0", "aarch64": rb"__stack_chk_guard|\0{6}\n\xff"}
# Instructions that jumps may land on: of -fcf-protection (endbr64) and of -mbranch-protection (bti c, paciasp).
LANDING_PADS = {
    "x86_64": (b"\xf3\x0f\x1e\xfa",),
    "aarch64": (b"\x5f\x24\x03\xd5", b"\x3f\x23\x03\xd5"),
}


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
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    if READY:
        return sorted(Path(READY).glob("*.whl"))
    return [build(tmp_path_factory.mktemp("wheel") / "here")]


@pytest.fixture(scope="module")
def binaries(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    if not shutil.which("readelf"):
        pytest.skip("needs readelf")
    folder = tmp_path_factory.mktemp("unpacked")
    for wheel in wheels:
        zipfile.ZipFile(wheel).extractall(folder / wheel.stem)
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]


def test_equal_sources_give_equal_bytes(wheels: list[Path], tmp_path: Path) -> None:
    again = sorted(Path(READY, "again").glob("*.whl")) if READY else [build(tmp_path / "somewhere else")]
    assert again
    first = {path.name: path for path in wheels}
    for path in again:
        assert path.read_bytes() == first[path.name].read_bytes()


def test_the_bill_of_materials(wheels: list[Path]) -> None:
    archive = zipfile.ZipFile(wheels[0])
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
    assert binaries
    for path in binaries:
        segments = told(path, "-l")
        assert "GNU_RELRO" in segments
        assert re.search(r"GNU_STACK .* RW ", segments), path
        assert re.search(r"\(FLAGS_1\).*NOW", told(path, "-d")), path
        # The linker's note that turns them on is not asked for: it is left out where any object that is linked in has
        # none, a C library's crti.o, say.
        machine = "aarch64" if "AArch64" in told(path, "-h") else "x86_64"
        code = path.read_bytes()
        assert re.search(CANARIES[machine], code, re.DOTALL), path
        # _FORTIFY_SOURCE: the C library's checked functions, one of which stands for snprintf.
        assert re.search(r" __v?snprintf_chk\b", told(path, "--dyn-syms")), path
        assert sum(code.count(instruction) for instruction in LANDING_PADS[machine]) > 100, path


def test_only_entries_are_exported(binaries: list[Path]) -> None:
    for path in binaries:
        rows = [row.split() for row in told(path, "--dyn-syms").splitlines()]
        names = {row[7].split("@")[0] for row in rows if len(row) > 7 and row[6].isdigit() and row[4] != "LOCAL"}
        assert names <= ENTRIES, path
