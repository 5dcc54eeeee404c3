"""Looks at what .ci/cross has built, and runs it in wine and qemu-user: `cross_check.py FOLDER`.

Of every system: the binaries export their entries and nothing else, and bundles are laid out as its hosts want them.
Of those that run: the C++ unit tests pass, and a CLAP host renders what it renders here, within 1e-6; with all faders
at 0 dB its input comes out. All of that from a folder whose name is not ASCII. What cannot be run is told.
The wheel for this system is installed, separates, and passes the tests of the core. That for Windows is installed, too,
and separates in Wine as this one does.
"""

from __future__ import annotations

import os
import platform
import plistlib
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lief
import numpy as np
import soundfile
from numpy.typing import NDArray

from helpers.cpp_programs import real_ort_library, save_test_models
from unbraid import plugin

WINDOWS, LINUX, MACOS, INTEL_MAC = "windows-x86_64", "linux-aarch64", "macos-arm64", "macos-x86_64"
MACS = (MACOS, INTEL_MAC)
WORK = Path(sys.argv[1]).resolve()
TOLERANCE = 1e-6
# Zig links its C++ library in, whose new and delete a Mac's own may replace; Apple's compiler links the system's. And
# its linker lets the types of pybind11's exceptions through, which the list of exports leaves out.
ZIGS_OWN = ("_Zn", "_Zd", "_ZTIN8pybind11", "_ZTSN8pybind11", "_mh_dylib_header", "__dso_handle", "_dso_handle")
ENTRIES = {"GetPluginFactory", "clap_entry", "lv2_descriptor"}
VST3_ENTRIES = {
    WINDOWS: {"InitDll", "ExitDll"},
    LINUX: {"ModuleEntry", "ModuleExit"},
    **{mac: {"bundleEntry", "bundleExit"} for mac in MACS},
}
PLUGINS = {
    WINDOWS: ("Unbraid.vst3/Contents/x86_64-win/Unbraid.vst3", "Unbraid.clap", "unbraid.lv2/Unbraid.dll"),
    LINUX: ("Unbraid.vst3/Contents/aarch64-linux/Unbraid.so", "Unbraid.clap", "unbraid.lv2/Unbraid.so"),
    **dict.fromkeys(
        MACS,
        ("Unbraid.vst3/Contents/MacOS/Unbraid", "Unbraid.clap/Contents/MacOS/Unbraid", "unbraid.lv2/Unbraid.dylib"),
    ),
}
RUNTIMES = {WINDOWS: "onnxruntime.dll", LINUX: "libonnxruntime.so*"}
MODULES = {WINDOWS: "*-win_amd64.pyd", LINUX: "*-aarch64-linux-gnu.so", **dict.fromkeys(MACS, "*.so")}
# What every Windows has, and CPython: none of the compiler's own libraries.
WINDOWS_HAS = re.compile(r"(kernel32|advapi32|msvcrt|python3\d+)\.dll", re.IGNORECASE)


def exports(path: Path) -> set[str]:
    binary = lief.parse(str(path))
    if isinstance(binary, lief.PE.Binary):
        return {entry.name for entry in binary.get_export().entries}
    if isinstance(binary, lief.MachO.Binary):
        names = {symbol.name.removeprefix("_") for symbol in binary.exported_symbols}
        return {name for name in names if not name.startswith(ZIGS_OWN)}
    return {symbol.name for symbol in binary.exported_symbols}


def check_installed(target: str, folder: Path) -> None:
    plugins = folder / "unbraid" / "plugins"
    (module,) = (folder / "unbraid").glob(f"_core{MODULES[target]}")
    entries = dict.fromkeys((plugins / name for name in PLUGINS[target]), ENTRIES | VST3_ENTRIES[target])
    for path, expected in {**entries, module: {"PyInit__core"}}.items():
        found = exports(path)
        assert found == expected, f"{path} exports {found}"
        if target == WINDOWS:
            linked = lief.parse(str(path)).libraries
            assert all(map(WINDOWS_HAS.fullmatch, linked)), f"{path} links {linked}"
    manifest = (plugins / "unbraid.lv2" / "manifest.ttl").read_text(encoding="utf-8")
    assert f"<{Path(PLUGINS[target][2]).name}>" in manifest
    if target in MACS:
        for bundle in ("Unbraid.vst3", "Unbraid.clap"):
            contents = plugins / bundle / "Contents"
            info = plistlib.loads((contents / "Info.plist").read_bytes())
            assert (contents / "MacOS" / info["CFBundleExecutable"]).is_file()
            assert (contents / "PkgInfo").read_text() == info["CFBundlePackageType"] + info["CFBundleSignature"]
    print(f"{target}: bundles and exports are as its hosts want them")


def emulator(target: str) -> list[str] | None:
    """The command that runs a program of that system here; None where it is not installed."""
    if target == WINDOWS:
        wine = shutil.which("wine64", path=os.pathsep.join([os.environ["PATH"], "/usr/lib/wine"]))
        return wine and [wine]
    if target == LINUX:
        qemu = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
        sysroot = Path("/usr/aarch64-linux-gnu")
        if qemu and (sysroot / "lib" / "libstdc++.so.6").exists():  # which the runtime needs
            return [qemu, "-L", str(sysroot)]
    return None


