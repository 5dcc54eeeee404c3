"""Models, plug-ins, the page, and the runtime's library, which no import leads to."""  # noqa: N999 - its name is PyInstaller's

from __future__ import annotations

from pathlib import Path

import unbraid
from unbraid import _core, _runtime

package, compiled = Path(unbraid.__file__).parent, Path(_core.__file__).parent
datas = [
    (str(package / "models"), "unbraid/models"),
    (str(package / "listen" / "static"), "unbraid/listen/static"),
]
if (compiled / "plugins").exists():
    datas.append((str(compiled / "plugins"), "unbraid/plugins"))
# As data: PyInstaller follows what binaries link to, and this one shall stay where it is looked for.
if library := _runtime.find_library():
    datas.append((str(library), "onnxruntime/capi"))
hiddenimports = ["pedalboard", "pedalboard.io"]
