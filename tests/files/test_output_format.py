"""What output files hold: bits as everybody counts them, and the speakers of the input."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import unbraid
from helpers.audio import soft_noise, write
from helpers.containers import decoded, fmt, pcm, wav, written
from unbraid.files.input_file import InputFile
from unbraid.files.output_format import Quantizer

LAYOUTS = {
    "2.1": 0xB,
    "3.0": 0x7,
    "4.0": 0x107,
    "quad": 0x33,
    "5.0": 0x37,
    "5.1": 0x3F,
    "5.1(side)": 0x60F,
    "6.1": 0x70F,
    "7.1": 0x63F,
    "7.1(wide)": 0xFF,
    "untold": 0,
}


def mask_of(path: Path) -> int:
    data = path.read_bytes()
    at = data.index(b"fmt ") + 8
    assert struct.unpack_from("<H", data, at) == (0xFFFE,)
    mask: int = struct.unpack_from("<I", data, at + 20)[0]
    return mask


@pytest.mark.parametrize(("name", "mask"), LAYOUTS.items())
@pytest.mark.parametrize("bit_depth", [16, None])
def test_speakers_are_kept(
    tmp_path: Path, toy_model: unbraid.Model, rng: np.random.Generator, name: str, mask: int, bit_depth: int | None
) -> None:
    channels = mask.bit_count() or 6
    mixture = soft_noise(rng, channels, 500)
    source = written(tmp_path / "in.wav", wav(pcm(mixture), fmt(channels=channels, mask=mask)))
    target = unbraid.remix_file(source, tmp_path / "out.wav", model=toy_model, bit_depth=bit_depth)
    assert mask_of(target) == mask, name
    flac = unbraid.remix_file(source, tmp_path / "out.flac", model=toy_model)
    with InputFile(flac) as file:
        assert file.layout == mask or mask == 0


def test_audio_is_the_same_under_any_layout(tmp_path: Path, toy_model: unbraid.Model, rng: np.random.Generator) -> None:
    mixture = soft_noise(rng, 6, 9000)
    outputs = []
    for mask in (0x3F, 0x60F):
        source = written(tmp_path / "in.wav", wav(pcm(mixture), fmt(channels=6, mask=mask)))
        for kind in ("wav", "flac"):
            target = unbraid.remix_file(source, tmp_path / f"{mask}.{kind}", model=toy_model, bit_depth=24)
            outputs.append(decoded(target)[0])
    for output in outputs[1:]:
        np.testing.assert_array_equal(output, outputs[0])


@pytest.mark.parametrize(("kind", "bit_depth"), [("wav", 16), ("wav", 24), ("flac", 16), ("flac", 24)])
def test_faders_at_zero_give_back_the_very_integers(
    tmp_path: Path, toy_model: unbraid.Model, rng: np.random.Generator, kind: str, bit_depth: int
) -> None:
    """As a DAW would write them, so that its export and ours null."""
    full = 1 << (bit_depth - 1)
    integers = np.rint(0.2 * full * rng.standard_normal((2, 20000))).clip(-full, full - 1)
    mixture = (integers / full).astype(np.float32)
    source = written(tmp_path / "in.wav", wav(pcm(mixture, bit_depth), fmt(bits=bit_depth)))
    target = unbraid.remix_file(source, tmp_path / f"out.{kind}", model=toy_model, bit_depth=bit_depth)
    np.testing.assert_array_equal(decoded(target)[0], mixture)


def test_integers_are_rounded_and_clipped() -> None:
    levels = [[0, 1.4, 1.6, -1.6, 32767.4, 32768, 40000, -32768, -40000]]
    audio = np.array(levels, np.float32) / np.float32(32768)
    expected = [[0, 1, 2, -2, 32767, 32767, 32767, -32768, -32768]]
    np.testing.assert_array_equal(Quantizer(16, dither=False)(audio) >> 16, expected)


def test_what_16_bits_cut_off_becomes_noise_and_no_distortion() -> None:
    """A tone of half a step: rounding alone makes silence of it, dither keeps it, under noise of its own."""
    time = np.arange(48000) / 48000
    tone = (0.4 * 2**-15 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)[np.newaxis]
    assert not Quantizer(16, dither=False)(tone).any()
    dithered = (Quantizer(16)(tone) >> 16).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(dithered[0])) / 24000
    assert spectrum[1000] == pytest.approx(0.4, abs=0.02)
    assert np.delete(spectrum, 1000).max() < 0.03  # no harmonic above the noise
    np.testing.assert_array_equal(Quantizer(16)(tone), Quantizer(16)(tone))  # in every run the same


def test_silence_stays_silent() -> None:
    assert not Quantizer(16)(np.zeros((2, 100), np.float32)).any()


@pytest.mark.parametrize("bit_depth", [16, 24])
def test_clipping_is_told(tmp_path: Path, toy_model: unbraid.Model, rng: np.random.Generator, bit_depth: int) -> None:
    source = write(tmp_path / "in.wav", soft_noise(rng, 2, 5000))
    loud = {f"{stem}_db": 30 for stem in toy_model.stem_names}
    with pytest.warns(unbraid.ClippingWarning, match=r"out\.wav: \d+ samples beyond full scale were clipped"):
        unbraid.remix_file(source, tmp_path / "out.wav", model=toy_model, bit_depth=bit_depth, **loud)


@pytest.mark.parametrize(("kind", "bit_depth"), [("wav", 8), ("wav", 0), ("flac", 32)])
def test_other_depths_are_refused_before_any_work(
    tmp_path: Path, toy_model: unbraid.Model, kind: str, bit_depth: int
) -> None:
    with pytest.raises(ValueError, match=f"bit_depth must be 16.* for {kind}, got {bit_depth}"):
        unbraid.separate_file(tmp_path / "none", tmp_path, model=toy_model, format=kind, bit_depth=bit_depth)
