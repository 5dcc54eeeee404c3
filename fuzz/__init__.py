"""Harnesses that try what strangers can hand to Unbraid: files, models, states, and calls in any legal order."""

import sys
from pathlib import Path

# The seeds are made by what the tests make their inputs with.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
