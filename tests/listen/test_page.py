"""The page as a user meets it: in a real browser, with sound measured where it leaves the page."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

import unbraid
from helpers.audio import Audio, on_grid, read_audio, soft_noise, write
from helpers.browser import REBOUND, fader, heard, misfit, opened, press_play, separated
from helpers.listening import Listening, listening
from helpers.shell import Shell
from unbraid.files.input_file import InputFile
from unbraid.listen.library import Library
from unbraid.listen.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, toy_model_path: Path) -> Shell:
    return Shell(tmp_path_factory.mktemp("page"), toy_model_path.parent)


@pytest.fixture(scope="module")
def talk(shell: Shell, rate: int) -> Path:
    """Noise whose ends in time are not alike, of 20 s."""
    return write(shell.folder / "talk.wav", on_grid(soft_noise(np.random.default_rng(19), 2, 20 * rate)), rate)


@pytest.fixture(scope="module")
def server(shell: Shell, talk: Path) -> Iterator[Listening]:
    with listening(shell, talk, "--model", "toy") as server:
        server.wait("tracks/1")
        yield server


@pytest.fixture
def page(browser: Any, server: Listening) -> Iterator[Any]:
    yield from opened(browser, server.url)


def test_a_fader_moves_what_is_heard(page: Any, talk: Path, rate: int, toy_model: unbraid.Model) -> None:
    mixture = read_audio(talk)
    separated(page)
    press_play(page)
    assert misfit(heard(page), mixture) < 1e-6  # all faders at 0 dB: the mixture
    fader(page, "music").fill("-12")
    page.get_by_role("button", name="Mute noise").click()
    remix = unbraid.remix(mixture, rate, toy_model, music_db=-12, noise_db="mute")
    sound = heard(page)
    assert misfit(sound, remix) < 1e-6
    assert misfit(sound, mixture) > 0.1
    assert fader(page, "music").get_attribute("aria-valuetext") == "−12.0 dB"


def test_keys(page: Any, talk: Path, rate: int, toy_model: unbraid.Model) -> None:
    stems = unbraid.separate(read_audio(talk), rate, toy_model)
    separated(page)
    page.keyboard.press("Space")
    page.keyboard.press("2")
    assert misfit(heard(page), stems["music"]) < 1e-6
    page.keyboard.press("2")
    page.keyboard.press("Shift+Digit1")
    assert misfit(heard(page), stems["music"] + stems["noise"]) < 1e-6
    page.keyboard.press("Space")
    assert page.evaluate("element.paused")
    places = {"Home": 0, "ArrowRight": 5, "ArrowLeft": 0, "End": 20}
    for key, place in places.items():
        page.keyboard.press(key)
        assert page.evaluate("element.currentTime") == pytest.approx(place, abs=0.1)


def test_the_original_is_as_loud_as_the_remix(page: Any, talk: Path, rate: int, toy_model: unbraid.Model) -> None:
    """Against the standard's filters, run over the audio."""
    scipy_signal = pytest.importorskip("scipy.signal")
    from unbraid.listen.loudness import k_weighting

    def power(audio: Audio) -> float:
        for numerator, denominator in k_weighting(rate):
            audio = scipy_signal.lfilter(numerator, denominator, audio)
        return float((audio**2).mean())

    mixture = read_audio(talk)
    separated(page)
    fader(page, "speech").fill("-20")
    fader(page, "music").fill("-6")
    press_play(page)
    page.get_by_role("button", name="Hear the original").click()
    remix = unbraid.remix(mixture, rate, toy_model, speech_db=-20, music_db=-6)
    gain = np.float32((power(remix) / power(mixture)) ** 0.5)
    assert gain < 0.8
    assert misfit(heard(page), gain * mixture) < 1e-3
    page.get_by_label("equal loudness").uncheck()
    assert misfit(heard(page), mixture) < 1e-6


