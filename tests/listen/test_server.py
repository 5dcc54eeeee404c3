"""The page's server: who is answered, what is served, and what remains of it."""

from __future__ import annotations

import io
import shutil
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import unbraid
from helpers.audio import on_grid, read_audio, soft_noise, write
from helpers.listening import Listening, listening
from helpers.shell import Shell

RATE = 16000
STEMS = ("speech", "music", "noise")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, toy_model_path: Path) -> Shell:
    return Shell(tmp_path_factory.mktemp("listen"), toy_model_path.parent)


@pytest.fixture(scope="module")
def talk(shell: Shell) -> Path:
    audio = on_grid(soft_noise(np.random.default_rng(19), 2, 3 * RATE + 1))
    return write(shell.folder / "talk.wav", audio, RATE)


@pytest.fixture(scope="module")
def page(shell: Shell, talk: Path) -> Iterator[Listening]:
    """One for all tests that leave it as it was, but for tracks and exports that they add."""
    with listening(shell, talk, "--model", "toy") as page:
        yield page


@pytest.fixture
def own_page(tmp_path: Path, talk: Path, shell: Shell) -> Iterator[Listening]:
    own = Shell(tmp_path, Path(shell.environment["UNBRAID_MODELS"]))
    shutil.copy(talk, tmp_path)
    with listening(own, "talk.wav", "--model", "toy") as page:
        yield page


# --- who is answered ------------------------------------------------------------------------------------------------

WRONG_TOKENS = ["/", "/tracks", "/{token}", "/x{token}/tracks", "/{token}x/tracks", "/%2e/tracks"]


@pytest.mark.parametrize("path", WRONG_TOKENS)
def test_without_the_token_nothing_is_told(page: Listening, path: str) -> None:
    answer = page.ask(path.format(token=page.root.strip("/")))
    assert answer.status == 404
    assert b"talk" not in answer.body


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1.evil.example:{port}", ""]
)
def test_another_host_s_name_is_refused(page: Listening, host: str) -> None:
    """A page whose name leads to 127.0.0.1 (DNS rebinding) asks with its own name."""
    answer = page.ask("tracks", Host=host.format(port=page.netloc.split(":")[1]))
    assert answer.status == 421
    assert b"talk" not in answer.body


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_site_reads_and_starts_nothing(page: Listening, talk: Path, headers: dict[str, str]) -> None:
    """Not even one that knows the token."""
    before = page.ask("tracks").json()
    assert page.ask("tracks", **headers).status == 403
    assert page.ask("tracks?name=a.wav", "POST", talk.read_bytes(), **headers).status == 403
    export = '{"what": "remix", "format": "wav", "bit_depth": 32}'
    assert page.ask("tracks/1/exports", "POST", export, **headers).status == 403
    assert page.ask("tracks/99/start", "POST", **headers).status == 403
    assert page.ask("tracks").json() == before
    assert page.ask("exports/1").status == 404  # the others come later


def test_only_this_machine_can_connect(page: Listening) -> None:
    with socket.socket() as other:
        try:
            address = socket.gethostbyname(socket.gethostname())
        except OSError:
            pytest.skip("this machine's name has no address")
        if address.startswith("127."):
            pytest.skip("this machine has no other address")
        with pytest.raises(ConnectionRefusedError):
            other.connect((address, int(page.netloc.split(":")[1])))


def test_every_answer_has_the_policy(page: Listening) -> None:
    for path in ("", "static/main.js", "tracks", "tracks/1/audio.wav", "nosuch"):
        headers = page.ask(path, "HEAD").headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
        assert {source for sources in policy.values() for source in sources.split()} == {"'none'", "'self'", "data:"}
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers


def test_the_ticket_leads_to_the_page_once() -> None:
    from unbraid.listen.guard import Guard

    guard = Guard(1)
    assert not guard.use_ticket(f"/{guard.ticket}x")
    assert guard.use_ticket(f"/{guard.ticket}")
    assert not guard.use_ticket(f"/{guard.ticket}")


