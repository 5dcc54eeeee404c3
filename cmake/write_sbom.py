"""Writes the wheel's bill of materials, CycloneDX 1.6 in JSON: python write_sbom.py SOURCE OUTPUT pybind11=VERSION ...

What is compiled in has a version; what the wheel asks pip for has the range that pyproject.toml allows. Nothing in it
depends on time or place, so that equal sources give equal wheels.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any


def bill(source: Path, compiled_in: list[str]) -> dict[str, Any]:
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    root = {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "version": version,
        "description": project["description"],
        "licenses": [{"license": {"id": project["license"]}}],
        "purl": f"pkg:pypi/{name}@{version}",
    }
    components = [compiled(*part.split("=", 1)) for part in compiled_in]
    components += [required(requirement) for requirement in project["dependencies"]]
    components += [model(path) for path in sorted((source / "python" / name / "models").glob("*.onnx"))]
    references = [component["bom-ref"] for component in components]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": [{"ref": name, "dependsOn": references}, *({"ref": reference} for reference in references)],
    }


def compiled(name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    return {"type": "library", "bom-ref": name, "name": name, "version": version, "scope": "required", "purl": purl}


def required(requirement: str) -> dict[str, Any]:
    found = re.match(r"([A-Za-z0-9._-]+)\s*(.*)", requirement)
    assert found, requirement
    name, versions = found.groups()
    return {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "scope": "required",
        "purl": f"pkg:pypi/{name}",
        "properties": [{"name": "unbraid:versions", "value": versions}],
    }


def model(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{path.stem}",
        "name": path.stem,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


if __name__ == "__main__":
    source, output, *compiled_in = sys.argv[1:]
    Path(output).write_text(json.dumps(bill(Path(source), compiled_in), indent=2) + "\n", encoding="utf-8")
