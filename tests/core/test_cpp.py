"""The C++ unit tests: what of the core and the plug-in otherwise only hosts reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import ROOT
from helpers.cpp_programs import build_cpp_tests, real_ort_library, run, save_test_models


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str | Path]:
    save_test_models(tmp_path)
    return {"TEST_FOLDER": tmp_path, "TEST_REAL_ORT_LIBRARY": real_ort_library()}


def unit_tests(folder: Path) -> Path:
    program = folder / "unit_tests"
    if not program.exists():
        pytest.skip("needs doctest")
    return program


@pytest.mark.slow
def test_units(cpp_tests_dir: Path, environment: dict[str, str | Path]) -> None:
    told = run(unit_tests(cpp_tests_dir), UNBRAID_ORT_LIBRARY=cpp_tests_dir / "ort_shim.so", **environment)
    assert "Status: SUCCESS!" in told


@pytest.mark.slow
@pytest.mark.parametrize(("sanitizer", "cases"), [("thread", "threads*"), ("address,undefined", "*")])
def test_units_under_a_sanitizer(
    sanitizer: str, cases: str, tmp_path: Path, environment: dict[str, str | Path]
) -> None:
    folder = build_cpp_tests(tmp_path / "build", f"-DUNBRAID_SANITIZE={sanitizer}", target="unit_tests")
    told = run(
        unit_tests(folder),
        f"-tc={cases}",
        UNBRAID_ORT_LIBRARY=folder / "ort_shim.so",
        TSAN_OPTIONS=f"halt_on_error=1:suppressions={ROOT / 'cpp' / 'tests' / 'tsan.supp'}",
        UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
        **environment,
    )
    assert "Status: SUCCESS!" in told
    assert " 0 passed" not in told
