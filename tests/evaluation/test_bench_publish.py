"""What readers see of the scores: the tables between the marks, and the picture."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

for package in ("matplotlib", "soundfile", "soxr"):
    pytest.importorskip(package, reason="needs the extra [bench]")

from bench import publish  # noqa: E402
from bench.pictures import gain_over_input  # noqa: E402
from bench.publish import ROOT, replace_between  # noqa: E402
from unbraid.evaluation.scores import Score  # noqa: E402

MARKED = "before\n<!-- {0}: written by bench.publish -->\nold\n<!-- {0}: end -->\nafter\n"
KINDS = ("speech+music+noise", "speech+music", "speech+noise", "music+noise")


def scores() -> list[Score]:
    """Every stem of every kind gains a dB more per clip, for us and for a peer of speech."""
    found = []
    for kind in KINDS:
        for clip in range(4):
            for stem in kind.split("+"):
                for system in ("Peer", "Unbraid") if stem == "speech" else ("Unbraid",):
                    values = {"si_sdr_input": -2.0 * clip, "si_sdr_gain": float(clip), "si_sdr_gain_full": 1.0}
                    found += [Score(system, f"{clip}", kind, stem, metric, x) for metric, x in values.items()]
    return found


def test_tables_go_between_their_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("bench", "docs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "README.md").write_text(MARKED.format("besides") + MARKED.format("speech"))
    (tmp_path / "bench" / "README.md").write_text(MARKED.format("quality"))
    (tmp_path / "scores.json").write_text(json.dumps([asdict(score) for score in scores()]))
    monkeypatch.setattr("sys.argv", ["publish", str(tmp_path / "scores.json"), "--root", str(tmp_path)])
    publish.main()
    readme = (tmp_path / "README.md").read_text()
    assert "| Unbraid | 1.5 | 1.5 | 1.5 |" in readme
    assert "the music (a gain of 1.5 dB where all three sound, 1.5 with speech,\n1.5 with noise)" in readme
    assert readme.count("before") == readme.count("after") == 2
    assert "old" not in readme
    assert "### music+noise" in (tmp_path / "bench" / "README.md").read_text()
    picture = (tmp_path / "docs" / "peers.svg").read_bytes()
    publish.main()
    assert readme == (tmp_path / "README.md").read_text()
    assert picture == (tmp_path / "docs" / "peers.svg").read_bytes()


def test_a_file_without_marks_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(ValueError, match=r"README\.md: expected '<!-- speech: written"):
        replace_between(tmp_path / "README.md", "speech", "new")
    assert (tmp_path / "README.md").read_text() == "nothing"


@pytest.mark.parametrize(
    ("file", "name"), [("README.md", "besides"), ("README.md", "speech"), ("bench/README.md", "quality")]
)
def test_our_own_pages_have_the_marks(file: str, name: str) -> None:
    text = (ROOT / file).read_text()
    assert text.count(f"<!-- {name}: written by bench.publish -->") == text.count(f"<!-- {name}: end -->") == 1


def test_gains_are_averaged_where_there_are_clips_enough() -> None:
    found = [Score("Unbraid", str(i), "speech+noise", "speech", "si_sdr_input", x) for i, x in enumerate((1, 2, 3, 9))]
    found += [Score("Unbraid", str(i), "speech+noise", "speech", "si_sdr_gain", x) for i, x in enumerate((4, 5, 9, 1))]
    x, y, middles, means = gain_over_input(found, "speech", "Unbraid")
    assert (x, y) == ([1, 2, 3, 9], [4, 5, 9, 1])
    assert (middles, means) == ([2.0], [6.0])
