"""The CRNN: convolutions over frequency → recurrence over time → transposed convolutions → masks (DESIGN §8).

The frame is that of convolutional recurrent enhancement (Tan & Wang, "A convolutional recurrent neural network for
real-time speech enhancement", Interspeech 2018). The recurrence takes turns: one LSTM, shared by all sub-bands, follows
each of them in time, then another sees the whole spectrum (Hao et al., "FullSubNet", ICASSP 2021). What a sub-band
sounds like over time (steady, struck, voiced) is learnt once and not once per frequency, so it holds for sounds not
heard in training; and shared weights are small, which a hop in ONNX Runtime is fast by.
"""

from __future__ import annotations

import functools
import math
import timeit
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from unbraid.training.bands import NUM_BANDS

POWER_FLOOR = 1e-10  # -100 dB below a full-scale sine, per band
LOG_MEAN, LOG_STD = -14.0, 5.5  # of log band power over the training mixtures, rounded

State = tuple[Tensor, Tensor]
BlockStates = list[tuple[State, State]]


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
    memory: int = 4  # frames that the first convolution sees, the newest among them
    low_bands: int = 40  # the first full-band LSTM sees them, the last one's masks for them are added; may be 0
    planes: int = 1  # what it hears and masks: the middle of the channels, or (2) middle and side

    def __post_init__(self) -> None:
        if len(self.channels) != len(self.strides):
            raise ValueError(
                f"every convolution needs a stride, got {len(self.channels)} channels and {len(self.strides)} strides"
            )

        if self.memory < 2:
            raise ValueError(f"memory is at least 2 frames, got {self.memory}")
        if self.planes not in (1, 2):
            raise ValueError(f"planes are 1 or 2, got {self.planes}")

    @property
    def num_sub_bands(self) -> int:
        return NUM_BANDS // math.prod(self.strides)

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