# --- what is served -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["static/../server.py", "static/..%2fserver.py", "static/", "static/nosuch.js", "tracks/99", "tracks/-1",
     "tracks/x", "tracks/1/input", "tracks/1/spectrogram/99", "tracks/1/../1", "exports/99", "../passwd", "talk.wav"],
)  # fmt: skip
def test_nothing_else_is_served(page: Listening, path: str) -> None:
    assert page.ask(path).status == 404


def test_audio_holds_the_stems_as_channels(page: Listening, talk: Path, toy_model: unbraid.Model) -> None:
    assert page.wait("tracks/1")["stem_names"] == list(STEMS)
    served, rate = soundfile.read(io.BytesIO(page.ask("tracks/1/audio.wav").body), dtype="float32")
    stems = unbraid.separate(read_audio(talk), RATE, toy_model)
    assert rate == RATE
    np.testing.assert_allclose(2 * served.T, np.concatenate(list(stems.values())), atol=2**-23)


def test_ranges(page: Listening) -> None:
    page.wait("tracks/1")
    whole = page.ask("tracks/1/audio.wav").body
    total = len(whole)
    cases = {"0-": (0, total), "5-10": (5, 11), "-7": (total - 7, total), f"9-{total + 99}": (9, total)}
    for asked, (start, stop) in cases.items():
        answer = page.ask("tracks/1/audio.wav", Range=f"bytes={asked}")
        assert (answer.status, answer.body) == (206, whole[start:stop])
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{total}"
    for ignored in ("bytes=9-5", "bytes=-", "bytes=1-2,4-5", "seconds=0-1"):
        assert page.ask("tracks/1/audio.wav", Range=ignored).status == 200
    for beyond in (f"bytes={total}-", "bytes=-0"):
        answer = page.ask("tracks/1/audio.wav", Range=beyond)
        assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{total}")


GAINS = {"speech": 3.0, "music": -12.0, "noise": "mute"}


@pytest.mark.parametrize(("kind", "bits"), [("wav", 32), ("flac", 24)])
def test_an_exported_remix_is_unbraid_remix(
    page: Listening, talk: Path, toy_model: unbraid.Model, tmp_path: Path, kind: str, bits: int
) -> None:
    asked = f'{{"what": "remix", "format": "{kind}", "bit_depth": {bits}, "gains_db": {GAINS}}}'.replace("'", '"')
    number = page.ask("tracks/1/exports", "POST", asked).json()["id"]
    assert page.wait(f"exports/{number}")["error"] == ""
    answer = page.ask(f"exports/{number}/file")
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''talk-remix.{kind}"
    (tmp_path / f"saved.{kind}").write_bytes(answer.body)
    expected = unbraid.remix(read_audio(talk), RATE, toy_model, gains_db=GAINS)
    np.testing.assert_allclose(read_audio(tmp_path / f"saved.{kind}"), expected, atol=0 if bits == 32 else 2**-23)


def test_exported_stems_are_unbraid_separate(page: Listening, talk: Path, toy_model: unbraid.Model) -> None:
    number = page.ask("tracks/1/exports", "POST", '{"what": "stems", "format": "wav", "bit_depth": 32}').json()["id"]
    page.wait(f"exports/{number}")
    stems = unbraid.separate(read_audio(talk), RATE, toy_model)
    with zipfile.ZipFile(io.BytesIO(page.ask(f"exports/{number}/file").body)) as archive:
        assert archive.namelist() == [f"talk/{name}.wav" for name in STEMS]
        for name, stem in stems.items():
            saved, _ = soundfile.read(io.BytesIO(archive.read(f"talk/{name}.wav")), dtype="float32")
            np.testing.assert_array_equal(saved.T, stem)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ('{"what": "drums", "format": "wav", "bit_depth": 32}', "unknown stem 'drums'"),
        ('{"what": "remix", "format": "mp3", "bit_depth": 32}', "format must be wav or flac"),
        ('{"what": "remix", "format": "wav", "bit_depth": 8}', "bit_depth must be"),
        ('{"what": "remix", "format": "wav", "bit_depth": 32, "gains_db": {"drums": 0}}', "unknown gain 'drums'"),
        ('{"what": "remix", "format": "wav"}', "'bit_depth' is missing"),
        ("[]", "expected a JSON object"),
        ("{", "expected a JSON object"),
    ],
)
def test_exports_that_there_are_not(page: Listening, asked: str, said: str) -> None:
    answer = page.ask("tracks/1/exports", "POST", asked)
    assert answer.status == 400
    assert said in answer.json()["error"]


