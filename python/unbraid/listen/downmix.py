"""What a browser plays: the channels of any mixture brought down to two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._checks import Audio
from ..files.contents import USUAL_LAYOUTS

SQRT_HALF = 0.5**0.5
# Left and right for each speaker of WAV's dwChannelMask, from its lowest bit on; the bass goes nowhere, as in ITU-R
# BS.775.
SPEAKERS = (
    (1.0, 0.0), (0.0, 1.0), (SQRT_HALF, SQRT_HALF), (0.0, 0.0), (SQRT_HALF, 0.0), (0.0, SQRT_HALF),
    (1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (SQRT_HALF, 0.0), (0.0, SQRT_HALF),
)  # fmt: skip


def downmix_matrix(channels: int, layout: int = 0) -> NDArray[np.float32]:
    """(outputs, channels): mono and stereo as they are, more channels by their speakers, at full scale at most."""
    if channels <= 2:
        return np.eye(channels, dtype=np.float32)
    mask = layout if layout.bit_count() == channels else USUAL_LAYOUTS[channels]
    places = [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
    columns = [SPEAKERS[bit] if bit < len(SPEAKERS) else (0.5, 0.5) for bit in places]
    matrix = np.array(columns, np.float32).T
    return matrix / max(1.0, float(matrix.sum(axis=1).max()))


def playable_matrix(stems: int, channels: int, layout: int, most: int) -> NDArray[np.float32]:
    """As `downmix_matrix`, but to mono where so many stems would take more than `most` channels together.

    Raises ValueError where even that is too much.
    """
    matrix = downmix_matrix(channels, layout)
    if stems * len(matrix) > most:
        matrix = matrix.mean(axis=0, keepdims=True)
    if stems > most:
        raise ValueError(f"at most {most} stems can be played together, got {stems}")
    return matrix


def downmix(matrix: NDArray[np.float32], stems: Audio) -> Audio:
    """(stems, channels, samples) to (stems, outputs, samples)."""
    return stems if len(matrix) == stems.shape[1] else np.matmul(matrix, stems)
