"""The mixtures of validation repeat by their seed, and what is scored on them is what the core would have done."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

for package in ("pyroomacoustics", "scipy", "soundfile", "soxr"):
    pytest.importorskip(package, reason="needs the extra [train]")
torch = pytest.importorskip("torch", reason="needs the extra [train]")

import unbraid  # noqa: E402
from helpers.audio import Audio  # noqa: E402
from helpers.toy_corpus import make_validation_quick, save_toy_corpus  # noqa: E402
from unbraid.evaluation.scores import Score  # noqa: E402
from unbraid.training.frames import HOP_LENGTH, SAMPLE_RATE, spectra  # noqa: E402
from unbraid.training.model import Crnn, CrnnConfig  # noqa: E402
from unbraid.training.validation import mixtures as validation_mixtures  # noqa: E402
from unbraid.training.validation.checkpoints import (  # noqa: E402
    level_gains,
    middle_power,
    synthesise,
    system_of_checkpoint,
)
from unbraid.training.validation.mixtures import KINDS, SEED, ValidationMixtures, verify  # noqa: E402
from unbraid.training.validation.scoring import Curve, lost_share, pause_level, score_all  # noqa: E402
from unbraid.training.validation.tables import paired, report  # noqa: E402

STEMS = ("speech", "music", "noise")
SMALL = CrnnConfig(channels=(4, 6, 8), sub_hidden=5, full_hidden=16, squeeze=2)
FULL_SCALE = np.pi**2 / 4


@pytest.fixture
def mixtures(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> ValidationMixtures:
    make_validation_quick(monkeypatch, seconds=1.0, room=np.exp(-np.arange(4800) / 800).astype(np.float32))
    return ValidationMixtures(corpus)


# --- mixtures -------------------------------------------------------------------------------------------------------


def test_there_are_enough_of_every_kind(mixtures: ValidationMixtures) -> None:
    assert len(mixtures) == sum(KINDS.values()) >= 400
    assert len(KINDS) == 5
    for number in range(0, len(mixtures), 12):
        mixture = mixtures[number]
        assert list(mixture.stems) == mixture.kind.replace("hum", "noise").split("+")
        assert {audio.shape[1] for audio in mixture.stems.values()} == {SAMPLE_RATE}
        assert len({len(audio) for audio in mixture.stems.values()}) == 1
        level_db = 10 * np.log10(np.mean(np.asarray(sum(mixture.stems.values())) ** 2))
        assert -60.1 < level_db < -5.9
        assert all("validation" in source for source in mixture.sources.values())


def test_a_mixture_repeats_by_seed_and_number_alone(corpus: Path, mixtures: ValidationMixtures) -> None:
    assert mixtures[30].sha256 == ValidationMixtures(corpus)[30].sha256
    assert mixtures[30].sha256 != mixtures[31].sha256
    assert mixtures[30].sha256 != ValidationMixtures(corpus, SEED + 1)[30].sha256


def test_a_changed_mixture_is_refused(corpus: Path, mixtures: ValidationMixtures) -> None:
    two = [mixtures[0], mixtures[200]]
    assert verify(corpus, two) == verify(corpus, two)
    verify(corpus, [*two, mixtures[1]])  # those not seen before are noted
    with pytest.raises(ValueError, match="mixture 0 has changed"):
        verify(corpus, [ValidationMixtures(corpus, SEED + 1)[0]])
    (corpus / validation_mixtures.INDEX).unlink()


def test_sources_held_out_by_the_recipe_are_drawn_as_often_as_said(tmp_path: Path) -> None:
    folder = save_toy_corpus(tmp_path)
    index = json.loads((folder / "toy_noise.json").read_text())
    clips = index["clips"]
    assert not validation_mixtures._is_held_out(folder, "toy_noise")
    (folder / "toy_noise.json").write_text(json.dumps({"clips": clips, "made_by": {"source": {"held_out": "."}}}))
    assert validation_mixtures._is_held_out(folder, "toy_noise")


def test_a_corpus_without_held_out_voices_is_refused(tmp_path: Path) -> None:
    folder = save_toy_corpus(tmp_path)
    index = folder / "toy_speech.json"
    index.write_text(index.read_text().replace('"split": "validation"', '"split": "train"'))
    with pytest.raises(ValueError, match="no clip of speech"):
        ValidationMixtures(folder)


# --- what the core hears --------------------------------------------------------------------------------------------


def test_one_channel_is_heard_as_it_is_and_anti_phase_an_eighth(rng: np.random.Generator) -> None:
    one = spectra(rng.standard_normal(8 * HOP_LENGTH).astype(np.float32))[None]
    power = np.abs(one[0]) ** 2
    np.testing.assert_array_equal(middle_power(one), np.square(np.abs(one[0])))
    np.testing.assert_allclose(middle_power(np.concatenate([one, one])), power, rtol=1e-5)
    np.testing.assert_allclose(middle_power(np.concatenate([one, -one])), power / 8, rtol=1e-5)


def test_audio_is_brought_between_two_levels() -> None:
    def of_level(level_db: float) -> NDArray[np.float32]:
        return np.full(100, FULL_SCALE * 10 ** (level_db / 10), np.float32)

    for level_db, gain_db in ((-60, 20), (-39, 0), (-31, 0), (-6, -24)):
        np.testing.assert_allclose(10 * np.log10(level_gains(of_level(level_db))), gain_db, atol=0.01)
    assert (level_gains(np.zeros(20, np.float32)) == 1).all()
    after = level_gains(np.concatenate([of_level(-60), of_level(-20)]))[100:]
    assert after[0] > 1
    assert after[30] < 1  # within half a second


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("planes", [1, 2])
def test_a_checkpoint_is_heard_as_the_core_hears_its_model(
    tmp_path: Path, rng: np.random.Generator, planes: int, channels: int
) -> None:
    pytest.importorskip("onnx", reason="needs the extra [train]")
    export = pytest.importorskip("unbraid.training.export", reason="needs onnxruntime")
    torch.manual_seed(3)
    model = Crnn(dataclasses.replace(SMALL, planes=planes)).eval()
    export.save(model, tmp_path / "toy.onnx", export.metadata("toy", STEMS, {}, "toy sounds", planes))
    levels = np.repeat([1e-3, 0.3, 0.02, 0.0, 0.5], 24000)  # quiet, a jump, a drop, silence, loud
    mixture = (levels * rng.standard_normal((channels, len(levels)))).astype(np.float32)
    expected = unbraid.separate(mixture, SAMPLE_RATE, unbraid.Model(tmp_path / "toy.onnx"))
    for name, audio in system_of_checkpoint(model, STEMS)(mixture, SAMPLE_RATE, mixture).items():
        np.testing.assert_allclose(audio, expected[name], atol=2e-4)


@pytest.mark.parametrize("planes", [1, 2])
def test_estimates_of_a_checkpoint_sum_to_the_mixture(rng: np.random.Generator, planes: int) -> None:
    system = system_of_checkpoint(Crnn(dataclasses.replace(SMALL, planes=planes)).eval(), STEMS)
    mixture = (0.1 * rng.standard_normal((2, 20001))).astype(np.float32)
    stems = system(mixture, SAMPLE_RATE, mixture)
    np.testing.assert_allclose(sum(stems.values()), mixture, atol=1e-5)
    with pytest.raises(ValueError, match="48000 Hz"):
        system(mixture, 16000, mixture)


# --- scores ---------------------------------------------------------------------------------------------------------


def test_pause_level_is_what_is_left_between_words(rng: np.random.Generator) -> None:
    voice = rng.standard_normal((1, SAMPLE_RATE)).astype(np.float32)
    voice[:, SAMPLE_RATE // 2 :] = 0
    noise = 0.3 * rng.standard_normal((1, SAMPLE_RATE)).astype(np.float32)
    mixture = voice + noise
    assert pause_level(mixture, voice, mixture, SAMPLE_RATE) == pytest.approx(0, abs=1e-4)
    assert pause_level(0.1 * mixture, voice, mixture, SAMPLE_RATE) == pytest.approx(-20, abs=1e-3)
    assert pause_level(mixture, voice + 1, mixture, SAMPLE_RATE) is None


def test_lost_share_counts_what_is_missing_only(rng: np.random.Generator) -> None:
    voice = spectra(rng.standard_normal(20 * HOP_LENGTH).astype(np.float32))
    assert lost_share(voice, voice) == 0
    assert lost_share(2 * voice, voice) == 0
    assert lost_share(voice * np.float32(0.5), voice) == pytest.approx(75, abs=1e-3)


def test_a_perfect_system_is_better_than_one_that_does_nothing(mixtures: ValidationMixtures) -> None:
    some = [mixtures[i] for i in (0, 130, 250, 340, 400)]
    by_level = {float(np.abs(sum(m.stems.values())).max()): m.stems for m in some}

    def nothing(mixture: Audio, sample_rate: int, reference: Audio) -> dict[str, Audio]:
        return dict.fromkeys(STEMS, mixture / 3)

    def perfect(mixture: Audio, sample_rate: int, reference: Audio) -> dict[str, Audio]:
        stems = by_level[float(np.abs(mixture).max())]
        return {name: stems.get(name, 0 * mixture) for name in STEMS}

    scores = score_all(some, {"nothing": nothing, "perfect": perfect}, pesq=False)
    gains = [s for s in scores if s.metric == "si_sdr_gain"]
    assert all(abs(s.value) < 0.01 if s.system == "nothing" else s.value > 40 for s in gains)
    assert all(s.value < 1e-3 for s in scores if s.metric == "lost" and s.system == "perfect")
    table = report(scores, ["nothing", "perfect"])
    assert "perfect − nothing" in table
    assert all(kind in table for kind in KINDS)


def test_differences_are_paired_by_clip() -> None:
    def score(system: str, clip: str, value: float) -> Score:
        return Score(system, clip, "speech+noise", "speech", "si_sdr_gain", value)

    scores = [score("a", "0", 1), score("a", "1", 9), score("b", "0", 2), score("b", "1", 10), score("b", "2", 99)]
    mean, error = paired(scores, "a", "b")["speech+noise", "speech", "si_sdr_gain"]
    assert (mean, error) == (1, 0)


def test_the_curve_is_the_mean_gain_by_kind_and_stem(corpus: Path, mixtures: ValidationMixtures) -> None:
    """Of the same mixtures on every call; a corpus that has changed meanwhile is refused."""

    def nothing(mixture: Audio, sample_rate: int, reference: Audio) -> dict[str, Audio]:
        return {name: share * mixture for name, share in zip(STEMS, (0.2, 0.3, 0.5), strict=True)}

    def first_half(mixture: Audio, sample_rate: int, reference: Audio) -> dict[str, Audio]:
        return dict.fromkeys(STEMS, mixture * (np.arange(mixture.shape[1]) < mixture.shape[1] // 2))

    curve = Curve(corpus, every=21)
    gains = curve.gains(nothing)
    stems = {(kind, stem) for kind in KINDS for stem in kind.replace("hum", "noise").split("+")}
    assert {tuple(key.replace(" in a room", "").split("/")) for key in gains} == stems
    assert all(abs(gain) < 0.01 for gain in gains.values())
    assert curve.gains(first_half) == Curve(corpus, every=21).gains(first_half) != gains
    known = json.loads((corpus / validation_mixtures.INDEX).read_text())
    (corpus / validation_mixtures.INDEX).write_text(json.dumps(known | {"0": "another"}))
    with pytest.raises(ValueError, match="mixture 0 has changed"):
        Curve(corpus, every=21)
    (corpus / validation_mixtures.INDEX).unlink()


def test_synthesis_undoes_the_spectra(rng: np.random.Generator) -> None:
    audio = rng.standard_normal(20 * HOP_LENGTH).astype(np.float32)
    again = synthesise(spectra(audio))
    inner = slice(HOP_LENGTH, -HOP_LENGTH)
    np.testing.assert_allclose(again[inner], audio[inner], atol=1e-5)