def test_export(page: Any, talk: Path, rate: int, toy_model: unbraid.Model) -> None:
    mixture = read_audio(talk)
    separated(page)
    fader(page, "speech").fill("3")
    fader(page, "music").fill("-12.5")
    page.get_by_role("button", name="Mute noise").click()
    page.get_by_role("button", name="Export…").click()
    dialog = page.get_by_role("dialog", name="Export")
    with page.expect_download() as saving:
        dialog.get_by_role("button", name="Save").click()
    assert saving.value.suggested_filename == "talk-remix.wav"
    expected = unbraid.remix(mixture, rate, toy_model, speech_db=3, music_db=-12.5, noise_db="mute")
    np.testing.assert_array_equal(read_audio(saving.value.path()), expected)
    dialog.get_by_label("What").select_option("stems")
    dialog.get_by_label("Format").select_option(label="FLAC, 24 bit")
    with page.expect_download() as saving:
        dialog.get_by_role("button", name="Save").click()
    with zipfile.ZipFile(saving.value.path()) as archive:
        for name, stem in unbraid.separate(mixture, rate, toy_model).items():
            saved, _ = soundfile.read(io.BytesIO(archive.read(f"talk/{name}.flac")), dtype="float32")
            np.testing.assert_allclose(saved.T, stem, atol=2**-23)


def test_a_second_tab_has_faders_of_its_own(page: Any, server: Listening, talk: Path) -> None:
    mixture = read_audio(talk)
    separated(page)
    other = page.context.new_page()
    other.goto(server.url)
    separated(other)
    fader(page, "music").fill("-30")
    press_play(page)
    press_play(other)
    assert misfit(heard(other), mixture) < 1e-6
    assert misfit(heard(page), mixture) > 0.1


