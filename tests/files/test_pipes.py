"""Pipes: WAV in and out, as it comes, in constant memory."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

import unbraid
from helpers.audio import Audio, read_audio, soft_noise
from helpers.containers import FLOAT, fmt, pcm, wav
from helpers.shell import Shell, command

UNKNOWN = 0xFFFFFFFF
MUTED = ("--music", "mute", "--model", "toy")


@pytest.fixture
def audio(rng: np.random.Generator) -> Audio:
    return soft_noise(rng, 2, 60001)


def piped(shell: Shell, content: bytes, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*arguments), cwd=shell.folder, env=shell.environment, input=content, capture_output=True, check=False
    )


def heard(content: bytes) -> Audio:
    """The float samples after a header that ends with the size that nobody knows yet."""
    head, data = content.split(b"data" + struct.pack("<I", UNKNOWN), 1)
    assert head[:8] == b"RIFF" + struct.pack("<I", UNKNOWN)
    channels = struct.unpack_from("<H", head, head.index(b"fmt ") + 10)[0]
    return np.ascontiguousarray(np.frombuffer(data, "<f4").reshape(-1, channels).T)


@pytest.mark.parametrize("size", [None, UNKNOWN, 0, 0x7FFFF000, 0x80000000])
def test_from_pipe_to_pipe(shell: Shell, audio: Audio, toy_model: unbraid.Model, size: int | None) -> None:
    """Headers that were never finished, as ffmpeg, SoX, arecord and others write them, go on to the end."""
    content = wav(pcm(audio, 24), fmt(bits=24), data_size=size, riff_size=size)
    done = piped(shell, content, "remix", "-", "-", *MUTED)
    assert (done.returncode, done.stderr) == (0, b"")
    mixture = np.rint(audio * 2**23).astype(np.float32) / np.float32(2**23)
    expected = unbraid.remix(mixture, 48000, toy_model, music_db="mute")
    np.testing.assert_array_equal(heard(done.stdout), expected)


def test_other_chunks_and_speakers_pass(shell: Shell, rng: np.random.Generator) -> None:
    audio = soft_noise(rng, 6, 9000)
    form = fmt(FLOAT, 6, 44100, 32, mask=0x60F)
    before, after = b"JUNK" + struct.pack("<I", 3) + b"abc\0", b"LIST" + struct.pack("<I", 4) + b"INFO"
    content = wav(audio.T.astype("<f4").tobytes(), form, before=before, after=after)
    done = piped(shell, content, "remix", "-", "-", "--model", "toy")
    assert (done.returncode, done.stderr) == (0, b"")
    np.testing.assert_allclose(heard(done.stdout), audio, atol=1e-5)
    assert struct.unpack_from("<I", done.stdout, done.stdout.index(b"fmt ") + 28) == (0x60F,)


@pytest.mark.parametrize(("bits", "subtype"), [("16", "PCM_16"), ("24", "PCM_24"), ("float", "FLOAT")])
def test_bits_of_what_goes_out(shell: Shell, audio: Audio, bits: str, subtype: str) -> None:
    content = wav(pcm(audio), fmt())
    done = piped(shell, content, "remix", "-", "-", "--bits", bits, "--model", "toy")
    sized = bytearray(done.stdout)
    data = sized.index(b"data")
    struct.pack_into("<I", sized, 4, len(sized) - 8)
    struct.pack_into("<I", sized, data + 4, len(sized) - data - 8)
    with soundfile.SoundFile(io.BytesIO(sized)) as file:
        assert file.subtype == subtype
        np.testing.assert_allclose(file.read(dtype="float32").T, np.rint(audio * 2**15) / 2**15, atol=1e-6)


def test_stems_of_a_pipe(shell: Shell, audio: Audio) -> None:
    done = piped(shell, wav(pcm(audio)), "separate", "-", "--stems", "speech,music", "--model", "toy")
    assert done.stdout.decode().splitlines() == ["stems/stdin/speech.wav", "stems/stdin/music.wav"]
    assert read_audio(shell.folder / "stems/stdin/music.wav").shape == audio.shape


def test_a_file_as_standard_input_may_be_of_any_format(shell: Shell, audio: Audio) -> None:
    soundfile.write(shell.folder / "in.flac", audio.T, 48000)
    with (shell.folder / "in.flac").open("rb") as file:
        done = shell.run("remix", "-", "out.wav", "--model", "toy", prepare=lambda: os.dup2(file.fileno(), 0))
    assert (done.returncode, done.stdout) == (0, "out.wav\n")
    assert read_audio(shell.folder / "out.wav").shape == audio.shape


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe(shell: Shell, audio: Audio) -> None:
    path = shell.folder / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(wav(pcm(audio))))
    writer.start()
    done = shell.run("remix", "pipe", "out.wav", "--model", "toy")
    writer.join()
    assert (done.returncode, done.stderr) == (0, "")
    assert read_audio(shell.folder / "out.wav").shape == audio.shape


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "nothing came; from a pipe WAV is read"),
        (b"fLaC" + bytes(100), "no WAV; from a pipe WAV is read"),
        (wav(bytes(400))[:30], "cut short: it ends before the audio begins"),
        (wav(bytes(400), b"")[:-200], 'its "fmt " chunk has 0 bytes'),
        (wav(bytes(400), fmt(0x11)), "its audio is compressed"),
        (wav(bytes(192000))[:-96000], "cut short: 96000 of the 192000 bytes of audio that its header promises"),
        (wav(bytes(400)) + b"\0\1\2\3\4", "comes something else at 0.002 s"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_written(shell: Shell, content: bytes, message: str) -> None:
    done = piped(shell, content, "remix", "-", "out.wav", "--model", "toy")
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("unbraid: -: ")
    assert message in line
    assert shell.files() == []


def test_what_is_ready_goes_out_before_the_end_comes(shell: Shell, audio: Audio) -> None:
    process = through_pipes(shell)
    assert process.stdin
    assert process.stdout
    assert process.stderr
    writer = threading.Thread(target=process.stdin.write, args=(wav(pcm(audio), data_size=UNKNOWN),))
    writer.start()
    ahead = process.stdout.read(44 + 4 * 2 * 48000)  # a second of it, while the pipe is open
    assert len(ahead) == 44 + 4 * 2 * 48000
    writer.join()
    process.stdin.close()
    assert heard(ahead + process.stdout.read()).shape == audio.shape
    assert process.wait() == 0
    process.stdout.close()
    process.stderr.close()


def test_when_nobody_reads_on_it_ends_quietly(shell: Shell, audio: Audio) -> None:
    process = through_pipes(shell)
    assert process.stdin
    assert process.stdout
    assert process.stderr
    writer = threading.Thread(target=feed, args=(process.stdin, wav(pcm(np.tile(audio, 50)), data_size=UNKNOWN)))
    writer.start()
    process.stdout.read(1000)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 1
    writer.join()
    process.stderr.close()


def through_pipes(shell: Shell) -> subprocess.Popen[bytes]:
    """A remix from pipe to pipe, under way."""
    return subprocess.Popen(
        command("remix", "-", "-", "--model", "toy"),
        cwd=shell.folder,
        env=shell.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def feed(pipe: io.IOBase, content: bytes) -> None:
    try:
        with pipe:
            pipe.write(content)
    except BrokenPipeError:
        pass
