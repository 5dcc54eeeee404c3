"""The audio path allocates nothing of its own: C++ programs count, with ONNX Runtime told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.cpp_programs import real_ort_library, run
from helpers.toy_model import MID_AND_SIDE, save_toy_model


@pytest.mark.slow
@pytest.mark.parametrize("channels", ["mid", MID_AND_SIDE])
def test_process_allocates_nothing_outside_the_run(channels: str, cpp_tests_dir: Path, tmp_path: Path) -> None:
    output = run(
        cpp_tests_dir / "allocation_test",
        save_toy_model(tmp_path / "toy.onnx", channels=channels),
        UNBRAID_ORT_LIBRARY=cpp_tests_dir / "ort_shim.so",
        TEST_REAL_ORT_LIBRARY=real_ort_library(),
    )
    assert "ok: sees malloc, free" in output
    assert "ok: separate 10000 samples at 44100 Hz: 0 allocations" in output
    assert "ok: a failing run is an error" in output
    assert "FAILED" not in output


@pytest.mark.slow
def test_the_plugin_allocates_nothing_outside_the_run(cpp_tests_dir: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(("alpha", "beta")):
        save_toy_model(tmp_path / f"{name}.onnx", seed=seed)
    output = run(
        cpp_tests_dir / "plugin_allocation_test",
        UNBRAID_MODELS=tmp_path,
        UNBRAID_ORT_LIBRARY=cpp_tests_dir / "ort_shim.so",
        TEST_REAL_ORT_LIBRARY=real_ort_library(),
    )
    assert "ok: vst3 10000 samples: 0 allocations" in output
    assert "ok: clap 10000 samples: 0 allocations" in output
    assert "ok: clap going over to it: 0 allocations" in output
    assert "FAILED" not in output
