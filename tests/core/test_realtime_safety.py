"""The audio path allocates nothing of its own: C++ programs count, with ONNX Runtime told apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.toy_model import save_toy_model


def run(*command: str | Path, **environment: str | Path) -> str:
    result = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **{key: str(value) for key, value in environment.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="session")
def build_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not sys.platform.startswith("linux"):
        pytest.skip("the allocation count needs glibc")
    cmake, compiler = shutil.which("cmake"), shutil.which("c++")
    if not cmake or not compiler:
        pytest.skip("needs cmake and a C++ compiler")
    folder = tmp_path_factory.mktemp("build")
    run(cmake, "-S", ROOT, "-B", folder, "-DUNBRAID_BUILD_PYTHON=OFF", "-DUNBRAID_BUILD_TESTS=ON")
    run(cmake, "--build", folder, "--parallel", "2")
    return folder / "cpp" / "tests"


def real_library() -> Path:
    import onnxruntime

    return next(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so*"))


@pytest.mark.slow
def test_process_allocates_nothing_outside_the_run(build_dir: Path, toy_model_path: Path) -> None:
    output = run(
        build_dir / "allocation_test",
        toy_model_path,
        UNBRAID_ORT_LIBRARY=build_dir / "ort_shim.so",
        TEST_REAL_ORT_LIBRARY=real_library(),
    )
    assert "ok: sees malloc, free" in output
    assert "ok: separate 10000 samples at 44100 Hz: 0 allocations" in output
    assert "ok: a failing run is an error" in output
    assert "FAILED" not in output


@pytest.mark.slow
def test_the_plugin_allocates_nothing_outside_the_run(build_dir: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(("alpha", "beta")):
        save_toy_model(tmp_path / f"{name}.onnx", seed=seed)
    output = run(
        build_dir / "plugin_allocation_test",
        UNBRAID_MODELS=tmp_path,
        UNBRAID_ORT_LIBRARY=build_dir / "ort_shim.so",
        TEST_REAL_ORT_LIBRARY=real_library(),
    )
    assert "ok: vst3 10000 samples: 0 allocations" in output
    assert "ok: clap 10000 samples: 0 allocations" in output
    assert "ok: clap going over to it: 0 allocations" in output
    assert "FAILED" not in output
