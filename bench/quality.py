"""Measures how well Unbraid and its peers separate a folder of clips: `python -m bench.quality FOLDER`.

The folder holds one folder per clip with a file per stem, speech, music, noise (`000/speech.flac`, ...); the mixture is
the sum of the stems present. Prints a Markdown table per kind of mixture, of means over its clips:

SI-SDR gain  zero-mean SI-SDR over that of the mixture, all channels as one vector: of audio resampled to 16 kHz, for
             there most peers end, and in full, at the clip's own rate
PESQ, STOI   wide-band PESQ and STOI of the speech, on the mean of its channels at 16 kHz
DNSMOS       overall quality, speech and background, of the same signal, without a reference
leak         the level of a stem that is not in the clip, over the mixture's
worst        Unbraid's worst clip by the first of SI-SDR gain, leak and PESQ that the row has

A peer hears each channel by itself at its own rate; its delay is taken out there: the lag, up to 100 ms, at which its
output correlates best with the clean speech (with the mixture where there is no speech). "mixture" is no separation.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

import unbraid
from bench.peers import PEERS, Audio, Peer, open_peers, run_stream
from unbraid.evaluation.metrics import METRICS, open_metrics
from unbraid.evaluation.scores import Score, System, resample, score_folder, system_of
from unbraid.evaluation.tables import COLUMNS, SUMMARY, report, summary

UNBRAID = "Unbraid"
MAX_LAG_SECONDS = 0.1
PEERS_ENV = "UNBRAID_PEERS"


def find_lag(output: Audio, reference: Audio, max_lag: int) -> int:
    """The samples, 0 … max_lag, by which `output` is most like `reference` late; both (channels, samples)."""
    size = output.shape[-1] + reference.shape[-1]
    products = np.fft.rfft(output, size) * np.conj(np.fft.rfft(reference, size))
    correlation = np.fft.irfft(products.sum(axis=0), size)
    return int(np.argmax(correlation[: max_lag + 1]))


def enhance(open_stream: Callable[[], Peer], mixture: Audio, rate: int, reference: Audio) -> dict[str, Audio]:
    """What a peer takes for speech, aligned with `reference`, at the rate and of the shape of the mixture."""
    streams = [open_stream() for _ in mixture]
    peer_rate = streams[0].sample_rate
    max_lag = round(MAX_LAG_SECONDS * peer_rate)
    heard = np.pad(resample(mixture, rate, peer_rate), [(0, 0), (0, max_lag)])
    output = np.stack([run_stream(stream, channel) for stream, channel in zip(streams, heard, strict=True)])
    lag = find_lag(output, resample(reference, rate, peer_rate), max_lag)
    speech = resample(output[:, lag : output.shape[1] - max_lag + lag], peer_rate, rate)
    missing = max(mixture.shape[1] - speech.shape[1], 0)  # a sample of rounding
    return {"speech": np.pad(speech, [(0, 0), (0, missing)])[:, : mixture.shape[1]]}


def open_systems(model: unbraid.Model, peers: Mapping[str, Callable[[], Peer]]) -> dict[str, System]:
    return {
        "mixture": lambda mixture, rate, reference: {"speech": mixture},
        **{name: partial(enhance, open_stream) for name, open_stream in peers.items()},
        UNBRAID: system_of(model),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder per clip, a file per stem")
    parser.add_argument("--model", default="dialogue", help="an installed model, or an .onnx file (default: dialogue)")
    parser.add_argument(
        "--peers-dir",
        type=Path,
        default=os.environ.get(PEERS_ENV),
        help=f"folder of the peers' ONNX files (default: ${PEERS_ENV})",
    )
    parser.add_argument(
        "--skip",
        action="append",
        default=[],
        choices=[*PEERS, *METRICS],
        help="leave out a peer or a metric; may be repeated",
    )
    parser.add_argument("--json", type=Path, help="also write every score here")
    args = parser.parse_args()
    model = unbraid.load_model(args.model)
    peers, missing_peers = open_peers(args.peers_dir)
    metrics, missing_metrics = open_metrics()
    print(f"unbraid {unbraid.__version__}, model {model.name}, {args.folder.resolve().name}\n")
    unwanted = dict.fromkeys(args.skip, "not wanted")
    for name, reason in (missing_peers | missing_metrics | unwanted).items():
        print(f"{name} skipped: {reason}\n")
        peers.pop(name, None)
        metrics.pop(name, None)
    scores: list[Score] = []
    for score in score_folder(args.folder, model.stem_names, open_systems(model, peers), metrics):
        if not scores or scores[-1].clip != score.clip:
            print(f"clip {score.clip}: {score.kind}", file=sys.stderr)
        scores.append(score)
    print(report(scores, UNBRAID, model.stem_names))
    print(f"\n### In short: speech, {', '.join(COLUMNS[metric][0] for metric in SUMMARY)}\n\n{summary(scores)}")
    if args.json:
        args.json.write_text(json.dumps([asdict(score) for score in scores], indent=1))


if __name__ == "__main__":
    main()