def convolution(
    inputs: int, outputs: int, kernel: tuple[int, int], stride: int, frames_around: int = 0
) -> nn.Sequential:
    """Fewer bands: (batch, inputs, frames + kernel[0] - 1, bands) → (batch, outputs, frames, bands / stride).

    Of the frames before it and after, `frames_around` each need not be there.
    """
    padding = (frames_around, kernel[1] // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride=(1, stride), padding=padding, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


def transposed(inputs: int, outputs: int, kernel: int, stride: int) -> nn.ConvTranspose2d:
    """More bands: (batch, inputs, frames, bands) → (batch, outputs, frames, bands · stride)."""
    return nn.ConvTranspose2d(
        inputs, outputs, (1, kernel), stride=(1, stride), padding=(0, kernel // 2), output_padding=(0, stride - 1)
    )


def features_of(power: Tensor) -> Tensor:
    """The logarithm of band power, about 0 and 1 in mean and deviation over mixtures."""
    return (torch.log(power + POWER_FLOOR) - LOG_MEAN) / LOG_STD


def encode(encoder: nn.ModuleList, features: Tensor) -> list[Tensor]:
    """What each convolution makes of (batch, planes, frames, bands), the first one's output first."""
    x = features.to(memory_format=torch.channels_last)
    found = []
    for layer in encoder:
        x = layer(x)
        found.append(x)
    return found


def _join(*parts: Tensor) -> Tensor:
    return torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last)


class Block(nn.Module):
    """A sub-band LSTM and a full-band LSTM, each added to its input: (batch, sub-bands, frames, channels) → the same.

    The full-band LSTM may see something else, too: `other` (batch, frames, others). What it puts out is returned.
    The states are the (h, c) of the two LSTMs: (1, batch · sub-bands, sub_hidden) and (1, batch, full_hidden).
    """

    def __init__(self, config: CrnnConfig, others: int = 0) -> None:
        super().__init__()
        channels, full_inputs = config.channels[-1], config.squeeze * config.num_sub_bands
        self.sub = nn.LSTM(channels, config.sub_hidden, batch_first=True)
        self.sub_out = nn.Linear(config.sub_hidden, channels, bias=False)
        self.squeeze = nn.Linear(channels, config.squeeze, bias=False)
        self.full = nn.LSTM(full_inputs + others, config.full_hidden, batch_first=True)
        self.full_out = nn.Linear(config.full_hidden, full_inputs)
        self.expand = nn.Linear(config.squeeze, channels, bias=False)

    def forward(
        self, x: Tensor, other: Tensor | None, states: tuple[State, State] | None = None
    ) -> tuple[Tensor, Tensor, tuple[State, State]]:
        batch, sub_bands, frames, channels = x.shape
        sub_state, full_state = states or (None, None)
        y, sub_state = self.sub(x.reshape(batch * sub_bands, frames, channels), sub_state)
        x = x + self.sub_out(y).reshape(batch, sub_bands, frames, channels)

        y = self.squeeze(x).transpose(1, 2).reshape(batch, frames, -1)
        whole, full_state = self.full(y if other is None else torch.cat([y, other], dim=-1), full_state)
        y = torch.relu(self.full_out(whole)).reshape(batch, frames, sub_bands, -1).transpose(1, 2)
        return x + self.expand(y), whole, (sub_state, full_state)


class Crnn(nn.Module):
    """Band power in, masks per band out.

    Args of forward: power (batch, frames, planes · NUM_BANDS), the band sums of the power of the mixture's middle and,
    behind them, of its side; states, the power of the last frames (batch, memory - 1, planes · NUM_BANDS) and per block
    what Block returns, or None to start from silence.
    Returns masks (batch, stems, frames, planes · NUM_BANDS) that sum to one over the stems, and the next states.

    Below 1 kHz, where the harmonics of voices and of music meet, single bands matter, and sub-bands tell little of
    them. So the first convolution sees frames of the past, and the last layer products of what it finds and of what
    the recurrence does; and full-band LSTMs see low bands and add to their masks.
    """

    def __init__(self, config: CrnnConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CrnnConfig()
        channels, strides, kernel = config.channels, config.strides, config.kernel
        inputs = (config.planes, *channels[:-1])
        kernels = [(config.memory, kernel), *[(1, kernel)] * (len(channels) - 1)]
        self.encoder = nn.ModuleList(
            convolution(i, o, size, stride)
            for i, o, size, stride in zip(inputs, channels, kernels, strides, strict=True)
        )
        self.position = nn.Parameter(torch.zeros(config.num_sub_bands, 1, channels[-1]))
        low = config.planes * config.low_bands
        self.blocks = nn.ModuleList(Block(config, low if i == 0 else 0) for i in range(config.blocks))
        low_masks = config.num_stems * low
        self.low_out = nn.Linear(config.full_hidden, low_masks, bias=False) if low_masks else None
        inputs = (*(2 * i for i in channels[:0:-1]), 3 * channels[0])
        outputs = (*channels[-2::-1], config.planes * config.num_stems)
        self.decoder = nn.ModuleList(
            transposed(i, o, kernel, stride) for i, o, stride in zip(inputs, outputs, strides[::-1], strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for o in outputs[:-1])

    def forward(
        self, power: Tensor, states: tuple[Tensor, BlockStates] | None = None
    ) -> tuple[Tensor, tuple[Tensor, BlockStates]]:
        batch, frames, bands = power.shape
        past, block_states = states or (power.new_zeros(batch, self.config.memory - 1, bands), None)
        seen = torch.cat([past, power], dim=1)
        planes = self.config.planes
        features = features_of(seen).unflatten(2, (planes, -1)).transpose(1, 2)  # (batch, planes, frames, bands)
        skips = encode(self.encoder, features)
        x = skips[-1].permute(0, 3, 2, 1) + self.position
        low = features[:, :, -frames:, : self.config.low_bands].transpose(1, 2).flatten(2)
        next_states = []
        for i, block in enumerate(self.blocks):
            x, whole, state = block(x, low if i == 0 else None, block_states[i] if block_states else None)
            next_states.append(state)
        x = x.permute(0, 3, 2, 1)

        *hidden, last = self.decoder
        first, *deep = skips
        for layer, norm, skip in zip(hidden, self.norms, reversed(deep), strict=True):
            x = torch.relu(norm(layer(_join(x, skip))))
        x = last(_join(x, first, x * first))
        x = x.float()
        if self.low_out is not None:
            low = self.low_out(whole).reshape(batch, frames, x.shape[1], -1).transpose(1, 2)
            x = x + nn.functional.pad(low.float(), (0, x.shape[3] - self.config.low_bands))
        masks = torch.softmax(x.unflatten(1, (planes, -1)), dim=2)
        return masks.permute(0, 2, 3, 1, 4).flatten(3), (seen[:, frames:], next_states)


@functools.cache
def half_precision_pays() -> bool:
    """Whether this processor multiplies matrices faster in bfloat16: some take it, and are no faster for it."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False

    def seconds(dtype: torch.dtype) -> float:
        a, b = torch.ones(4096, 256, dtype=dtype), torch.ones(256, 256, dtype=dtype)
        return min(timeit.repeat(lambda: a @ b, number=1, repeat=8))

    return seconds(torch.bfloat16) < seconds(torch.float32)


def autocast() -> torch.autocast:
    """Half precision where it is faster and its kernels train an LSTM, single elsewhere."""
    return torch.autocast("cpu", torch.bfloat16, enabled=half_precision_pays())


def load_checkpoint(path: Path, *others: Path) -> tuple[Crnn, dict[str, object]]:
    """The averaged network of a checkpoint and what is known of its run.

    With other checkpoints, of runs that began with the same weights, the mean of their networks (Wortsman et al.,
    "Model soups: averaging weights of multiple fine-tuned models", ICML 2022).
    """
    state = torch.load(path, weights_only=True)
    model = Crnn(CrnnConfig(**state["config"]))
    networks = [state["average"], *(torch.load(other, weights_only=True)["average"] for other in others)]
    model.load_state_dict(
        {
            name: torch.stack([network[name] for network in networks]).mean(0) if value.is_floating_point() else value
            for name, value in state["average"].items()
        }
    )
    run: dict[str, object] = {
        "step": state["step"],
        "hours_heard": round(state["seconds_heard"] / 3600, 1),
    }
    if not others:  # a mean has a gain of its own
        run["validation_gain_db"] = round(state["best"], 2)
    return model.eval(), run
