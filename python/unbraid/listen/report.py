"""The page in one file, to send to someone: everything that is heard and drawn lies in it."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .._checks import Audio
from .._core import Model
from ..files.errors import DamageWarning
from ..files.input_file import InputFile, described
from ..files.naming import check_source
from ..files.outputs import OutputSet
from ..files.processing import Progress, check_not_source
from ..separator import separation, stems_asked_for
from .analysis import Analysis
from .downmix import downmix, playable_matrix
from .ogg import MAX_CHANNELS, OggFile
from .wav_stream import HEADROOM

STATIC = Path(__file__).parent / "static"
BLOCK_SECONDS = 1.0
BASE64_BYTES = 3 << 18  # a multiple of three: parts join without padding
# Nothing is fetched from anywhere.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; media-src blob:; "
    "base-uri 'none'; form-action 'none'"
)
STYLE = re.compile(r'<link rel="stylesheet" href="static/([\w-]+\.css)">')
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)


def report_file(
    source: Path,
    target: Path,
    model: Model,
    *,
    talkers: int | None = None,
    keep_going: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Separates an audio file and writes the page of its stems to `target`, an .html file; returns that.

    Raises what `separate_file` does, and ValueError for another ending and for more stems than can be played.
    """
    if target.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{target}: a report must end in .html")
    check_source(source)
    names = stems_asked_for(model, talkers)
    with InputFile(source, keep_going=keep_going) as mixture:
        check_not_source([target], source)
        matrix = playable_matrix(len(names), mixture.channels, mixture.layout, MAX_CHANNELS)
        _, separated = separation(mixture.sample_rate, mixture.channels, model, talkers)

        def stems_of() -> Iterator[Audio]:
            done = 0
            for stems in separated(mixture.blocks(BLOCK_SECONDS)):
                yield downmix(matrix, stems)
                done += stems.shape[-1]
                if progress:
                    progress(done / mixture.sample_rate, mixture.num_samples / mixture.sample_rate)

        with OutputSet({"report": target}, force=force) as outputs:
            write_page(
                outputs.files["report"], source.name, names, mixture.sample_rate, mixture.num_samples, stems_of()
            )
    if mixture.damage:
        warnings.warn(f"{source}: {described(mixture.damage)}", DamageWarning, stacklevel=2)
    return target


def write_page(
    file: BinaryIO, name: str, stem_names: Iterable[str], sample_rate: float, num_samples: int, stems: Iterable[Audio]
) -> None:
    """Writes the page of `stems`, blocks of (stems, channels, samples) with at most MAX_CHANNELS channels together."""
    names = list(stem_names)
    with tempfile.TemporaryDirectory(prefix="unbraid-") as made:
        folder = Path(made)
        analysis = Analysis(folder, sample_rate, len(names), num_samples)
        ogg: OggFile | None = None
        channels = count = 0
        try:
            for block in stems:
                if ogg is None:
                    channels = block.shape[1]
                    ogg = OggFile(folder / "audio", sample_rate, len(names) * channels)
                analysis.add(block)
                ogg.write(HEADROOM * block.reshape(-1, block.shape[2]))
                count += block.shape[2]
            analysis.end()
        finally:
            if ogg is not None:
                ogg.__exit__()
            analysis.close()
        state = {
            "name": name,
            "sample_rate": sample_rate,
            "seconds": count / sample_rate,
            "done_seconds": count / sample_rate,
            "finished": True,
            "error": "",
            "stem_names": names,
            "stem_channels": channels,
            "headroom": HEADROOM,
            **analysis.state(),
        }
        # The finest spectrogram would be half of the file.
        finest = min(1, len(analysis.spectrogram) - 1)
        state["frame_rate"] /= 2**finest
        state["frames"] = state["frames"][finest:]
        pictures = {"peaks": analysis.peaks.path, "levels": analysis.levels.path}
        for level, each in enumerate(analysis.spectrogram[finest:]):
            pictures[f"spectrogram/{level}"] = each.path
        write_html(file, state, pictures, folder / "audio")


def write_html(file: BinaryIO, state: dict[str, Any], pictures: dict[str, Path], audio: Path) -> None:
    before, after = page_around("</body>")
    file.write(before.encode())
    file.write(data_element("state", json.dumps(state).replace("<", "\\u003c")).encode())
    for part, path in pictures.items():
        packed = base64.b64encode(gzip.compress(path.read_bytes(), mtime=0)).decode()
        file.write(data_element(part, packed).encode())
    opening, closing = data_element("audio", "\n").split("\n")
    file.write(opening.encode())
    with audio.open("rb") as stored:
        while block := stored.read(BASE64_BYTES):
            file.write(base64.b64encode(block))
    file.write(f"{closing}\n<script type=module>\n{bundle('report.js')}</script>\n{after}".encode())


def data_element(name: str, text: str) -> str:
    return f'<script type="text/plain" id="{name}">{text}</script>'


def page_around(mark: str) -> tuple[str, str]:
    """The page's HTML with all that it links put in, before and from `mark` on."""
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    icon = base64.b64encode((STATIC / "icon.svg").read_bytes()).decode()
    page = re.sub(r"<script type=\"module\".*?</script>\n", "", page)
    page = page.replace("static/icon.svg", f"data:image/svg+xml;base64,{icon}")
    page = STYLE.sub(lambda link: f"<style>\n{(STATIC / link[1]).read_text(encoding='utf-8')}</style>", page)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY)}">\n'
    page = page.replace('<meta name="viewport"', f'{policy}<meta name="viewport"')
    before, _, after = page.partition(mark)
    return before, mark + after


def bundle(name: str) -> str:
    """A module and all that it imports as one. Top-level names must differ, as those of our modules do."""
    parts: dict[str, str] = {}

    def add(module: str) -> None:
        if module in parts:
            return
        text = (STATIC / module).read_text(encoding="utf-8")
        parts[module] = ""  # before those that it imports, should they import it
        for imported in IMPORT.findall(text):
            add(imported)
        del parts[module]
        parts[module] = re.sub(r"^export ", "", IMPORT.sub("", text), flags=re.MULTILINE)

    add(name)
    return "\n".join(parts.values())