# --- while it is separated ------------------------------------------------------------------------------------------


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The separation of a file waits after its first 12 seconds until this is set."""
    gate = threading.Event()
    blocks = InputFile.blocks

    def paced(self: InputFile, seconds: float) -> Iterator[Audio]:
        for index, block in enumerate(blocks(self, seconds)):
            if index == 12:
                gate.wait()
            yield block

    monkeypatch.setattr(InputFile, "blocks", paced)
    yield gate
    gate.set()


def test_it_plays_and_reloads_in_mid_separation(
    browser: Any,
    talk: Path,
    rate: int,
    toy_model: unbraid.Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    gate: threading.Event,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Library(toy_model) as library, Server(library) as server:
        number = library.open(talk)
        track = library.tracks()[number]
        for page in opened(browser, server.url):
            page.get_by_text("Separating…").wait_for()
            fader(page, "music").fill("-7")
            press_play(page)
            remix = unbraid.remix(read_audio(talk), rate, toy_model, music_db=-7)
            assert misfit(heard(page), remix) < 1e-6
            done = track.state()["done_seconds"]
            assert done < 12.1
            page.reload()
            assert fader(page, "music").input_value() == "-7"  # where it was
            assert track.state()["done_seconds"] >= done  # not begun anew
            press_play(page)
            assert misfit(heard(page), remix) < 1e-6
            page.keyboard.press("End")  # no further than there is sound
            assert page.evaluate("element.currentTime") < 12.1
            gate.set()
            separated(page)
            page.keyboard.press("End")
            assert page.evaluate("element.currentTime") == pytest.approx(20, abs=0.1)
        assert len(library.tracks()) == 1
        assert len([each for each in threading.enumerate() if each.name.startswith("separate")]) <= 1
    assert list((tmp_path / "unbraid").iterdir()) == []


# --- files that are dropped -----------------------------------------------------------------------------------------


def drop(page: Any, name: str, content: bytes) -> None:
    transfer = page.evaluate_handle(
        """([name, bytes]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], name));
          return transfer;
        }""",
        [name, list(content)],
    )
    for kind in ("dragenter", "dragover", "drop"):
        page.dispatch_event("body", kind, {"dataTransfer": transfer})


def test_what_is_dropped(
    browser: Any, tmp_path: Path, rate: int, toy_model_path: Path, toy_model: unbraid.Model
) -> None:
    audio = on_grid(soft_noise(np.random.default_rng(3), 1, 4 * rate))
    dropped = write(tmp_path / "dropped.flac", audio, rate)
    with listening(Shell(tmp_path, toy_model_path.parent), "--model", "toy") as server:
        for page in opened(browser, server.url):
            page.get_by_text("Drop an audio file here").wait_for()
            drop(page, "letter.wav", b"Dear reader, " * 9)
            alert = page.get_by_role("alert")
            alert.get_by_text("letter.wav: not an audio file of a known format").wait_for()
            drop(page, "dropped.flac", dropped.read_bytes())
            separated(page)
            assert alert.is_hidden()
            press_play(page)
            page.keyboard.press("3")
            stems = unbraid.separate(audio, rate, toy_model)
            assert misfit(heard(page), stems["noise"]) < 1e-6
        assert [track["name"] for track in server.ask("tracks").json()] == ["dropped.flac"]


# --- pages that are not ours ----------------------------------------------------------------------------------------

STRANGER = """<!doctype html><title>stranger</title><script>
const url = new URLSearchParams(location.search).get("url");
const attempts = {
  read: () => fetch(url + "tracks").then((answer) => answer.text()),
  blind: () => fetch(url + "tracks", { mode: "no-cors" }).then((answer) => answer.text()),
  send: () => fetch(url + "tracks?name=a.wav", { method: "POST", mode: "no-cors", body: "x" }).then((a) => a.text()),
  export: () => fetch(url + "tracks/1/exports", { method: "POST", mode: "no-cors",
    body: '{"what": "remix", "format": "wav", "bit_depth": 32}' }).then((answer) => answer.text()),
  form: () => new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.name = "f";
    frame.onload = () => { try { resolve(frame.contentDocument.body.innerText); } catch { resolve(""); } };
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, { action: url + "tracks/1/start", method: "POST", target: "f" });
    document.body.append(form);
    form.submit();
  }),
  script: () => loads("script", "static/elements.js"),
  image: () => loads("img", "static/icon.svg"),
  audio: () => loads("audio", "tracks/1/audio.wav"),
};
function loads(tag, path) {
  return new Promise((resolve, reject) => {
    const element = document.createElement(tag);
    element.onload = element.onloadedmetadata = () => resolve("loaded");
    element.onerror = reject;
    element.src = url + path;
    document.body?.append(element);
  });
}
async function tryAll() {
  const found = {};
  for (const [name, attempt] of Object.entries(attempts)) found[name] = await attempt().catch(() => "");
  return found;
}
</script><body></body>"""


class StrangeHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(STRANGER.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def stranger() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), StrangeHandler) as server:
        threading.Thread(target=partial(server.serve_forever, 0.05), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize("token", ["known", "unknown"])
def test_another_page_reads_and_starts_nothing(browser: Any, server: Listening, stranger: str, token: str) -> None:
    url = server.url if token == "known" else f"http://{server.netloc}/guess/"
    before = server.ask("tracks").json()
    exports = [server.ask(f"exports/{number}").status for number in range(1, 9)]
    page = browser.new_page()
    page.goto(f"{stranger}?url={url}")
    found = page.evaluate("tryAll()")
    page.close()
    assert set(found.values()) == {""}, found
    assert server.ask("tracks").json() == before
    assert [server.ask(f"exports/{number}").status for number in range(1, 9)] == exports


def test_another_name_for_this_machine_leads_nowhere(browser: Any, server: Listening) -> None:
    page = browser.new_page()
    address = urlsplit(server.url)
    answer = page.goto(f"http://{REBOUND}:{address.port}{address.path}")
    assert answer.status == 421
    assert "Unbraid" not in page.content()
    page.close()


def test_a_wrong_token_shows_nothing(browser: Any, server: Listening) -> None:
    page = browser.new_page()
    assert page.goto(f"{server.url[:-2]}x/").status == 404
    assert "talk" not in page.content()
    page.close()


# --- for whoever looks, or does not ---------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [360, 768, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_any_width(browser: Any, server: Listening, width: int, scheme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto(server.url)
    separated(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for control in page.locator("button:visible, input:visible, select:visible").all():
        box = control.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width, control.evaluate("node => node.outerHTML")
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) > 384) == (scheme == "light")
    context.close()


def test_everything_has_a_name(page: Any) -> None:
    """As a screen reader tells it."""
    separated(page)
    for stem in ("speech", "music", "noise"):
        row = page.get_by_role("group", name=stem, exact=True)
        assert row.get_by_role("slider", name=f"{stem} gain in dB").count() == 1
        assert row.get_by_role("button", name=f"Mute {stem}").get_attribute("aria-pressed") == "false"
        assert row.get_by_role("button", name=f"Solo {stem}").get_attribute("aria-pressed") == "false"
        picture = row.get_by_role("img").get_attribute("aria-label")
        assert picture == f"Spectrogram of {stem}, which sounds from 0:00 to 0:20"
    for tag in ("button", "input", "select", "canvas"):
        for node in page.locator(f"{tag}:visible").all():
            named = node.evaluate(
                "n => n.ariaLabel || n.ariaHidden === 'true' || n.textContent.trim() || n.labels?.[0]?.textContent"
            )
            assert named, node.evaluate("node => node.outerHTML")
    assert page.get_by_role("slider", name="Position").get_attribute("aria-valuetext") == "0:00 of 0:20"
