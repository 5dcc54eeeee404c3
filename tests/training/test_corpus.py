"""The corpus builder: what a recipe may say, what is read from git and Debian packages, what the corpus holds."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import subprocess
import tomllib
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

soundfile = pytest.importorskip("soundfile", reason="needs the extra [train]")
pytest.importorskip("soxr", reason="needs the extra [train]")

from helpers import ROOT  # noqa: E402
from helpers.toy_corpus import SOUNDS  # noqa: E402
from unbraid.training.corpus import builder  # noqa: E402
from unbraid.training.corpus.builder import build, build_source, split_of  # noqa: E402
from unbraid.training.corpus.clips import load_clips, load_kinds, packed_file  # noqa: E402
from unbraid.training.corpus.recordings import bandwidth_of, prepare  # noqa: E402
from unbraid.training.corpus.sources import Recipe, RecipeError, Source, read_files  # noqa: E402

DIALOGUE = ROOT / "recipes" / "dialogue" / "recipe.toml"

# Never to be trained on, whatever becomes of the recipe: they make the evaluation sets.
RESERVED = tomllib.loads(DIALOGUE.read_text(encoding="utf-8"))["reserved"]["sources"]

pytestmark = [
    pytest.mark.skipif(not shutil.which("git"), reason="needs git"),
    # The pool forks next to whatever threads other tests have left behind.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]


def wav(kind: str, seed: int, sample_rate: int = 16000, seconds: float = 1.0) -> bytes:
    file = io.BytesIO()
    audio = SOUNDS[kind](np.random.default_rng(seed), sample_rate, seconds)
    soundfile.write(file, audio, sample_rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def git(repo: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=toy", "-c", "user.email=toy@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", str(repo), *identity, *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def commit(mirrors: Path, name: str, files: dict[str, bytes]) -> str:
    """Make the mirror of toy/NAME; return its commit."""
    repo = mirrors / f"toy+{name}"
    for path, content in files.items():
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_bytes(content)
    git(repo, "init", "--quiet")
    git(repo, "add", ".")
    git(repo, "commit", "--quiet", "--message=toy")
    return git(repo, "rev-parse", "HEAD")


def toy_source(name: str, kind: str, commit: str, **fields: str) -> Source:
    return Source(name, kind, r"\.wav$", "CC0 1.0", "toy", git=f"toy/{name}", commit=commit, **fields)


def toy_recipe(*sources: Source, reserved_speakers: frozenset[str] = frozenset(), percent: int = 40) -> Recipe:
    return Recipe("toy", ["speech", "music", "noise"], list(sources), percent, 1_000_000, 60, reserved_speakers)


@pytest.fixture
def mirrors(tmp_path: Path) -> Path:
    return tmp_path / "mirrors"


@pytest.fixture
def recipe(mirrors: Path) -> Recipe:
    """Ten voices of three files each, four tracks and four noises."""
    voices = {f"voice{i}/{take}.wav": wav("speech", 10 * i + take) for i in range(10) for take in range(3)}
    tracks = {f"track{i}.wav": wav("music", i, 44100, 4.5) for i in range(4)}
    noises = {f"noise{i}.wav": wav("noise", i, 8000 if i else 48000) for i in range(4)}
    return toy_recipe(
        toy_source("voices", "speech", commit(mirrors, "voices", voices), speaker=r"^(\w+)/"),
        toy_source("tracks", "music", commit(mirrors, "tracks", tracks)),
        toy_source("noises", "noise", commit(mirrors, "noises", noises)),
    )


def pattern(mirrors: Path) -> str:
    return str(mirrors / "{owner}+{name}")


def contents(source: Source, mirrors: Path, max_file_bytes: int = 1_000_000) -> dict[str, bytes]:
    return dict(read_files(source, mirrors, pattern(mirrors), max_file_bytes))


# --- recipes --------------------------------------------------------------------------------------------------------


def write_recipe(path: Path, **fields: str) -> Path:
    """The shipped recipe's head with a single source."""
    head = DIALOGUE.read_text(encoding="utf-8").split("[[source]]")[0]
    row = {"name": "toy", "kind": "speech", "include": "x", "license": "CC0 1.0", "attribution": "toy", **fields}
    path.write_text(head + "[[source]]\n" + "".join(f'{key} = "{value}"\n' for key, value in row.items()))
    return path


