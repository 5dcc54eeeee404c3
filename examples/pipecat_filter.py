"""An audio filter for pipecat: what a voice agent hears, without the music and noise behind the caller.

pip install pipecat-ai==1.14.0
python examples/pipecat_filter.py examples/demo.flac heard.wav

In an agent it is one line of its transport's parameters:

    TransportParams(audio_in_enabled=True, audio_in_filter=UnbraidFilter({"music": "mute", "noise": "mute"}))
"""

import asyncio
import sys
from collections.abc import Mapping

import numpy as np
from pedalboard.io import AudioFile
from pipecat.audio.filters.base_audio_filter import BaseAudioFilter
from pipecat.frames.frames import FilterControlFrame, FilterEnableFrame, FilterUpdateSettingsFrame

import unbraid

RATE = 16000  # of the agents' usual recognisers
CHUNK = RATE // 50
FULL_SCALE = 32768


class UnbraidFilter(BaseAudioFilter):
    """Remixes mono audio of 16 bits. As many bytes come out as went in, 32 ms late, whatever the chunks.

    Takes gains in dB, or "mute", by stem. FilterUpdateSettingsFrame({"music": -6}) moves faders;
    FilterEnableFrame(False) lets the mixture through, as late as before, so that nothing jumps.
    """

    def __init__(self, gains_db: Mapping[str, float | str]) -> None:
        self._gains_db = dict(gains_db)
        self._enabled = True
        self._remixer: unbraid.Remixer | None = None

    async def start(self, sample_rate: int) -> None:
        self._remixer = unbraid.Remixer(sample_rate, channels=1)
        self._set_gains()

    async def stop(self) -> None:
        self._remixer = None

    async def process_frame(self, frame: FilterControlFrame) -> None:
        if isinstance(frame, FilterEnableFrame):
            self._enabled = frame.enable
        elif isinstance(frame, FilterUpdateSettingsFrame):
            self._gains_db |= frame.settings
        self._set_gains()

    async def filter(self, audio: bytes) -> bytes:
        if self._remixer is None:
            return audio
        samples = np.frombuffer(audio, np.int16).astype(np.float32) / FULL_SCALE
        remixed = np.rint(self._remixer.process(samples) * FULL_SCALE)
        return np.clip(remixed, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16).tobytes()

    def _set_gains(self) -> None:
        if self._remixer is not None:
            unity = dict.fromkeys(self._remixer.stem_names, 0.0)
            self._remixer.set_gains(unity | self._gains_db if self._enabled else unity)


async def hear(source: str, target: str) -> None:
    """Writes a file as an agent would hear it, chunk by chunk."""
    agent_filter = UnbraidFilter({"music": "mute", "noise": "mute"})
    await agent_filter.start(RATE)
    with AudioFile(source).resampled_to(RATE) as file, AudioFile(target, "w", RATE, 1, bit_depth=16) as output:
        while file.tell() < file.frames:
            mono = file.read(CHUNK).mean(axis=0)
            heard = await agent_filter.filter(np.rint(mono * (FULL_SCALE - 1)).astype(np.int16).tobytes())
            output.write(np.frombuffer(heard, np.int16)[np.newaxis])
    await agent_filter.stop()


if __name__ == "__main__":
    asyncio.run(hear(*sys.argv[1:]))
