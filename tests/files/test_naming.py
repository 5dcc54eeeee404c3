"""What outputs are called, and which inputs are refused before any work."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unbraid
from helpers.audio import Audio, read_audio, soft_noise, write
from unbraid.files.naming import check_distinct, output_name, stem_paths

STEMS = ("speech", "music", "noise")


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    return soft_noise(rng, 1, 4800)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("talk.wav", "talk"),
        ("talk", "talk"),
        ("talk.v2.final.wav", "talk.v2.final"),
        (".talk.wav", ".talk"),
        ("talk..wav", "talk."),
        (" .wav", " "),
        ("..wav", "..wav"),
        ("...wav", "...wav"),
        ("....wav", "....wav"),
        (".wav", ".wav"),
        ("...", "..."),
    ],
)
def test_every_input_has_a_folder_of_its_name(
    tmp_path: Path, toy_model: unbraid.Model, audio: Audio, name: str, folder: str
) -> None:
    assert output_name(Path(name)) == folder
    write(tmp_path / "x.wav", audio).rename(tmp_path / name)
    paths = unbraid.separate_file(tmp_path / name, tmp_path / "a" / "b", model=toy_model)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted([tmp_path / name, *paths.values()])
    assert {path.parent for path in paths.values()} == {tmp_path / "a" / "b" / folder}


@pytest.mark.parametrize("stem", ["n" * 251, "\u306c" * 83, "e\u0301" * 83])
def test_inputs_with_the_longest_names(tmp_path: Path, toy_model: unbraid.Model, audio: Audio, stem: str) -> None:
    source = write(tmp_path / f"{stem}.wav", audio)
    paths = unbraid.separate_file(source, tmp_path / "stems", model=toy_model)
    assert paths["music"] == tmp_path / "stems" / stem / "music.wav"
    target = unbraid.remix_file(source, tmp_path / "new" / source.name, model=toy_model)
    np.testing.assert_allclose(read_audio(target), read_audio(source), atol=1e-6)


def targets_of(sources: list[Path], output_dir: Path) -> dict[Path, dict[str, Path]]:
    return {source: stem_paths(source, output_dir, STEMS, "wav") for source in sources}


def refused(sources: list[Path], output_dir: Path) -> str:
    with pytest.raises(ValueError, match="would") as caught:
        check_distinct(sources, output_dir, targets_of(sources, output_dir))
    return str(caught.value)


def test_inputs_of_one_name_are_refused(tmp_path: Path) -> None:
    for one, other in (("a/x.wav", "b/x.wav"), ("x.wav", "x.flac"), ("..wav", "..wav.wav")):
        message = refused([tmp_path / "y.wav", tmp_path / one, tmp_path / other], tmp_path / "stems")
        assert message.startswith(f"{tmp_path / one} and {tmp_path / other} would both be written to ")


@pytest.mark.parametrize(("one", "other"), [("Take", "take"), ("STRASSE", "straße"), ("\u00f1", "n\u0303")])
def test_the_file_system_is_asked_about_names_that_are_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one: str, other: str
) -> None:
    sources = [tmp_path / f"{name}.wav" for name in (one, "another", other)]
    (tmp_path / one).mkdir()
    takes_them_for_one = (tmp_path / other).exists()
    (tmp_path / one).rmdir()
    if not takes_them_for_one:
        check_distinct(sources, tmp_path / "a" / "b", targets_of(sources, tmp_path / "a" / "b"))
    make = Path.mkdir

    def make_insensitive(path: Path, *mode: Any, **options: Any) -> None:
        make(path.with_name("take") if path.name in (one, other) else path, *mode, **options)

    monkeypatch.setattr(Path, "mkdir", make_insensitive)
    assert refused(sources, tmp_path / "a" / "b").startswith(f"{sources[0]} and {sources[2]} would both be written to")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("link", ["itself", "symbolic", "hard"])
def test_an_output_must_not_be_another_input(tmp_path: Path, audio: Audio, link: str) -> None:
    earlier = tmp_path / "stems" / "talk" / "speech.wav"
    earlier.parent.mkdir(parents=True)
    write(earlier, audio)
    source = write(tmp_path / "talk.wav", audio)
    other = earlier if link == "itself" else tmp_path / "other.wav"
    if link == "symbolic":
        other.symlink_to(earlier)
    elif link == "hard":
        os.link(earlier, other)
    message = refused([source, other], tmp_path / "stems")
    assert message == f"{earlier}: the output of {source} would overwrite the input {other}"


@pytest.mark.skipif(sys.platform == "win32", reason="paths differ")
@pytest.mark.parametrize(
    "name", ["https://example.org/a/talk.wav", "HTTP://x/y.wav", "file:///home/talk.wav", "s3://b/x"]
)
def test_urls_are_told_from_files(tmp_path: Path, toy_model: unbraid.Model, name: str) -> None:
    with pytest.raises(unbraid.AudioFileError, match="is a URL, and only files are read: download it first") as caught:
        unbraid.remix_file(name, tmp_path / "out.wav", model=toy_model)
    assert str(caught.value).startswith(name.replace(":///", "://") if name.startswith("file") else name)


def test_a_file_may_be_called_as_a_url_is(
    tmp_path: Path, toy_model: unbraid.Model, audio: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("http:/x.wav", str(tmp_path / "-")):  # "-" alone is standard input
        Path(name).parent.mkdir(exist_ok=True)
        write(Path("x.wav"), audio).rename(name)
        unbraid.remix_file(name, "out.wav", model=toy_model, force=True)