def run(command: Sequence[str | Path], variables: Mapping[str, Path]) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("UNBRAID_", "PYTHON"))}
    wine = "wine" in str(command[0])
    if wine:
        environment |= {"WINEPREFIX": str(WORK / "wine"), "WINEDEBUG": "-all", "LC_ALL": "C.UTF-8"}
    for name, path in variables.items():
        environment[name] = f"Z:{path}".replace("/", "\\") if wine else str(path)
    done = subprocess.run(
        list(map(str, command)),
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        sys.exit(f"{command} failed: {done.returncode}\n{done.stdout[-5000:]}\n{done.stderr[-5000:]}")
    return done.stdout


def render(command: Sequence[str | Path], clap: Path, model: Path, runtime: Path, folder: Path) -> NDArray[np.float32]:
    """What render_clap writes: (18, samples), the input, then remix and stems twice."""
    output = folder / "rendered.f32"
    variables = {
        "RENDER_PLUGIN": clap, "RENDER_OUTPUT": output, "UNBRAID_PLUGIN_MODEL": model, "UNBRAID_ORT_LIBRARY": runtime
    }  # fmt: skip
    run(command, variables)
    return np.fromfile(output, np.float32).reshape(18, -1)


def here(folder: Path, model: Path) -> NDArray[np.float32]:
    """What this system's plug-in renders."""
    host = folder / "render_clap"
    model_parts = ("installation", "shared_library", "text")
    sources = ["cpp/tests/render_clap.cpp", *(f"cpp/unbraid/model/{part}.cpp" for part in model_parts)]
    subprocess.run(["c++", "-std=c++17", "-O1", "-Icpp", *sources, "-o", host, "-ldl"], check=True)
    return render([host], plugin.bundle_path("clap"), model, real_ort_library(), folder)


def largest(difference: NDArray[np.float32]) -> float:
    return float(np.abs(difference).max())


def check_runs(target: str, folder: Path, model: Path, expected: NDArray[np.float32]) -> None:
    command = emulator(target)
    if command is None:
        print(f"{target}: NOT RUN, for nothing that could is installed here")
        return
    place = folder / "naïve フォルダ" / target
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (library,) = (folder / "runtimes" / target / "onnxruntime" / "capi").glob(RUNTIMES[target])
    runtime = Path(shutil.copy(library, place))
    clap = Path(shutil.copy(folder / "installed" / target / "unbraid" / "plugins" / "Unbraid.clap", place))
    built = folder / target / "cpp" / "tests"
    suffix, shim = (".exe", "ort_shim.dll") if target == WINDOWS else ("", "ort_shim.so")

    rendered = render([*command, built / f"render_clap{suffix}"], clap, Path(shutil.copy(model, place)), runtime, place)
    assert rendered.shape == expected.shape
    worst = largest(rendered - expected)
    null = largest(rendered[2:4] - rendered[:2])
    print(f"{target}: a CLAP host renders what it renders here within {worst:.1g}; null test {null:.1g}")
    assert worst <= TOLERANCE
    assert null <= TOLERANCE
    assert largest(rendered[10:12] - rendered[:2]) > 0.1  # what moved is heard

    save_test_models(place)
    shim_here = Path(shutil.copy(built / shim, place))
    variables = {"TEST_FOLDER": place, "TEST_REAL_ORT_LIBRARY": runtime, "UNBRAID_ORT_LIBRARY": shim_here}
    told = run([*command, built / f"unit_tests{suffix}"], variables)
    assert "Status: SUCCESS!" in told
    print(f"{target}: unit tests:", *[line.split("] ")[-1] for line in told.splitlines() if "test cases" in line])


def check_wheel(folder: Path) -> None:
    """In an environment of its own, beside what is installed here but this package."""
    (wheel,) = folder.glob(f"wheels/*_{platform.machine()}.whl")
    place = folder / "environment"
    venv.create(place, clear=True, with_pip=True)
    python = place / "bin" / "python"
    run([python, "-m", "pip", "install", "--quiet", "--no-deps", wheel], {})
    packages = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], {}).strip())
    (packages / "beside.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    assert Path(run([python, "-c", "import unbraid; print(unbraid.__file__)"], {}).strip()).is_relative_to(packages)
    run([place / "bin" / "unbraid", "separate", "examples/demo.flac", "-o", place / "stems"], {})
    told = run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/core", "-m", "not slow"], {})
    print(f"{wheel.name}: separates; tests of the core: {told.splitlines()[-1]}")


def check_windows_wheel(folder: Path) -> None:
    """In the CPython that .ci/cross has put together; against what check_wheel has separated."""
    command = emulator(WINDOWS)
    if command is None or sys.version_info >= (3, 13):
        print(f"{WINDOWS}: the wheel was NOT RUN, for want of Wine, or of a NumPy that Wine 8 can run")
        return
    stems = folder / "naïve フォルダ" / "stems"
    shutil.rmtree(stems, ignore_errors=True)
    python = folder / "windows-python" / "python.exe"
    run([*command, python, "-m", "unbraid", "separate", "examples/demo.flac", "-o", stems], {})
    worst = 0.0
    for expected in (folder / "environment" / "stems" / "demo").iterdir():
        here, there = (soundfile.read(path, dtype="float32")[0] for path in (expected, stems / "demo" / expected.name))
        worst = max(worst, largest(there - here))
    print(f"{WINDOWS}: the wheel separates a file as this system's does within {worst:.1g}")
    assert worst <= TOLERANCE


def main() -> None:
    model = Path("python/unbraid/models/dialogue.onnx")
    built = [target for target in PLUGINS if (WORK / "installed" / target).exists()]
    for target in built:
        check_installed(target, WORK / "installed" / target)
    expected = here(WORK, model)
    check_wheel(WORK)
    if WINDOWS in built:
        check_windows_wheel(WORK)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda target: check_runs(target, WORK, model, expected), built))


if __name__ == "__main__":
    main()
