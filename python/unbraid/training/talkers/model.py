"""The network of `talkers`: every point of the spectrogram gets an embedding, near those of the same voice.

Hershey et al., "Deep clustering: discriminative embeddings for segmentation and separation", ICASSP 2016. The trunk is
that of `Crnn`, but it looks both ways in time: whose a vowel is, the word after it may tell.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from unbraid.training.model import convolution, encode, features_of, transposed
from unbraid.training.talkers.frames import BANDS


@dataclass(frozen=True)
class EmbedderConfig:
    """Sizes of an Embedder. `channels` and `strides` of the convolutions; `strides` divide the number of bands."""

    embedding: int = 16
    channels: tuple[int, ...] = (24, 32, 48)
    strides: tuple[int, ...] = (2, 2, 2)
    kernel: int = 5  # over bands
    span: int = 3  # frames that a convolution sees
    blocks: int = 3
    sub_hidden: int = 48  # of each direction
    full_hidden: int = 128
    squeeze: int = 8

    @property
    def num_sub_bands(self) -> int:
        return BANDS.num_bands // math.prod(self.strides)

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


class BothWays(nn.Module):
    """A sub-band LSTM and a full-band LSTM, both bidirectional, each added to its input.

    (batch, sub-bands, frames, channels) → the same.
    """

    def __init__(self, config: EmbedderConfig) -> None:
        super().__init__()
        channels, full_inputs = config.channels[-1], config.squeeze * config.num_sub_bands
        self.sub = nn.LSTM(channels, config.sub_hidden, batch_first=True, bidirectional=True)
        self.sub_out = nn.Linear(2 * config.sub_hidden, channels, bias=False)
        self.squeeze = nn.Linear(channels, config.squeeze, bias=False)
        self.full = nn.LSTM(full_inputs, config.full_hidden, batch_first=True, bidirectional=True)
        self.full_out = nn.Linear(2 * config.full_hidden, full_inputs)
        self.expand = nn.Linear(config.squeeze, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, sub_bands, frames, channels = x.shape
        y, _ = self.sub(x.reshape(batch * sub_bands, frames, channels))
        x = x + self.sub_out(y).reshape(batch, sub_bands, frames, channels)
        y, _ = self.full(self.squeeze(x).transpose(1, 2).reshape(batch, frames, -1))
        y = torch.relu(self.full_out(y)).reshape(batch, frames, sub_bands, -1).transpose(1, 2)
        out: Tensor = x + self.expand(y)
        return out


class Embedder(nn.Module):
    """Band power in, an embedding per band out: (batch, frames, bands) → (batch, frames, bands, embedding).

    Only the direction of an embedding counts. `sharpness` is that of the softmax over the cosines to the centres, which
    makes masks of them.
    """

    def __init__(self, config: EmbedderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EmbedderConfig()
        channels, strides = config.channels, config.strides
        kernel = (config.span, config.kernel)
        self.encoder = nn.ModuleList(
            convolution(i, o, kernel, stride, frames_around=config.span // 2)
            for i, o, stride in zip((1, *channels[:-1]), channels, strides, strict=True)
        )
        self.position = nn.Parameter(torch.zeros(config.num_sub_bands, 1, channels[-1]))
        self.blocks = nn.ModuleList(BothWays(config) for _ in range(config.blocks))
        outputs = (*channels[-2::-1], config.embedding)
        self.decoder = nn.ModuleList(
            transposed(2 * i, o, config.kernel, stride)
            for i, o, stride in zip(channels[::-1], outputs, strides[::-1], strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for o in outputs[:-1])
        self.sharpness = nn.Parameter(torch.tensor(5.0))

    def forward(self, power: Tensor) -> Tensor:
        skips = encode(self.encoder, features_of(power).unsqueeze(1))
        x = skips[-1].permute(0, 3, 2, 1) + self.position
        for block in self.blocks:
            x = block(x)
        x = x.permute(0, 3, 2, 1)
        *hidden, last = self.decoder
        for layer, norm in zip(hidden, self.norms, strict=True):
            x = torch.relu(norm(layer(torch.cat([x, skips.pop()], dim=1))))
        embeddings: Tensor = last(torch.cat([x, skips.pop()], dim=1)).float().permute(0, 2, 3, 1)
        return embeddings


def masks_of(embeddings: Tensor, centres: Tensor, sharpness: Tensor) -> Tensor:
    """Soft masks of embeddings (..., frames, bands, embedding) about centres (..., talkers, embedding), unit length.

    (..., talkers, frames, bands) that sum to one over the talkers.
    """
    # The products are divided, not the embeddings: they are fewer.
    products = torch.einsum("...fbe,...ke->...kfb", embeddings, centres)
    cosines = products / lengths(embeddings).unsqueeze(-3)
    return torch.softmax(sharpness * cosines, dim=-3)


def lengths(embeddings: Tensor) -> Tensor:
    found: Tensor = torch.linalg.vector_norm(embeddings, dim=-1)
    return found.clamp_min(1e-6)
