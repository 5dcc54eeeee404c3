"""Models that hear the side beside the middle: what they are told of each, and what their masks do to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from helpers.audio import Audio, noise
from helpers.toy_model import METADATA, MID_AND_SIDE, NUM_BINS, STEMS, save_embedding_model, save_model, save_toy_model
from unbraid import _core

RATE = 48000
CENTRE_OF_SIDE = 0.2  # what the stem `centre` gets of the side


def share_graph() -> onnx.GraphProto:
    """Of the middle, `wide` gets the share that the side has of all power, `centre` the rest; of the side it is fixed.

    So its masks tell what it heard, whatever the level.
    """
    constants = {
        "of_side": np.array([0.0, 1.0], np.float32).reshape(2, 1),
        "planes": np.array([2]),
        "floor": np.float32(1e-30),
        "one": np.float32(1),
        "side_masks": np.tile(np.float32([[CENTRE_OF_SIDE], [1 - CENTRE_OF_SIDE]]), (1, 1, 1, 1, NUM_BINS)),
        "stems": np.array([-2]),
    }
    node = helper.make_node
    nodes = [
        node("Mul", ["power", "of_side"], ["side_power"]),
        node("ReduceSum", ["side_power", "planes"], ["side"]),  # (1, T, 1, bins), as the sum
        node("ReduceSum", ["power", "planes"], ["sum"]),
        node("Add", ["sum", "floor"], ["all"]),
        node("Div", ["side", "all"], ["share"]),
        node("Sub", ["one", "share"], ["rest"]),
        node("Unsqueeze", ["rest", "stems"], ["centre"]),
        node("Unsqueeze", ["share", "stems"], ["wide"]),
        node("Concat", ["centre", "wide"], ["mid_masks"], axis=3),
        node("Shape", ["mid_masks"], ["shape"]),
        node("Expand", ["side_masks", "shape"], ["all_side_masks"]),
        node("Concat", ["mid_masks", "all_side_masks"], ["masks"], axis=2),
    ]
    tensor, f32 = helper.make_tensor_value_info, TensorProto.FLOAT
    return helper.make_graph(
        nodes,
        "share",
        [tensor("power", f32, [1, "T", 2, NUM_BINS])],
        [tensor("masks", f32, [1, "T", 2, 2, NUM_BINS])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )


@pytest.fixture(scope="module")
def share_model(tmp_path_factory: pytest.TempPathFactory) -> _core.Model:
    path = tmp_path_factory.mktemp("share") / "share.onnx"
    return _core.Model(save_model(path, share_graph(), {**METADATA, "stems": "centre,wide", "channels": MID_AND_SIDE}))


def separate(model: _core.Model, audio: Audio) -> Audio:
    stream = _core.Separator(RATE, len(audio), model)
    return np.concatenate([stream.process(audio), stream.flush()], axis=-1)[..., stream.latency_samples :]


@pytest.mark.parametrize(
    ("pan", "share"),
    [
        ([1], 0),
        ([1, 1], 0),
        ([1, 1, 1], 0),
        ([1, -1], 1),
        ([1, 0], 1 / 2),
        ([0, 1], 1 / 2),
        ([1, 0, 0], 2 / 3),
        ([1, -1] * 4, 1),
        ([1] + [0] * 7, 7 / 8),
        ([1, 0.5], 0.25**2 / (0.75**2 + 0.25**2)),
    ],
)
def test_each_is_heard_and_masked_for_itself(
    pan: list[float], share: float, share_model: _core.Model, rng: np.random.Generator
) -> None:
    """One sound from one direction: how much of it is on the side is known."""
    place = np.array(pan, np.float32)[:, None]
    sound = noise(rng, 1, 20_000)
    mid, side = place.mean() * sound, (place - place.mean()) * sound
    centre, wide = separate(share_model, place * sound)
    np.testing.assert_allclose(centre, (1 - share) * mid + CENTRE_OF_SIDE * side, atol=1e-5)
    np.testing.assert_allclose(wide, share * mid + (1 - CENTRE_OF_SIDE) * side, atol=1e-5)


def test_a_voice_in_the_middle_of_wide_music_comes_out(share_model: _core.Model) -> None:
    """Of tones that lie beside each other the one in phase goes to `centre`, the other to `wide`."""
    time = np.arange(RATE, dtype=np.float32) / RATE
    voice, music = (0.1 * np.sin(2 * np.pi * hz * time, dtype=np.float32) for hz in (1000, 5000))
    centre, wide = separate(share_model, np.stack([voice + music, voice - music]))
    left_out = CENTRE_OF_SIDE * music
    settled = slice(3000, -3000)
    in_centre, in_wide = np.stack([voice + left_out, voice - left_out]), np.stack([music - left_out, left_out - music])
    np.testing.assert_allclose(centre[:, settled], in_centre[:, settled], atol=1e-4)
    np.testing.assert_allclose(wide[:, settled], in_wide[:, settled], atol=1e-4)


def constant_model(path: Path, planes: int) -> _core.Model:
    """Half of everything, or nearly, is of each stem, in the middle as on the side."""
    metadata = {**METADATA, "channels": MID_AND_SIDE if planes == 2 else "mid"}
    lengths = [2] if planes == 2 else []
    rng = np.random.default_rng(3)
    masks = rng.dirichlet([1, 1, 1], NUM_BINS).T.astype(np.float32)
    nodes = [
        helper.make_node("Unsqueeze", ["power", "stems"], ["raised"]),
        helper.make_node("Mul", ["raised", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "values"], ["masks"]),
    ]
    constants = {"stems": np.array([-2]), "zero": np.float32(0), "values": masks}
    tensor, f32 = helper.make_tensor_value_info, TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "constant",
        [tensor("power", f32, [1, "T", *lengths, NUM_BINS])],
        [tensor("masks", f32, [1, "T", *lengths, len(STEMS), NUM_BINS])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return _core.Model(save_model(path, graph, metadata))


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
@pytest.mark.parametrize("sample_rate", [16000, 44100, 96000])
def test_equal_masks_are_one_mask_to_the_bit(
    sample_rate: int, channels: int, tmp_path: Path, rng: np.random.Generator
) -> None:
    audio = noise(rng, channels, 9000)
    for make in (
        lambda model: _core.Separator(sample_rate, channels, model),
        lambda model: _core.Remixer(sample_rate, channels, model, [0.2, 1.5, 0.0]),
    ):
        one, two = (make(constant_model(tmp_path / f"{planes}.onnx", planes)).process(audio) for planes in (1, 2))
        assert one.any()
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_a_remix_is_of_the_stems(channels: int, mid_side_model: _core.Model, rng: np.random.Generator) -> None:
    gains = [0.0, 0.5, 2.0]
    audio = noise(rng, channels, 20_000)
    remixer = _core.Remixer(RATE, channels, mid_side_model, gains)
    remix = np.concatenate([remixer.process(audio), remixer.flush()], axis=-1)[..., remixer.latency_samples :]
    stems = separate(mid_side_model, audio)
    np.testing.assert_allclose(remix, np.tensordot(gains, stems, axes=1), atol=3e-6)
    np.testing.assert_allclose(stems.sum(axis=0), audio, atol=1e-6)


def test_nothing_but_the_mean_of_one_channel_has_a_mask(share_model: _core.Model, rng: np.random.Generator) -> None:
    audio = noise(rng, 1, 9000)
    centre, wide = separate(share_model, audio)
    np.testing.assert_allclose(centre, audio, atol=1e-6)
    np.testing.assert_allclose(wide, 0, atol=1e-6)


def test_masks_are_of_both(mid_side_model: _core.Model, toy_model: _core.Model, rng: np.random.Generator) -> None:
    import onnxruntime

    power = rng.exponential(0.01, (20, 2, NUM_BINS)).astype(np.float32)
    session = onnxruntime.InferenceSession(mid_side_model.path, providers=["CPUExecutionProvider"])
    state = np.zeros(session.get_inputs()[1].shape, np.float32)
    expected = session.run(["masks"], {"power": power[None], "gru_state": state})[0][0]
    masks = mid_side_model.masks(power)
    assert masks.shape == (20, 2, len(STEMS), NUM_BINS)
    np.testing.assert_allclose(masks, expected, atol=1e-5)
    np.testing.assert_array_equal(mid_side_model.masks(np.repeat(power, 2, axis=1)[:, ::2]), masks)  # rows lie apart
    assert np.abs(masks[:, 0] - masks[:, 1]).max() > 0.1
    assert mid_side_model.channels == ("mid", "side")
    assert toy_model.channels == ("mid",)


def test_masks_say_what_they_want(mid_side_model: _core.Model, toy_model: _core.Model) -> None:
    flat, both = np.zeros((3, NUM_BINS), np.float32), np.zeros((3, 2, NUM_BINS), np.float32)
    with pytest.raises(ValueError, match=r"shape \(num_frames, 2, num_bins\), of mid and side, got shape \(3, 769\)"):
        mid_side_model.masks(flat)
    with pytest.raises(ValueError, match=r"shape \(num_frames, num_bins\), got shape \(3, 2, 769\)"):
        toy_model.masks(both)
    with pytest.raises(ValueError, match=r"2 planes, mid and side, got shape \(3, 1, 769\)"):
        mid_side_model.masks(both[:, :1])
    with pytest.raises(ValueError, match=r"769 bins, got shape \(3, 2, 700\)"):
        mid_side_model.masks(np.ascontiguousarray(both[..., :700]))


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ("", "metadata unbraid.channels is empty"),
        *(
            (value, f'metadata unbraid.channels = "{value}": this version supports only "mid" and "mid,side"')
            for value in ("side", "side,mid", "mid,side,", "mid, side", "Mid", "mid,mid", "left,right", "2")
        ),
    ],
)
def test_other_channels_are_refused(channels: str, message: str, tmp_path: Path) -> None:
    """And nothing is said of shapes, which depend on them."""
    path = save_toy_model(tmp_path / "model.onnx", channels=channels)
    assert _core.find_problems(path) == [message]
    for read in (_core.Model, _core.read_model_info):
        with pytest.raises(_core.ModelError) as error:
            read(path)
        assert str(error.value) == f"{path}: {message}"


def test_the_graph_is_of_the_channels_that_it_says(tmp_path: Path) -> None:
    one = save_toy_model(tmp_path / "one.onnx")
    two = save_toy_model(tmp_path / "two.onnx", channels=MID_AND_SIDE)
    for path, channels in ((one, MID_AND_SIDE), (two, "mid")):
        model = onnx.load(path)
        save_model(path, model.graph, {**METADATA, "channels": channels})
    assert _core.find_problems(one) == [
        "input `power` must have shape (1, T, 2, 769), not (1, T, 769)",
        "output `masks` must have shape (1, T, 2, 3, 769), not (1, T, 3, 769)",
    ]
    assert _core.find_problems(two) == [
        "input `power` must have shape (1, T, 769), not (1, T, 2, 769)",
        "output `masks` must have shape (1, T, 3, 769), not (1, T, 2, 3, 769)",
    ]


def test_embeddings_know_the_middle_only(tmp_path: Path) -> None:
    assert _core.Model(save_embedding_model(tmp_path / "model.onnx", channels="mid")).channels == ("mid",)
    path = save_embedding_model(tmp_path / "model.onnx", channels=MID_AND_SIDE)
    with pytest.raises(_core.ModelError, match=r'unbraid\.channels = "mid,side": "mid" expected with embeddings'):
        _core.Model(path)
