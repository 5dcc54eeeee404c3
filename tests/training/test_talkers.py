"""Deep clustering: its objective against the sum it stands for, its masks and centres, and a run that learns."""

from __future__ import annotations

import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for package in ("pyroomacoustics", "scipy", "soundfile", "soxr"):
    pytest.importorskip(package, reason="needs the extra [train]")
torch = pytest.importorskip("torch", reason="needs the extra [train]")

import unbraid  # noqa: E402
from helpers.toy_corpus import save_toy_corpus  # noqa: E402
from unbraid import _core  # noqa: E402
from unbraid.training.corpus.clips import Clip  # noqa: E402
from unbraid.training.export import ExportError  # noqa: E402
from unbraid.training.frames import frame_power  # noqa: E402
from unbraid.training.talkers import export as talkers_export  # noqa: E402
from unbraid.training.talkers import frames, losses, pairs, train  # noqa: E402
from unbraid.training.talkers.clustering import cluster  # noqa: E402
from unbraid.training.talkers.export import export  # noqa: E402
from unbraid.training.talkers.frames import BANDS, HOP_LENGTH, POWER_SCALE, WIN_LENGTH  # noqa: E402
from unbraid.training.talkers.model import Embedder, EmbedderConfig, masks_of  # noqa: E402
from unbraid.training.talkers.pairs import PairDrawer, band_sums  # noqa: E402
from unbraid.training.talkers.train import Pairs, TalkersConfig, TalkersRun, best_gain, si_sdr_gain  # noqa: E402

torch.set_num_threads(1)  # the toys are too small to share out

SMALL = EmbedderConfig(embedding=6, channels=(4, 6, 8), blocks=1, sub_hidden=5, full_hidden=8, squeeze=2)


def clusters(rng: np.random.Generator, spread: float = 0.2) -> Any:
    """Embeddings (frames, bands, 4) of two far groups, whose is which (frames, bands), and power."""
    owner = rng.integers(2, size=(30, 20))
    centres = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0]])
    points = centres[owner] + spread * rng.standard_normal((30, 20, 4))
    lengths = rng.uniform(0.5, 2, (30, 20, 1))  # only directions count
    as_tensor = [torch.from_numpy(np.asarray(part, np.float32)) for part in (points * lengths, rng.random((30, 20)))]
    return as_tensor[0], torch.from_numpy(owner), as_tensor[1]


# --- frames and mixtures --------------------------------------------------------------------------------------------


def test_spectra_are_the_cores(rng: np.random.Generator) -> None:
    audio = rng.standard_normal(WIN_LENGTH).astype(np.float32)
    stft = _core.Stft(WIN_LENGTH, HOP_LENGTH)
    scale = 2 / frames.WINDOW.sum()
    np.testing.assert_allclose(frames.spectra(audio)[0], stft.analyse(audio) * scale, atol=1e-6)
    assert stft.power_scale == pytest.approx(float(POWER_SCALE), rel=1e-6)
    assert stft.num_bins == BANDS.num_bins == BANDS.edges[-1]


def test_band_sums_are_those_of_the_mixture(rng: np.random.Generator) -> None:
    talkers = rng.standard_normal((3, 4 * WIN_LENGTH)).astype(np.float32)
    pair = band_sums(np.stack([frames.spectra(audio) for audio in talkers]), 0.1)
    assert pair.cross.shape == pair.talkers.shape == (3, len(pair.mixture), BANDS.num_bands)
    np.testing.assert_allclose(pair.cross.sum(axis=0), pair.mixture, atol=1e-5 * pair.mixture.max())
    whole = talkers.sum(axis=0) * 0.1 / np.sqrt(np.mean(talkers.sum(axis=0) ** 2))
    power = BANDS.sum(np.abs(frames.spectra(whole.astype(np.float32))) ** 2)
    scale = power.sum() / pair.mixture.sum()
    assert scale == pytest.approx(1, abs=0.1)  # the window weighs the ends less
    assert pair.mixture.sum(axis=1).mean() == pytest.approx(frame_power(0.1**2, frames.WINDOW), rel=1e-5)
    np.testing.assert_allclose(pair.mixture * scale, power, rtol=1e-3, atol=1e-5 * power.max())


