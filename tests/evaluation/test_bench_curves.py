"""bench.curves and bench.ratios: what is measured ends up in the table, in the picture and in the warning."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="needs the extra [bench]")
pytest.importorskip("soxr", reason="needs the extra [bench]")
soundfile = pytest.importorskip("soundfile", reason="needs soundfile")

from bench import curves, ratios  # noqa: E402


def test_the_median_of_rounds_outlives_one_bad_round() -> None:
    values = iter([1.0, 2.0, 100.0, 2.1, 1.2, 2.2])
    found = curves.median_of_rounds(3, {8: lambda: next(values), 16: lambda: next(values)})
    assert found == {8: 1.2, 16: 2.1}


@pytest.mark.slow
def test_every_curve_is_measured_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"RATES": (8000, 48000), "CHANNEL_COUNTS": (1, 2), "BLOCKS": (256, 4096), "STREAM_COUNTS": (1, 2)}
    for name, values in small.items():
        monkeypatch.setattr(curves, name, values)
    monkeypatch.setattr(curves, "open_peers", lambda: ({}, {"RNNoise": "not asked for"}))
    monkeypatch.setattr(
        sys, "argv", ["curves", str(tmp_path), "--seconds", "0.5", "--rounds", "1", "--longest-file", "10"]
    )
    curves.main()
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    rows = list(csv.DictReader((tmp_path / "curves.csv").read_text().splitlines()))
    assert {row["curve"] for row in rows} >= {curve.name for curve in curves.CURVES}
    assert {row["system"] for row in rows} == {"dialogue", "dialogue-lite"}
    assert all(float(row["value"]) > 0 for row in rows)


def test_a_ratio_that_moved_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "ratios.json"
    kept.write_text(json.dumps({"machine": "here", "ratios": {"mono": 0.8, "separate_file": 0.5}}))
    monkeypatch.setattr(ratios, "KEPT", kept)
    monkeypatch.setattr(ratios, "measure", lambda seconds, rounds: {"mono": 0.9, "separate_file": 0.65, "new": 3.0})
    monkeypatch.setattr(sys, "argv", ["ratios"])
    ratios.main()
    warnings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert len(warnings) == 1
    assert "separate_file" in warnings[0]
