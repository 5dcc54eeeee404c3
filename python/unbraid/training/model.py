"""The CRNN: convolutions over frequency → LSTM over time → transposed convolutions → masks (DESIGN §8).

The shape follows convolutional recurrent enhancement (Tan & Wang, "A convolutional recurrent neural network for
real-time speech enhancement", Interspeech 2018), with few, dense nodes: what a hop costs in ONNX Runtime is their
number.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from unbraid.training.bands import NUM_BANDS

POWER_FLOOR = 1e-10  # -100 dB below a full-scale sine, per band
LOG_MEAN, LOG_STD = -14.0, 5.5  # of log band power over the training mixtures, rounded


@dataclass(frozen=True)
class CrnnConfig:
    """Sizes of a Crnn. `channels` of the three convolutions, each halving the number of bands."""

    num_stems: int = 3
    channels: tuple[int, int, int] = (24, 32, 36)
    kernel: int = 5
    hidden: int = 256
    layers: int = 2

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def convolution(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Halve the bands: (batch, inputs, frames, bands) → (batch, outputs, frames, bands / 2)."""
    conv = nn.Conv2d(inputs, outputs, (1, kernel), stride=(1, 2), padding=(0, kernel // 2), bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


def transposed(inputs: int, outputs: int, kernel: int) -> nn.ConvTranspose2d:
    """Double the bands: (batch, inputs, frames, bands) → (batch, outputs, frames, bands · 2)."""
    return nn.ConvTranspose2d(
        inputs, outputs, (1, kernel), stride=(1, 2), padding=(0, kernel // 2), output_padding=(0, 1)
    )


class Crnn(nn.Module):
    """Band power in, masks per band out.

    Args of forward: power (batch, frames, NUM_BANDS), the band sums of the mixture's power; states, per LSTM layer
    (h, c) of (1, batch, hidden), or None to start from silence.
    Returns masks (batch, stems, frames, NUM_BANDS) that sum to one over the stems, and the next states.
    """

    def __init__(self, config: CrnnConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CrnnConfig()
        c1, c2, c3 = config.channels
        kernel = config.kernel
        self.bottom = NUM_BANDS // 8
        self.encoder = nn.ModuleList(
            [convolution(1, c1, kernel), convolution(c1, c2, kernel), convolution(c2, c3, kernel)]
        )
        self.lstms = nn.ModuleList(
            nn.LSTM(c3 * self.bottom if i == 0 else config.hidden, config.hidden, batch_first=True)
            for i in range(config.layers)
        )
        self.dense = nn.Linear(config.hidden, c3 * self.bottom)
        self.decoder = nn.ModuleList(
            transposed(2 * inputs, outputs, kernel) for inputs, outputs in ((c3, c2), (c2, c1), (c1, config.num_stems))
        )
        self.norms = nn.ModuleList([nn.BatchNorm2d(c2), nn.BatchNorm2d(c1)])

    def forward(
        self, power: Tensor, states: list[tuple[Tensor, Tensor]] | None = None
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        batch, frames, _ = power.shape
        features = (torch.log(power + POWER_FLOOR) - LOG_MEAN) / LOG_STD
        x = features.unsqueeze(1).to(memory_format=torch.channels_last)
        skips = []
        for layer in self.encoder:
            x = layer(x)
            skips.append(x)

        x = x.transpose(1, 2).reshape(batch, frames, -1)
        next_states = []
        for i, lstm in enumerate(self.lstms):
            x, state = lstm(x, states[i] if states else None)
            next_states.append(state)
        x = torch.relu(self.dense(x)).reshape(batch, frames, -1, self.bottom).transpose(1, 2)

        for i, layer in enumerate(self.decoder):
            x = layer(torch.cat([x, skips[-1 - i]], dim=1).contiguous(memory_format=torch.channels_last))
            if i < len(self.norms):
                x = torch.relu(self.norms[i](x))
        return torch.softmax(x.float(), dim=1), next_states