def test_a_pair_is_of_two_people_and_repeats_by_seed(corpus: Path) -> None:
    one, again, other = (PairDrawer(corpus, "train", 1.0, seed).draw() for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.cross, again.cross)
    assert not np.array_equal(one.cross, other.cross)
    for seed in range(5):
        talkers = PairDrawer(corpus, "train", 2.0, seed).draw().talkers
        ratio_db = 10 * np.log10(talkers[0].sum() / talkers[1].sum())
        assert abs(ratio_db) < 10  # 5 dB while both talk; one of them may talk for less of the time
        assert not np.allclose(talkers[0] / talkers[0].max(), talkers[1] / talkers[1].max(), atol=1e-2)


def test_a_talker_of_a_crowd_is_one_of_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that nobody told apart may each be another's, so no talker says more than one of them."""
    folder = save_toy_corpus(tmp_path)
    index = folder / "toy_speech.json"
    rows = json.loads(index.read_text())
    for row in rows["clips"]:
        row["speaker"] = "toy_speech/toy_speech"
    index.write_text(json.dumps(rows))
    summary = json.loads((folder / "summary.json").read_text())
    summary["sources"]["toy_speech"]["voices"] = 9
    (folder / "summary.json").write_text(json.dumps(summary))
    monkeypatch.setattr(pairs, "CROWD", 2)
    said: list[set[str]] = []
    talk = PairDrawer._talk

    def listen(self: PairDrawer, clips: list[Clip]) -> pairs.Talker | None:
        said.append({clip.path for clip in clips})
        return talk(self, clips)

    monkeypatch.setattr(PairDrawer, "_talk", listen)
    for seed in range(6):
        PairDrawer(folder, "train", 2.0, seed).draw()
    assert all(len(paths) == 1 for paths in said)
    for one, other in zip(said[::2], said[1::2], strict=True):
        assert one != other
    monkeypatch.setattr(pairs, "CROWD", 3)  # two files of so few may well be the same person's
    with pytest.raises(ValueError, match="1 voices, 2 are needed"):
        PairDrawer(folder, "train", 2.0, 1).draw()


def test_only_voices_of_training_are_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save_toy_corpus(tmp_path)
    ratios: list[float] = []

    def note(spectra: Any, ratio: float, *_: float) -> Any:
        ratios.append(ratio)
        return spectra

    monkeypatch.setattr(pairs, "shift_formants", note)
    drawer = PairDrawer(folder, "validation", 2.0, 1)
    for _ in range(5):
        drawer.draw()
    assert not ratios
    drawer = PairDrawer(folder, "train", 2.0, 1)
    for _ in range(10):
        drawer.draw()
    assert len(ratios) > 4
    assert min(ratios) < 1 < max(ratios)


# --- objectives -----------------------------------------------------------------------------------------------------


def test_the_low_rank_form_is_the_sum_over_all_pairs_of_points(rng: np.random.Generator) -> None:
    embeddings = torch.from_numpy(rng.standard_normal((2, 50, 4)).astype(np.float32))
    owners = torch.nn.functional.one_hot(torch.from_numpy(rng.integers(3, size=(2, 50))), 3).float()
    weights = torch.from_numpy(rng.random((2, 50)).astype(np.float32))
    weights /= weights.sum(dim=1, keepdim=True)
    brute = 0.0
    for clip in range(2):
        v = torch.nn.functional.normalize(embeddings[clip], dim=-1).double()
        for i, j in itertools.product(range(50), repeat=2):
            same = float(owners[clip, i] @ owners[clip, j])
            brute += float(weights[clip, i] * weights[clip, j]) * (float(v[i] @ v[j]) - same) ** 2 / 2
    assert float(losses.deep_clustering_loss(embeddings, owners, weights)) == pytest.approx(brute, rel=1e-4)


