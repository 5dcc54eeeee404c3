"""The audio filter for pipecat, in pipecat: an input transport's audio, remixed on its way into the pipeline."""

from __future__ import annotations

import asyncio
import re
import runpy
import subprocess
import sys
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import unbraid
from helpers import ROOT
from helpers.audio import read, read_audio

EXAMPLE = ROOT / "examples" / "pipecat_filter.py"
RATE = 16000
LATENCY = 512
GAINS = {"speech": 3.0, "music": "mute", "noise": -20.0}
LOUD = {"speech": 40, "music": 40, "noise": 40}
VOICE_ALONE = {"music": "mute", "noise": "mute"}

pytestmark = [
    pytest.mark.skipif(not find_spec("pipecat"), reason="pipecat is not installed: pip install pipecat-ai"),
    pytest.mark.skipif("dialogue" not in unbraid.models(), reason="the dialogue model is not installed"),
    pytest.mark.filterwarnings("ignore"),  # its dependencies' own
]


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return runpy.run_path(str(EXAMPLE))


@pytest.fixture
def caller() -> NDArray[np.int16]:
    """Four seconds of mono in 16 bits. That they are at another rate now makes them deeper, no more."""
    mono = read_audio(ROOT / "examples" / "demo.flac").mean(axis=0)[48000 : 48000 + 4 * RATE]
    return np.rint(mono * 32767).astype(np.int16)


def remixed(samples: NDArray[np.int16], gains_db: Mapping[str, float | str]) -> NDArray[np.float32]:
    """The remix as a stream has it, late and in steps of 16 bits."""
    late = unbraid.Remixer(RATE, 1, gains_db=gains_db).process(samples.astype(np.float32) / 32768)
    return late * np.float32(32768)


def through(audio_filter: Any, samples: NDArray[np.int16], lengths: tuple[int, ...]) -> NDArray[np.int16]:
    """What the filter makes of chunks of these lengths in turn."""

    async def run() -> bytes:
        await audio_filter.start(RATE)
        chunks: list[bytes] = []
        start = 0
        while start < len(samples):
            chunk = samples[start : start + lengths[len(chunks) % len(lengths)]]
            chunks.append(await audio_filter.filter(chunk.tobytes()))
            assert len(chunks[-1]) == 2 * len(chunk)
            start += len(chunk)
        await audio_filter.stop()
        return b"".join(chunks)

    return np.frombuffer(asyncio.run(run()), np.int16)


@pytest.mark.parametrize("lengths", [(320,), (1, 77, 5000), (64000,)])
def test_chunks_come_back_as_the_remix(
    example: dict[str, Any], caller: NDArray[np.int16], lengths: tuple[int, ...]
) -> None:
    heard = through(example["UnbraidFilter"](GAINS), caller, lengths)
    assert np.abs(heard - remixed(caller, GAINS)).max() <= 0.51  # rounding to 16 bits


def test_too_loud_is_clipped(example: dict[str, Any], caller: NDArray[np.int16]) -> None:
    heard = through(example["UnbraidFilter"](LOUD), caller, (320,))
    expected = np.clip(remixed(caller, LOUD), -32768, 32767)
    assert (expected == 32767).any()
    assert np.abs(heard - expected).max() <= 0.51


def test_frames_switch_and_set_it(example: dict[str, Any], caller: NDArray[np.int16]) -> None:
    from pipecat.frames.frames import FilterEnableFrame, FilterUpdateSettingsFrame

    audio_filter = example["UnbraidFilter"](VOICE_ALONE)

    async def run() -> list[NDArray[np.int16]]:
        await audio_filter.start(RATE)
        heard = []
        for frame in (FilterEnableFrame(False), FilterEnableFrame(True), FilterUpdateSettingsFrame(settings=GAINS)):
            await audio_filter.process_frame(frame)
            heard.append(np.frombuffer(await audio_filter.filter(caller.tobytes()), np.int16))
        return heard

    off, on, other = asyncio.run(run())
    assert np.abs(off[LATENCY:] - caller[:-LATENCY]).max() <= 1
    thrice = np.concatenate([caller, caller, caller])
    settled = slice(RATE, 4 * RATE)  # a fader takes some hops to arrive
    length = len(caller)
    assert np.abs(on - remixed(thrice, VOICE_ALONE)[length : 2 * length])[settled].max() <= 0.51
    assert np.abs(other - remixed(thrice, GAINS)[2 * length :])[settled].max() <= 0.51


def test_in_a_pipeline(example: dict[str, Any], caller: NDArray[np.int16]) -> None:
    from pipecat.frames.frames import InputAudioRawFrame, StartFrame
    from pipecat.pipeline.worker import PipelineParams
    from pipecat.tests.utils import SleepFrame, run_test
    from pipecat.transports.base_input import BaseInputTransport
    from pipecat.transports.base_transport import TransportParams

    class Line(BaseInputTransport):
        async def start(self, frame: StartFrame) -> None:
            await super().start(frame)
            await self.set_transport_ready(frame)

    async def run() -> list[bytes]:
        line = Line(TransportParams(audio_in_enabled=True, audio_in_filter=example["UnbraidFilter"](GAINS)))
        chunks = [caller[start : start + 320].tobytes() for start in range(0, len(caller), 320)]
        frames = [InputAudioRawFrame(audio=chunk, sample_rate=RATE, num_channels=1) for chunk in chunks]
        received, _ = await run_test(
            line, frames_to_send=[*frames, SleepFrame(1.0)], pipeline_params=PipelineParams(audio_in_sample_rate=RATE)
        )
        return [frame.audio for frame in received if isinstance(frame, InputAudioRawFrame)]

    heard = np.frombuffer(b"".join(asyncio.run(run())), np.int16)
    assert len(heard) == len(caller)
    assert np.abs(heard - remixed(caller, GAINS)).max() <= 0.51


def test_it_runs_as_its_first_lines_say(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    usage = re.search(r"^python (\S+ \S+) (\S+)$", text, re.MULTILINE)
    assert usage
    subprocess.run([sys.executable, *usage[1].split(), str(tmp_path / usage[2])], cwd=ROOT, check=True)
    heard, rate = read(tmp_path / usage[2])
    demo = read_audio(ROOT / "examples" / "demo.flac")
    assert rate == RATE
    assert heard.shape == (1, demo.shape[1] // 3)
    late = heard[0, LATENCY:]
    assert np.std(late) < np.std(demo)