def test_a_file_that_changes_is_not_exported(own_page: Listening, tmp_path: Path, rng: np.random.Generator) -> None:
    page = own_page
    page.wait("tracks/1")
    write(tmp_path / "talk.wav", soft_noise(rng, 2, RATE), RATE)
    number = page.ask("tracks/1/exports", "POST", '{"what": "remix", "format": "wav", "bit_depth": 32}').json()["id"]
    said = page.wait(f"exports/{number}")["error"]
    assert said == "talk.wav: has changed since it was opened; open it once more"


def test_a_file_is_sent_and_separated(page: Listening, talk: Path) -> None:
    answer = page.ask("tracks?name=..%2F..%2Fother%00.wav", "POST", talk.read_bytes())
    assert answer.status == 201
    state = page.wait(f"tracks/{answer.json()['id']}")
    assert (state["name"], state["error"], state["seconds"]) == ("other.wav", "", 3 + 1 / RATE)


def test_what_is_no_audio_is_refused_and_goes(page: Listening) -> None:
    before = sorted(path for path in page.cache.rglob("*"))
    answer = page.ask("tracks?name=letter.wav", "POST", b"Dear reader, " * 1000)
    assert answer.status == 415
    assert answer.json()["error"].startswith("letter.wav: not an audio file of a known format")
    assert sorted(path for path in page.cache.rglob("*")) == before


# --- the command ----------------------------------------------------------------------------------------------------


def test_ctrl_c_ends_it_and_nothing_is_left(own_page: Listening) -> None:
    page = own_page
    page.wait("tracks/1")
    assert len(page.left_over()) == 1
    assert page.end() == 130
    assert page.left_over() == []


def test_it_ends_in_the_midst_of_work(tmp_path: Path, toy_model_path: Path, rng: np.random.Generator) -> None:
    shell = Shell(tmp_path, toy_model_path.parent)
    write(shell.folder / "long.wav", on_grid(soft_noise(rng, 1, 600 * RATE)), RATE)
    with listening(shell, "long.wav", "--model", "toy") as page:
        with socket.create_connection(page.netloc.split(":")) as waiting:  # a player that waits for the end
            request = f"GET {page.root}tracks/1/audio.wav HTTP/1.1\r\nHost: {page.netloc}\r\nRange: bytes=-100\r\n\r\n"
            waiting.sendall(request.encode())
            assert page.end() == 130
        assert page.left_over() == []


def test_what_a_killed_run_left_goes_with_the_next(own_page: Listening, tmp_path: Path, toy_model_path: Path) -> None:
    own_page.process.kill()
    own_page.process.wait()
    (left,) = own_page.left_over()
    with listening(Shell(tmp_path, toy_model_path.parent), "talk.wav", "--model", "toy") as page:
        assert left not in page.left_over()


def test_what_cannot_be_opened_is_told(tmp_path: Path, toy_model_path: Path) -> None:
    shell = Shell(tmp_path, toy_model_path.parent)
    (shell.folder / "text.wav").write_text("hello")
    shell.environment["XDG_CACHE_HOME"] = str(shell.folder / "cache")
    arguments = ("--no-browser", "--model", "toy")
    assert shell.fails(1, "listen", "text.wav", *arguments).startswith("text.wav: not an audio file")
    assert shell.fails(1, "listen", "none.wav", *arguments) == "none.wav: No such file or directory"
    assert list((shell.folder / "cache" / "unbraid").iterdir()) == []


def test_a_port_that_is_taken(shell: Shell, page: Listening) -> None:
    said = shell.fails(1, "listen", "--no-browser", "--model", "toy", "--port", page.netloc.split(":")[1])
    assert "Address already in use" in said