def test_points_that_are_their_owners_cost_nothing() -> None:
    owners = torch.eye(2)[torch.arange(40) % 2][None]
    weights = torch.full((1, 40), 1 / 40)
    assert losses.deep_clustering_loss(3 * owners, owners, weights) < 1e-6
    assert losses.deep_clustering_loss(torch.ones(1, 40, 2), owners, weights) == pytest.approx(0.5, abs=1e-4)


def test_weights_are_shares_of_what_is_active() -> None:
    power = torch.tensor([[[1.0, 0.25, 1e-3, 1e-5]]])
    weights = losses.point_weights(power)
    assert weights.sum() == pytest.approx(1)
    assert weights[0, 0, 0] == pytest.approx(2 * float(weights[0, 0, 1]))
    assert weights[0, 0, 3] == 0  # 50 dB below
    assert not losses.point_weights(torch.zeros(1, 2, 2)).any()


def test_the_true_centres_are_those_of_the_groups(rng: np.random.Generator) -> None:
    embeddings, owner, power = clusters(rng)
    owners = torch.nn.functional.one_hot(owner.flatten(), 2).float()[None]
    weights = losses.point_weights(power[None]).flatten(1)
    centres = losses.ideal_centres(embeddings.flatten(0, 1)[None], owners, weights)[0]
    np.testing.assert_allclose(centres, np.eye(2, 4), atol=0.1)
    masks = masks_of(embeddings, centres, torch.tensor(20.0))
    np.testing.assert_allclose(masks.sum(dim=0), 1, atol=1e-6)
    assert (masks.argmax(dim=0) == owner).float().mean() > 0.98


def test_gradients_are_finite_for_silence_and_a_lone_talker() -> None:
    torch.manual_seed(2)
    model = Embedder(SMALL)
    mixture = torch.rand(3, 12, BANDS.num_bands)
    mixture[0] = 0
    cross = torch.stack([mixture, torch.zeros_like(mixture)], dim=1)
    losses.talkers_loss(model(mixture), model.sharpness, mixture, cross, cross).backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)


# --- clusters -------------------------------------------------------------------------------------------------------


def test_k_means_finds_the_groups_and_repeats(rng: np.random.Generator) -> None:
    embeddings, owner, power = clusters(rng)
    centres = cluster(embeddings, power, 2)
    assert torch.equal(centres, cluster(embeddings, power, 2))
    masks = masks_of(embeddings, centres, torch.tensor(20.0))
    agree = float((masks.argmax(dim=0) == owner).float().mean())
    assert max(agree, 1 - agree) > 0.98


def test_k_means_of_silence_is_finite() -> None:
    assert not cluster(torch.rand(4, 5, 3), torch.zeros(4, 5), 2).any()


# --- gains and the run ----------------------------------------------------------------------------------------------


def test_gains_from_band_sums_are_those_of_the_signals(rng: np.random.Generator) -> None:
    """A mask over the whole spectrum scales the mixture, which gains nothing; the true share gains what it should."""
    talkers = rng.standard_normal((2, 40 * HOP_LENGTH)).astype(np.float32)
    pair = band_sums(np.stack([frames.spectra(audio) for audio in talkers]), 0.1)
    assert si_sdr_gain(np.full_like(pair.mixture, 0.3), pair, 0) == pytest.approx(0, abs=1e-4)
    masks = np.clip(pair.cross / pair.mixture, 0, 1)
    error = masks[0] ** 2 * pair.mixture - 2 * masks[0] * pair.cross[0] + pair.talkers[0]
    # The best mask's error is orthogonal to its estimate, so its SI-SDR is its SNR less one. The mixture's is 0 dB.
    snr = pair.talkers[0].sum() / error.sum()
    assert si_sdr_gain(masks[0], pair, 0) == pytest.approx(10 * np.log10(snr - 1), abs=0.3)
    assert best_gain(masks, pair) == pytest.approx(best_gain(masks[::-1], pair))


