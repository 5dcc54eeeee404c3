"""The CRNN: convolutions over frequency → recurrence over time → transposed convolutions → masks (DESIGN §8).

The frame is that of convolutional recurrent enhancement (Tan & Wang, "A convolutional recurrent neural network for
real-time speech enhancement", Interspeech 2018). The recurrence takes turns: one LSTM, shared by all sub-bands, follows
each of them in time, then another sees the whole spectrum (Hao et al., "FullSubNet", ICASSP 2021). What a sub-band
sounds like over time (steady, struck, voiced) is learnt once and not once per frequency, so it holds for sounds not
heard in training; and shared weights are small, which a hop in ONNX Runtime is fast by.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from unbraid.training.bands import NUM_BANDS

POWER_FLOOR = 1e-10  # -100 dB below a full-scale sine, per band
LOG_MEAN, LOG_STD = -14.0, 5.5  # of log band power over the training mixtures, rounded

State = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class CrnnConfig:
    """Sizes of a Crnn. `channels` and `strides` of the convolutions; `strides` divide the number of bands."""

    num_stems: int = 3
    channels: tuple[int, ...] = (24, 32, 48)
    strides: tuple[int, ...] = (2, 2, 2)
    kernel: int = 5
    blocks: int = 2
    sub_hidden: int = 48
    full_hidden: int = 192
    squeeze: int = 10  # channels of a sub-band that the full-band LSTM sees

    def __post_init__(self) -> None:
        if len(self.channels) != len(self.strides):
            raise ValueError(
                f"every convolution needs a stride, got {len(self.channels)} channels and {len(self.strides)} strides"
            )

    @property
    def num_sub_bands(self) -> int:
        return NUM_BANDS // math.prod(self.strides)

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def convolution(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    """Fewer bands: (batch, inputs, frames, bands) → (batch, outputs, frames, bands / stride)."""
    conv = nn.Conv2d(inputs, outputs, (1, kernel), stride=(1, stride), padding=(0, kernel // 2), bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


def transposed(inputs: int, outputs: int, kernel: int, stride: int) -> nn.ConvTranspose2d:
    """More bands: (batch, inputs, frames, bands) → (batch, outputs, frames, bands · stride)."""
    return nn.ConvTranspose2d(
        inputs, outputs, (1, kernel), stride=(1, stride), padding=(0, kernel // 2), output_padding=(0, stride - 1)
    )


class Block(nn.Module):
    """A sub-band LSTM and a full-band LSTM, each added to its input: (batch, sub-bands, frames, channels) → the same.

    The states are the (h, c) of the two LSTMs: (1, batch · sub-bands, sub_hidden) and (1, batch, full_hidden).
    """

    def __init__(self, config: CrnnConfig) -> None:
        super().__init__()
        channels, full_inputs = config.channels[-1], config.squeeze * config.num_sub_bands
        self.sub = nn.LSTM(channels, config.sub_hidden, batch_first=True)
        self.sub_out = nn.Linear(config.sub_hidden, channels, bias=False)
        self.squeeze = nn.Linear(channels, config.squeeze, bias=False)
        self.full = nn.LSTM(full_inputs, config.full_hidden, batch_first=True)
        self.full_out = nn.Linear(config.full_hidden, full_inputs)
        self.expand = nn.Linear(config.squeeze, channels, bias=False)

    def forward(self, x: Tensor, states: tuple[State, State] | None = None) -> tuple[Tensor, tuple[State, State]]:
        batch, sub_bands, frames, channels = x.shape
        sub_state, full_state = states or (None, None)
        y, sub_state = self.sub(x.reshape(batch * sub_bands, frames, channels), sub_state)
        x = x + self.sub_out(y).reshape(batch, sub_bands, frames, channels)

        y = self.squeeze(x).transpose(1, 2).reshape(batch, frames, -1)
        y, full_state = self.full(y, full_state)
        y = torch.relu(self.full_out(y)).reshape(batch, frames, sub_bands, -1).transpose(1, 2)
        return x + self.expand(y), (sub_state, full_state)


class Crnn(nn.Module):
    """Band power in, masks per band out.

    Args of forward: power (batch, frames, NUM_BANDS), the band sums of the mixture's power; states, per block those
    that Block returns, or None to start from silence.
    Returns masks (batch, stems, frames, NUM_BANDS) that sum to one over the stems, and the next states.
    """

    def __init__(self, config: CrnnConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CrnnConfig()
        channels, strides, kernel = config.channels, config.strides, config.kernel
        inputs = (1, *channels[:-1])
        self.encoder = nn.ModuleList(
            convolution(i, o, kernel, stride) for i, o, stride in zip(inputs, channels, strides, strict=True)
        )
        self.position = nn.Parameter(torch.zeros(config.num_sub_bands, 1, channels[-1]))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        outputs = (*channels[-2::-1], config.num_stems)
        self.decoder = nn.ModuleList(
            transposed(2 * i, o, kernel, stride)
            for i, o, stride in zip(channels[::-1], outputs, strides[::-1], strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for o in outputs[:-1])

    def forward(
        self, power: Tensor, states: list[tuple[State, State]] | None = None
    ) -> tuple[Tensor, list[tuple[State, State]]]:
        features = (torch.log(power + POWER_FLOOR) - LOG_MEAN) / LOG_STD
        x = features.unsqueeze(1).to(memory_format=torch.channels_last)
        skips = []
        for layer in self.encoder:
            x = layer(x)
            skips.append(x)

        x = x.permute(0, 3, 2, 1) + self.position
        next_states = []
        for i, block in enumerate(self.blocks):
            x, state = block(x, states[i] if states else None)
            next_states.append(state)
        x = x.permute(0, 3, 2, 1)

        for i, layer in enumerate(self.decoder):
            x = layer(torch.cat([x, skips[-1 - i]], dim=1).contiguous(memory_format=torch.channels_last))
            if i < len(self.norms):
                x = torch.relu(self.norms[i](x))
        return torch.softmax(x.float(), dim=1), next_states


def load_checkpoint(path: Path) -> tuple[Crnn, dict[str, object]]:
    """The averaged network of a checkpoint and what is known of its run."""
    state = torch.load(path, weights_only=True)
    model = Crnn(CrnnConfig(**state["config"]))
    model.load_state_dict(state["average"])
    run = {
        "step": state["step"],
        "hours_heard": round(state["seconds_heard"] / 3600, 1),
        "validation_gain_db": round(state["best"], 2),
    }
    return model.eval(), run
