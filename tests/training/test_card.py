"""The model card: its figures are those of the files it was given."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

for package in ("matplotlib", "scipy", "soundfile", "soxr"):
    pytest.importorskip(package, reason="needs the extra [train]")

import soundfile  # noqa: E402

from helpers.toy_corpus import write_clip  # noqa: E402
from helpers.toy_model import save_embedding_model, save_toy_model  # noqa: E402
from unbraid.evaluation.pairs import PairScore  # noqa: E402
from unbraid.evaluation.scores import Score  # noqa: E402
from unbraid.training.card import sources_table, worst_clip, write_card  # noqa: E402

RUN = {"commit": "abc123", "step": 7, "hours_heard": 2.5, "seed": 3}
SOURCES: dict[str, dict[str, object]] = {
    "poems": {"kind": "speech", "speakers": 1, "voices": 15},
    "songs": {"kind": "music", "speakers": None, "voices": 1},
}
COMMON: dict[str, object] = {"hours": 1.5, "files": 4, "license": "CC0"}
COMMON |= {"attribution": "someone", "origin": "git a/b@c"}
SUMMARY = {"recipe": "toy", "sources": {name: COMMON | row for name, row in SOURCES.items()}}


RECIPE = """
name = "toy"
kinds = ["speech", "music", "noise"]
validation_percent = 5
max_file_bytes = 1
max_seconds = 1.0
[reserved]
sources = []
speakers = []
[[source]]
name = "things"
kind = "noise"
git = "a/b"
commit = "c"
include = "."
joined = "(.*)"
listed = "things.tsv"
selection = "The selection is another's."
license = "per clip"
attribution = "per clip"
"""


def gain(clip: str, stem: str, value: float, kind: str = "speech+music+noise") -> Score:
    return Score("toy", clip, kind, stem, "si_sdr_gain", value)


SCORES = [
    gain("000", "speech", 4.0),
    gain("000", "music", -9.0),
    gain("001", "speech", 1.25),
    gain("002", "speech", -3.0, kind="speech+noise"),
    Score("toy", "001", "speech+music+noise", "speech", "si_sdr_gain_full", -20.0),
]


def test_the_worst_clip_is_of_the_first_stem_among_full_mixtures() -> None:
    assert worst_clip(SCORES) == gain("001", "speech", 1.25)


def test_a_source_of_voices_that_are_not_told_apart_has_them_all() -> None:
    poems, songs = sources_table(SUMMARY).splitlines()[2:4]
    assert poems == "| poems | speech | 1.50 | 4 | 15 | CC0 | someone | git a/b@c |"
    assert songs.startswith("| songs | music | 1.50 | 4 |  |")


def test_a_card_says_what_the_files_say(tmp_path: Path) -> None:
    model = save_toy_model(tmp_path / "toy.onnx", training_run=json.dumps(RUN))
    corpus, run, folder, recipe = (tmp_path / name for name in ("corpus", "run", "eval", "recipe"))
    for path in (corpus, run, recipe):
        path.mkdir()
    write_clip(folder / "000", "speech", "music", "noise")
    write_clip(folder / "001", "speech", "music", "noise", sample_rate=44100, channels=2)
    (corpus / "summary.json").write_text(json.dumps(SUMMARY))
    (run / "config.json").write_text(
        json.dumps({"model": {"kernel": 5}, "train": {"steps": 7, "start_from": "/home/me/first/last.pt"}})
    )
    rows = [{"step": step, "gain_db": step / 2, "smn/speech": 1.0} for step in (1, 2)]
    (run / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    scores = tmp_path / "scores.json"
    scores.write_text(json.dumps([asdict(score) for score in SCORES]))

    (recipe / "limits.md").write_text("## Limits\n\nIt is a toy.\n")
    (recipe / "recipe.toml").write_text(RECIPE)
    (recipe / "things.tsv").write_text("clip\tclass\tauthor\tlicence\ttitle\n1-2\tfan\tAda\tCC0 1.0\tfan.wav\n")
    card = write_card(model, recipe, corpus, run, scores, folder)
    text = card.read_text()
    record = (recipe / "training.md").read_text()
    assert card == tmp_path / "toy.md"
    for piece in (
        "`abc123`",
        "7 steps",
        "2.5 hours",
        "seed 3",
        "| 2.62 | -20.00 | 1.25 (001) |",
        "It is a toy.",
        "### things\n\nThe selection is another's.\n",
        "| 1-2 | Ada | CC0 1.0 | fan.wav |",
    ):
        assert piece in text, piece
    assert "kernel 5" in record
    assert "clip 001, gains 1.2 dB" in record
    assert "start_from last.pt" in record
    assert "teacher" not in record  # it had none
    assert "/home/me" not in record
    assert "png" not in text  # pictures are for the recipe's folder: the card is in the wheel
    for image in ("curve.png", "worst.png"):
        assert f"({image})" in record
        assert (recipe / image).read_bytes().startswith(b"\x89PNG")

    # A second model of this corpus credits the same recordings.
    second = recipe.rename(tmp_path / "smaller")
    (tmp_path / "toy").mkdir()
    for name in ("recipe.toml", "things.tsv"):
        (second / name).rename(tmp_path / "toy" / name)
    assert write_card(model, second, corpus, run, scores, folder).read_text() == text


def test_the_card_of_a_model_of_talkers(tmp_path: Path) -> None:
    """It has heard voices alone, and says so; its figures are of pairs."""
    model = save_embedding_model(tmp_path / "people.onnx", training_run=json.dumps(RUN))
    corpus, run, recipe = (tmp_path / name for name in ("corpus", "run", "recipe"))
    for path in (corpus, run, recipe):
        path.mkdir()
    rng = np.random.default_rng(1)
    (tmp_path / "pairs" / "000").mkdir(parents=True)
    for name in ("talker1", "talker2"):
        soundfile.write(tmp_path / "pairs" / "000" / f"{name}.flac", 0.1 * rng.standard_normal(8000), 16000)
    (corpus / "summary.json").write_text(json.dumps(SUMMARY))
    (run / "config.json").write_text(json.dumps({"model": {}, "train": {"steps": 7}}))
    (run / "log.jsonl").write_text(json.dumps({"step": 7, "gain_db": 6.0, "k-means": 5.0, "true centres": 7.0}))
    (recipe / "limits.md").write_text("## Limits\n\nIt is a toy.\n")
    scores = tmp_path / "scores.json"
    scores.write_text(json.dumps([asdict(PairScore("000", -1.5, 16.0, True))]))
    text = write_card(model, recipe, corpus, run, scores, tmp_path / "pairs").read_text()
    for piece in ("It hears whole signals", "| all | 1 | -1.50 | 16.00 |", "| poems |", "In all: speech 1.5 h."):
        assert piece in text, piece
    assert "songs" not in text
    assert "The worst pair, clip 000, gains -1.5 dB" in (recipe / "training.md").read_text()