def test_a_run_learns_logs_and_resumes(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "VALIDATION_PAIRS", 2)
    monkeypatch.setattr(train, "VALIDATION_SECONDS", 1.0)
    config = TalkersConfig(steps=3, warmup_steps=1, batch_size=2, seconds=1.0, validate_minutes=0.0, workers=0)
    run = TalkersRun(corpus, tmp_path, config, SMALL)
    held_out = Pairs(corpus)
    run.run(lambda: held_out.gains(run.average))
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert all(np.isfinite(row[key]) for row in rows for key in ("loss", "k-means", "true centres"))
    assert TalkersRun(corpus, tmp_path, config, SMALL).step == 3


def test_steps_on_one_batch_bring_its_loss_down(corpus: Path, tmp_path: Path) -> None:
    config = TalkersConfig(steps=1000, warmup_steps=1, batch_size=2, seconds=1.0, learning_rate=5e-3)
    run = TalkersRun(corpus, tmp_path, config, SMALL)
    batch = next(iter(run.batches()))
    found = [run.train_step(*batch) for _ in range(40)]
    assert found[-1] < found[0] - 1


def test_more_talkers_than_voices_are_refused(corpus: Path) -> None:
    with pytest.raises(ValueError, match="2 voices, 3 are needed"):
        PairDrawer(corpus, "train", 1.0, 1).draw(3)


# --- export ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of random weights as a model file."""
    pytest.importorskip("onnx", reason="needs the extra [train]")
    folder = tmp_path_factory.mktemp("exported")
    torch.manual_seed(3)
    model = Embedder(SMALL)
    state = {"average": model.state_dict(), "config": SMALL.to_dict(), "step": 7, "best": 1.25, "seconds_heard": 60.0}
    torch.save(state, folder / "last.pt")
    with warnings.catch_warnings():  # torch's exporter warns of itself
        warnings.simplefilter("ignore")
        differences = export(folder / "last.pt", folder / "people.onnx", "nothing")
    assert max(value for pair, value in differences.items() if "packed" not in pair) <= 1e-4
    assert sorted(path.name for path in folder.iterdir()) == ["last.pt", "people.onnx"]
    return folder / "people.onnx"


def test_an_exported_model_says_what_it_is(exported: Path) -> None:
    model = unbraid.load_model(exported)
    assert (model.mask, model.streams, model.embedding) == ("embedding", False, SMALL.embedding)
    assert (model.stem_names, model.more_stem_names) == (("talker1", "talker2"), ("talker3",))
    assert model.sharpness == pytest.approx(5)
    assert json.loads(model.metadata["training_run"])["step"] == 7
    assert unbraid.check_model(exported).problems == ()


@pytest.mark.parametrize("talkers", [2, 3])
def test_an_exported_model_separates_whatever_it_gets(talkers: int, exported: Path, rng: np.random.Generator) -> None:
    voice = 0.1 * np.sin(np.cumsum(rng.uniform(0.05, 0.1, 20000))).astype(np.float32)
    for mixture in (np.zeros(20000, np.float32), voice, voice + 0.1 * voice[::-1], np.r_[np.zeros(9000), voice]):
        stems = unbraid.separate(mixture.astype(np.float32), 16000, exported, talkers=talkers)
        assert len(stems) == talkers
        assert all(np.isfinite(stem).all() for stem in stems.values())
        np.testing.assert_allclose(sum(stems.values()), mixture, atol=1e-5)


def test_an_export_that_differs_leaves_no_file(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = talkers_export.save

    def save_another(model: Embedder, path: Path, properties: dict[str, str]) -> None:
        torch.manual_seed(4)
        honest(Embedder(SMALL), path, properties)

    monkeypatch.setattr(talkers_export, "save", save_another)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ExportError, match="embeddings differ too much"):
            export(exported.parent / "last.pt", tmp_path / "people.onnx", "nothing")
    assert not list(tmp_path.iterdir())