def test_the_dialogue_recipe_loads() -> None:
    recipe = Recipe.load(DIALOGUE)
    assert {source.kind for source in recipe.sources} == {"speech", "music", "noise"}
    assert len({source.name for source in recipe.sources}) == len(recipe.sources)
    assert all(source.license and source.attribution for source in recipe.sources)
    assert all(len(source.commit) == 40 for source in recipe.sources if source.git)
    assert len(recipe.reserved_speakers) == 70
    assert len(RESERVED) >= 11


@pytest.mark.parametrize("word", RESERVED)
@pytest.mark.parametrize("field", ["name", "git", "deb"])
def test_reserved_sources_are_refused(tmp_path: Path, word: str, field: str) -> None:
    origin = {"name": {"name": f"my_{word.upper()}", "deb": "toy"}, "git": {"git": f"someone/{word}-audio"}}
    with pytest.raises(RecipeError, match="reserved for evaluation"):
        Recipe.load(write_recipe(tmp_path / "toy.toml", **origin.get(field, {"deb": word})))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"deb": "toy", "kind": "birds"}, "is 'birds', expected one of"),
        ({}, "needs either 'git' or 'deb'"),
        ({"deb": "toy", "git": "toy/toy"}, "needs either 'git' or 'deb'"),
    ],
)
def test_recipes_that_cannot_be_built_are_refused(tmp_path: Path, fields: dict[str, str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.load(write_recipe(tmp_path / "toy.toml", **fields))


@pytest.mark.parametrize(
    ("name", "path", "speaker"),
    [
        ("speechocean762", "WAVE/{}/0001.WAV", "SPEAKER0049"),
        ("librispeech", "audio_data/librispeech_test-other/{0}/1/{0}-1-0001.flac", "1688"),
    ],
)
def test_reserved_speakers_are_left_out(tmp_path: Path, mirrors: Path, name: str, path: str, speaker: str) -> None:
    """The shipped patterns find each reserved speaker in paths as the sources have them."""
    shipped = Recipe.load(DIALOGUE)
    assert speaker in shipped.reserved_speakers
    prefix = "SPEAKER" if speaker.startswith("SPEAKER") else ""
    allowed = f"{prefix}7777"
    speakers = [one for one in shipped.reserved_speakers if one.startswith("SPEAKER") == bool(prefix)]
    files = {path.format(one): wav("speech", seed) for seed, one in enumerate([*sorted(speakers), allowed])}
    source = next(source for source in shipped.sources if source.name == name)
    source = dataclasses.replace(source, git="toy/toy", commit=commit(mirrors, "toy", files))
    assert len(contents(source, mirrors)) == len(speakers) + 1
    build_source(source, shipped, tmp_path, pattern(mirrors), tmp_path)
    clips = json.loads((tmp_path / f"{name}.json").read_text())["clips"]
    assert [clip["speaker"] for clip in clips] == [f"{name}/{allowed}"]


# --- where files come from ------------------------------------------------------------------------------------------


def test_git_files_come_in_order_without_twins_and_giants(mirrors: Path) -> None:
    files = {"b/1.wav": b"one", "a b/é.wav": b"two", "c.wav": b"one", "d.txt": b"3", "e.wav": b"so large", "z.wav": b""}
    source = toy_source("toy", "noise", commit(mirrors, "toy", files), exclude="^z")
    assert list(read_files(source, mirrors, pattern(mirrors), 5)) == [("a b/é.wav", b"two"), ("b/1.wav", b"one")]


def test_blobs_that_a_partial_clone_lacks_are_left_out(mirrors: Path) -> None:
    source = toy_source("toy", "noise", commit(mirrors, "toy", {"here.wav": b"here", "gone.wav": b"gone"}))
    blob = git(mirrors / "toy+toy", "rev-parse", "HEAD:gone.wav")
    (mirrors / "toy+toy" / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    assert contents(source, mirrors) == {"here.wav": b"here"}


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="needs dpkg-deb")
def test_files_of_a_debian_package_and_of_an_archive_inside(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    control = "Package: toy\nVersion: 1.0\nArchitecture: all\nMaintainer: toy <toy@example.org>\nDescription: toy\n"
    (tree / "DEBIAN" / "control").write_text(control)
    (tree / "usr").mkdir()
    (tree / "usr" / "b.wav").write_bytes(b"b")
    (tree / "usr" / "a.wav").write_bytes(b"a")
    with zipfile.ZipFile(tree / "usr" / "data.zip", "w") as archive:
        archive.writestr("in/side.wav", b"inside")
        archive.writestr("in/side.txt", b"text")
    subprocess.run(["dpkg-deb", "--build", tree, tmp_path / "toy_1.0_all.deb"], check=True, capture_output=True)
    package = Source("toy", "noise", r"\.wav$", "CC0 1.0", "toy", deb="toy")
    inner = dataclasses.replace(package, archive="usr/data.zip")
    assert list(read_files(package, tmp_path, None, 0)) == [("usr/a.wav", b"a"), ("usr/b.wav", b"b")]
    assert list(read_files(inner, tmp_path, None, 0)) == [("in/side.wav", b"inside")]
    whole = (tmp_path / "toy_1.0_all.deb").read_bytes()
    (tmp_path / "toy_1.0_all.deb").write_bytes(whole[:-100])
    with pytest.raises(ValueError, match=r"toy_1\.0_all\.deb: dpkg-deb cannot read all of it"):
        list(read_files(package, tmp_path, None, 0))


# --- what is built --------------------------------------------------------------------------------------------------


def test_the_corpus_holds_each_clip_where_it_says(tmp_path: Path, mirrors: Path, recipe: Recipe) -> None:
    dest = tmp_path / "corpus"
    summary = build(recipe, dest, tmp_path / "cache", pattern(mirrors), workers=1)
    clips = load_clips(dest)
    assert len(clips) == 38
    assert {row["files"] for row in summary["sources"].values()} == {30, 4}
    assert {path.suffix for path in dest.iterdir()} == {".i16", ".json"}
    by_name = {source.name: source for source in recipe.sources}
    for clip in clips:
        packed = np.fromfile(packed_file(dest, clip.source, clip.sample_rate), np.int16)
        content = contents(by_name[clip.source], mirrors)[clip.path]
        prepared = prepare(clip.kind, clip.path, [content], recipe.max_seconds)
        assert prepared is not None
        assert prepared[1] == clip.sample_rate
        np.testing.assert_array_equal(packed[clip.offset : clip.offset + clip.length], prepared[0][0])


def test_splits_never_share_a_speaker(tmp_path: Path, mirrors: Path, recipe: Recipe) -> None:
    build(recipe, tmp_path / "corpus", tmp_path / "cache", pattern(mirrors), workers=1)
    splits = defaultdict(set)
    assert load_kinds(tmp_path / "corpus") == recipe.kinds
    for clip in load_clips(tmp_path / "corpus"):
        splits[clip.speaker].add(clip.split)
    assert all(len(split) == 1 for split in splits.values())
    assert len([name for name in splits if name.startswith("voices/")]) == 10
    assert {split for name, (split,) in splits.items() if name.startswith("voices/")} == {"train", "validation"}


def test_the_only_voice_of_a_source_is_trained_on() -> None:
    for percent in (0, 100):
        assert split_of(toy_source("kim", "speech", ""), "kim.wav", percent) == "train"
    assert split_of(toy_source("rain", "noise", ""), "rain.wav", 100) == "validation"


def test_builds_are_the_same_anywhere(tmp_path: Path, mirrors: Path, recipe: Recipe) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        build(recipe, tmp_path / name, tmp_path / f"cache_{name}", pattern(mirrors), workers=workers)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_build_that_was_cut_goes_on(
    tmp_path: Path, mirrors: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(recipe, tmp_path / "whole", tmp_path, pattern(mirrors), workers=1)
    cut = tmp_path / "cut"
    cut.mkdir()
    done = recipe.sources[0]
    summary = build_source(done, recipe, tmp_path, pattern(mirrors), cut)
    packed_file(cut, "tracks", 44100).write_bytes(b"half written" * 100_000)
    with monkeypatch.context() as patch:
        patch.setattr(builder, "read_files", None)
        assert build_source(done, recipe, tmp_path, pattern(mirrors), cut) == summary
    build(recipe, cut, tmp_path, pattern(mirrors), workers=1)
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (cut / path.name).read_bytes()


def test_a_changed_recipe_builds_a_source_anew(tmp_path: Path, mirrors: Path, recipe: Recipe) -> None:
    dest = tmp_path / "corpus"
    build(recipe, dest, tmp_path, pattern(mirrors), workers=1)
    heard = {clip.speaker.removeprefix("voices/") for clip in load_clips(dest) if clip.source == "voices"}
    reserved = dataclasses.replace(recipe, reserved_speakers=recipe.reserved_speakers | {min(heard)})
    build(reserved, dest, tmp_path, pattern(mirrors), workers=1)
    left = {clip.speaker.removeprefix("voices/") for clip in load_clips(dest) if clip.source == "voices"}
    assert left == heard - {min(heard)}


def test_a_file_of_two_sources_counts_once(tmp_path: Path, mirrors: Path, recipe: Recipe) -> None:
    source = recipe.sources[0]
    twin = dataclasses.replace(source, name="twin", speaker="")
    build(toy_recipe(source, twin), tmp_path / "corpus", tmp_path, pattern(mirrors), workers=1)
    assert {clip.source for clip in load_clips(tmp_path / "corpus")} == {source.name}


@pytest.mark.parametrize(("bad", "sample_rate"), [(np.nan, 16000), (np.inf, 16000), (0.1, 40)])
def test_prepare_leaves_out_what_is_no_sound(bad: float, sample_rate: int) -> None:
    file = io.BytesIO()
    audio = np.full(sample_rate * 5, 0.1, np.float32)
    audio[100] = bad
    soundfile.write(file, audio, sample_rate, format="WAV", subtype="FLOAT")
    assert prepare("noise", "x.wav", [file.getvalue()], 60) is None


def test_a_pattern_that_finds_nothing_is_an_error(tmp_path: Path, mirrors: Path) -> None:
    source = toy_source("toy", "noise", commit(mirrors, "toy", {"broken.wav": b"no audio", "readme": b""}))
    with pytest.raises(RecipeError, match="toy: no audio found"):
        build_source(source, toy_recipe(source), tmp_path, pattern(mirrors), tmp_path)


def test_prepare_trims_resamples_and_normalises() -> None:
    tone = SOUNDS["music"](np.random.default_rng(0), 11025, 5.0)
    file = io.BytesIO()
    silence = np.zeros(11025, np.float32)
    soundfile.write(file, np.stack([np.concatenate([silence, tone, silence])] * 2, axis=1), 11025, format="WAV")
    prepared = prepare("music", "x.wav", [file.getvalue()], 60)
    assert prepared is not None
    audio, sample_rate, _ = prepared
    assert sample_rate == 16000
    assert audio.shape[0] == 1  # both channels were the same
    assert audio.shape[1] / sample_rate == pytest.approx(5.06, abs=0.05)
    assert np.abs(audio).max() == pytest.approx(0.9 * 32767, abs=1)


@pytest.mark.parametrize("seconds", [0.0, 0.1])
def test_prepare_leaves_out_what_is_too_short(seconds: float) -> None:
    assert prepare("speech", "x.wav", [wav("speech", 1, seconds=seconds)], 60) is None


def test_summary_records_licence_and_origin(tmp_path: Path, mirrors: Path, recipe: Recipe) -> None:
    source = recipe.sources[0]
    build(toy_recipe(source), tmp_path / "corpus", tmp_path, pattern(mirrors), workers=1)
    row = json.loads((tmp_path / "corpus" / "summary.json").read_text())["sources"]["voices"]
    assert row["license"] == "CC0 1.0"
    assert row["origin"] == f"git toy/voices@{source.commit}"
    assert row["speakers"] == 10
    assert len(row["sha256"]) == 64
    assert all(len(clip.sha256) == 64 for clip in load_clips(tmp_path / "corpus"))


def packed_wav(audio: NDArray[np.floating], sample_rate: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio.T, sample_rate, format="WAV")
    return file.getvalue()


@pytest.mark.parametrize(("side", "channels"), [(0.5, 2), (0.02, 2), (0.002, 1)])
def test_what_is_stereo_stays_so_unless_it_speaks(rng: np.random.Generator, side: float, channels: int) -> None:
    middle, wide = rng.uniform(-0.3, 0.3, (2, 5 * 16000))
    content = packed_wav(np.stack([middle + side * wide, middle - side * wide]), 16000)
    for kind, expected in (("music", channels), ("noise", channels), ("speech", 1)):
        prepared = prepare(kind, "x.wav", [content], 60)
        assert prepared is not None
        assert prepared[0].shape == (expected, 5 * 16000)


def test_stereo_clips_lie_where_they_say(tmp_path: Path, mirrors: Path, rng: np.random.Generator) -> None:
    files = {f"{i}.wav": packed_wav(rng.uniform(-0.3, 0.3, (1 + i % 2, 8000 + i)), 16000) for i in range(4)}
    source = toy_source("storm", "noise", commit(mirrors, "storm", files))
    build(toy_recipe(source), tmp_path / "corpus", tmp_path, pattern(mirrors), workers=1)
    clips = load_clips(tmp_path / "corpus")
    assert [(clip.channels, clip.length) for clip in clips] == [(1, 8000), (2, 8001), (1, 8002), (2, 8003)]
    for clip in clips:
        path = packed_file(tmp_path / "corpus", "storm", 16000, clip.channels)
        packed = np.fromfile(path, np.int16).reshape(-1, clip.channels)[clip.offset : clip.offset + clip.length]
        given, _ = soundfile.read(io.BytesIO(files[clip.path]), always_2d=True)
        np.testing.assert_allclose(packed / 32767, given * 0.9 / np.abs(given).max(), atol=1e-4)


@pytest.mark.parametrize(("sample_rate", "cutoff_hz"), [(44100, 8000.0), (48000, 4000.0), (48000, 16000.0)])
def test_the_bandwidth_is_where_the_sound_ends(sample_rate: int, cutoff_hz: float, rng: np.random.Generator) -> None:
    spectrum = np.fft.rfft(rng.standard_normal(5 * sample_rate))
    spectrum *= 1 / (1 + np.fft.rfftfreq(5 * sample_rate, 1 / sample_rate) / 500)  # falls as voices do
    whole = np.fft.irfft(spectrum)[None]
    spectrum[int(5 * cutoff_hz) :] = 0
    narrow = np.fft.irfft(spectrum)[None]
    assert bandwidth_of(whole.astype(np.float32), sample_rate) == sample_rate / 2
    assert bandwidth_of(narrow.astype(np.float32), sample_rate) == cutoff_hz


def test_parts_are_joined_and_lists_are_kept_to(tmp_path: Path, mirrors: Path, rng: np.random.Generator) -> None:
    parts = {f"{name}-{i}.wav": rng.uniform(-0.3, 0.3, (1, 8000)) for name in ("1-a", "1-b", "5-c") for i in range(3)}
    sha = commit(mirrors, "cuts", {path: packed_wav(audio, 16000) for path, audio in parts.items()})
    source = toy_source("cuts", "noise", sha, joined=r"^(\d-\w)-\d", listed="ids.tsv", held_out="^5-")
    source = dataclasses.replace(source, ids=frozenset({"1-a", "5-c"}))
    build(toy_recipe(source), tmp_path / "corpus", tmp_path, pattern(mirrors), workers=1)
    clips = load_clips(tmp_path / "corpus")
    assert [(clip.path, clip.split) for clip in clips] == [("1-a-0.wav", "train"), ("5-c-0.wav", "validation")]
    packed = np.fromfile(packed_file(tmp_path / "corpus", "cuts", 16000), np.int16)
    for clip in clips:
        whole = np.concatenate([parts[f"{clip.path[:-5]}{i}.wav"] for i in range(3)], axis=1)[0]
        heard = packed[clip.offset : clip.offset + clip.length]
        np.testing.assert_allclose(heard / 32767, whole * 0.9 / np.abs(whole).max(), atol=1e-3)


def test_the_free_clips_of_esc50_alone_are_listed() -> None:
    esc50 = next(source for source in Recipe.load(DIALOGUE).sources if source.name == "esc50")
    rows = (DIALOGUE.parent / esc50.listed).read_text(encoding="utf-8").splitlines()[1:]
    columns = [row.split("\t") for row in rows]
    assert len(esc50.ids) == len(rows) == 1305
    assert {row[3] for row in columns} == {"CC0 1.0", "CC BY 3.0"}
    assert all(row[2] for row in columns)
    assert not {"laughing", "church bells", "crying baby"} & {row[1] for row in columns}
    assert esc50.wants("Binary_Drone_Audio/unknown/1-100038-A-140.wav")
    assert not esc50.wants("Binary_Drone_Audio/unknown/1-100032-A-00.wav")  # one of ESC-10


def test_a_list_needs_to_know_its_ids(tmp_path: Path) -> None:
    (tmp_path / "ids.tsv").write_text("clip\nx\n")
    with pytest.raises(RecipeError, match="'joined' must say"):
        Recipe.load(write_recipe(tmp_path / "recipe.toml", listed="ids.tsv"))
