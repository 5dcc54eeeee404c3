"""PyAV, which brings FFmpeg: only with the extra [video], and imported only where a file asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

from .contents import USUAL_LAYOUTS

EXTRA = "pip install 'unbraid[video]'"

# FFmpeg's names of speakers, in the order of the bits of WAV's dwChannelMask, which is FFmpeg's own order as well.
SPEAKERS = ["FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR"]
SPEAKERS += ["TC", "TFL", "TFC", "TFR", "TBL", "TBC", "TBR"]


@dataclass(frozen=True)
class Film:
    """The file that an audio track was read from, as the source of all else in it."""

    file: BinaryIO  # open, and the reader's
    track: int  # the index of that stream
    origin: Fraction  # in seconds, of the file's time stamps: where the audio begins
    has_picture: bool


def load_av() -> Any:
    """The module `av`. Raises ModuleNotFoundError without the extra, ImportError where it cannot be loaded."""
    import av

    return av


def layout_of(names: list[str]) -> tuple[int, list[int] | None]:
    """Speakers as in dwChannelMask (0: some are not in there), and which channel is for each of WAV's, where the order
    is another."""
    if len(set(names)) < len(names) or not set(names) <= set(SPEAKERS):
        return 0, None
    places = [SPEAKERS.index(name) for name in names]
    order = sorted(range(len(names)), key=places.__getitem__)
    mask = sum(1 << place for place in places)
    return mask, None if order == list(range(len(names))) else order


def layout_name(channels: int, layout: int) -> str:
    """As FFmpeg takes it: the speakers that the file tells of, or the usual ones."""
    if layout == 0x4 or (not layout and channels == 1):  # FFmpeg's encoders know one channel by its own name
        return "mono"
    if layout.bit_count() != channels or layout >> len(SPEAKERS):
        layout = USUAL_LAYOUTS[channels]
    return "+".join(name for place, name in enumerate(SPEAKERS) if layout >> place & 1)
