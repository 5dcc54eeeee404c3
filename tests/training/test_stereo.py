"""Middle and side: where sounds are placed, and the band sums of mixtures that have both."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

for package in ("pyroomacoustics", "scipy", "soxr"):
    pytest.importorskip(package, reason="needs the extra [train]")

from helpers.toy_corpus import SOUNDS  # noqa: E402
from unbraid.training import bands  # noqa: E402
from unbraid.training.bands import NUM_BANDS  # noqa: E402
from unbraid.training.corpus.clips import Clip, packed_file  # noqa: E402
from unbraid.training.frames import SAMPLE_RATE, pair_power, spectra  # noqa: E402
from unbraid.training.mixtures import stereo  # noqa: E402
from unbraid.training.mixtures.clips import Clips  # noqa: E402
from unbraid.training.mixtures.mixing import LEVELS_DB, Mixer, heard, mix  # noqa: E402
from unbraid.training.mixtures.stems import KINDS, Drawer, Stem  # noqa: E402
from unbraid.training.mixtures.stereo import MONO, PLACES, placed  # noqa: E402

Complex = NDArray[np.complex64]


@pytest.fixture
def frames(rng: np.random.Generator) -> Complex:
    return spectra(SOUNDS["speech"](rng, SAMPLE_RATE, 0.5))


def toy_stems(rng: np.random.Generator) -> dict[str, Stem]:
    found = {}
    for kind in KINDS:
        planes = placed(spectra(SOUNDS[kind](rng, SAMPLE_RATE, 0.25)), kind, rng)
        found[kind] = Stem(planes, pair_power(planes, planes), 24000.0)
    return found


def always(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stereo, "PLACES", {kind: {place: 1.0} for kind in KINDS})


# --- places ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", sorted({place for places in PLACES.values() for place in places}))
def test_a_sound_is_as_loud_wherever_it_stands(
    place: str, frames: Complex, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    always(place, monkeypatch)
    for _ in range(5):
        planes = placed(frames, "speech", rng)
        assert planes.shape == (2, *frames.shape)
        assert planes.dtype == np.complex64
        assert np.linalg.norm(planes) == pytest.approx(np.linalg.norm(frames), rel=1e-4)


def test_in_the_middle_there_is_no_side(
    frames: Complex, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    always("middle", monkeypatch)
    middle, side = placed(frames, "music", rng)
    np.testing.assert_allclose(middle, frames, rtol=1e-5)
    assert not side.any()


def test_what_is_panned_is_the_same_in_both_channels_at_other_levels(
    frames: Complex, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    always("panned", monkeypatch)
    hard = 0
    for _ in range(40):
        middle, side = placed(frames, "speech", rng)
        left, right = middle + side, middle - side
        loud, quiet = (left, right) if np.linalg.norm(left) > np.linalg.norm(right) else (right, left)
        ratio = np.vdot(loud, quiet) / np.vdot(loud, loud)
        np.testing.assert_allclose(quiet, ratio * loud, atol=1e-4 * np.abs(loud).max())
        hard += abs(ratio) < 1e-3
    assert 4 < hard < 30


def test_what_is_late_in_one_channel_is_the_same_there_but_for_a_shift(
    frames: Complex, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    always("late", monkeypatch)
    middle, side = placed(frames, "speech", rng)
    ratio = (middle - side)[:, 1:] / (middle + side)[:, 1:]  # of right to left, where there is sound
    loud = np.abs(frames[:, 1:]) > 1e-3 * np.abs(frames).max()
    gains = np.abs(ratio[loud])
    assert np.ptp(gains) < 0.05 * gains.mean()
    turns = np.angle(ratio / np.abs(ratio).clip(1e-20))
    assert np.std(turns[loud]) > 0.5  # of phase, other ones at each frequency


def test_in_anti_phase_the_middle_is_all_but_silent(
    frames: Complex, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    always("anti-phase", monkeypatch)
    middle, side = placed(frames, "speech", rng)
    assert np.linalg.norm(middle) < 0.11 * np.linalg.norm(side)


@pytest.mark.parametrize("place", ["room", "spread"])
def test_a_wide_sound_has_a_side_of_its_own(
    place: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    always(place, monkeypatch)
    middle, side = placed(spectra(SOUNDS["noise"](rng, SAMPLE_RATE, 0.5)), "music", rng)
    likeness = abs(np.vdot(middle, side)) / (np.linalg.norm(middle) * np.linalg.norm(side))
    assert 0 < np.linalg.norm(side) < 1.3 * np.linalg.norm(middle)
    assert likeness < 0.8


def test_a_recorded_side_is_kept_wider_or_narrower(frames: Complex, rng: np.random.Generator) -> None:
    recorded = np.stack([frames, np.roll(frames, 5, axis=0) * np.float32(0.3)])
    widths = []
    for _ in range(20):
        middle, side = placed(recorded, "music", rng)
        np.testing.assert_allclose(side / np.linalg.norm(side), recorded[1] / np.linalg.norm(recorded[1]), atol=1e-5)
        widths.append(np.linalg.norm(side) / np.linalg.norm(middle) / 0.3)
    assert min(widths) < 0.8
    assert max(widths) > 1.2


# --- mixtures -------------------------------------------------------------------------------------------------------


def test_band_sums_are_those_of_middle_and_side(rng: np.random.Generator) -> None:
    for _ in range(10):
        stems = toy_stems(rng)
        mixture, cross, own = mix(stems, set(KINDS), rng)
        assert mixture.shape[1] == 2 * NUM_BANDS
        for plane in (0, 1):
            of_plane = slice(plane * NUM_BANDS, (plane + 1) * NUM_BANDS)
            power = np.stack([stem.power[:, of_plane] for stem in stems.values()])
            gains = np.sqrt(own[..., of_plane] / power.clip(1e-20))[..., bands.band_of_bin()]
            parts = np.stack([stem.spectra[plane] for stem in stems.values()]) * gains
            whole = parts.sum(axis=0)
            tolerance = 1e-5 * mixture.max()
            np.testing.assert_allclose(mixture[:, of_plane], bands.band_sum(np.abs(whole) ** 2), atol=tolerance)
            expected = bands.band_sum((parts * whole.conj()).real)
            np.testing.assert_allclose(cross[..., of_plane], expected, atol=tolerance)


def test_some_mixtures_are_mono_and_levels_are_those_that_are_heard(rng: np.random.Generator) -> None:
    stems = toy_stems(rng)
    mono, count = 0, 200
    levels = []
    for _ in range(count):
        mixture, cross, own = mix(stems, set(KINDS), rng)
        if not mixture[:, NUM_BANDS:].any():
            assert not cross[..., NUM_BANDS:].any()
            assert not own[..., NUM_BANDS:].any()
            mono += 1
        levels.append(10 * np.log10(heard(mixture).sum(axis=1).mean() / (np.pi**2 / 4)))
    assert abs(mono / count - MONO) < 0.12
    assert LEVELS_DB[0] - 0.5 < min(levels) < max(levels) < LEVELS_DB[1] + 0.5


def test_what_cancels_in_the_middle_is_heard_at_an_eighth(rng: np.random.Generator) -> None:
    side = rng.random((3, NUM_BANDS)).astype(np.float32)
    np.testing.assert_allclose(heard(np.concatenate([0 * side, side], axis=1)), side / 8)
    np.testing.assert_array_equal(heard(np.concatenate([side, 0 * side], axis=1)), side)
    np.testing.assert_array_equal(heard(side), side)


# --- the corpus -----------------------------------------------------------------------------------------------------


@pytest.fixture
def wide_corpus(corpus: Path) -> Path:
    """The toys, and a track in stereo: a tone in each channel."""
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    tones = np.stack([0.5 * np.sin(2 * np.pi * hz * time) for hz in (1000, 3000)], axis=1)
    packed_file(corpus, "wide", SAMPLE_RATE, 2).write_bytes(np.round(tones * 32767).astype(np.int16).tobytes())
    clip = Clip("music", "wide", "a", "wide/a", "wide/a", "train", SAMPLE_RATE, 0, len(tones), 2, 24000.0)
    (corpus / "wide.json").write_text(json.dumps({"clips": [asdict(clip)]}))
    summary = json.loads((corpus / "summary.json").read_text())
    summary["sources"]["wide"] = {"kind": "music", "voices": 1}
    (corpus / "summary.json").write_text(json.dumps(summary))
    return corpus


def test_a_clip_in_stereo_is_read_as_middle_and_side(wide_corpus: Path) -> None:
    clips = Clips(wide_corpus, "train")
    (clip,) = (found for group in clips.groups("music") for found in group if found.source == "wide")
    middle, side = clips.read(clip, planes=2, max_samples=SAMPLE_RATE)
    np.testing.assert_allclose(middle, clips.read(clip, max_samples=SAMPLE_RATE), atol=1e-6)
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for channel, hz in ((middle + side, 1000), (middle - side, 3000)):
        expected = 0.5 * np.sin(2 * np.pi * hz * time)
        np.testing.assert_allclose(channel[100:-100], expected[100:-100], atol=0.01)


def test_a_clip_in_mono_has_no_side(wide_corpus: Path) -> None:
    clips = Clips(wide_corpus, "train")
    clip = next(iter(clips.groups("speech")))[0]
    middle, side = clips.read(clip, planes=2, max_samples=SAMPLE_RATE)
    np.testing.assert_array_equal(middle, clips.read(clip, max_samples=SAMPLE_RATE))
    assert not side.any()


def test_stems_and_batches_are_drawn_with_a_side(wide_corpus: Path) -> None:
    drawer = Drawer(wide_corpus, "train", 0.5, seed=4, planes=2)
    for kind in drawer.kinds:
        stems = [drawer.stem(kind) for _ in range(8)]
        for stem in stems:
            assert stem.spectra.shape == (2, drawer.num_frames, bands.NUM_BINS)
            assert stem.power.shape == (drawer.num_frames, 2 * NUM_BANDS)
            assert np.isfinite(stem.power).all()
        wide = [stem.power[:, NUM_BANDS:].sum() > 1e-6 * stem.power.sum() for stem in stems]
        assert any(wide)
    batch = next(iter(Mixer(drawer, 2, reservoir=4)))
    assert batch.mixture.shape == (2, drawer.num_frames, 2 * NUM_BANDS)
    assert batch.cross.shape == batch.stems.shape == (2, 3, drawer.num_frames, 2 * NUM_BANDS)
