"""The models that come with the package."""

from __future__ import annotations

import unbraid

STREAMING = sorted(name for name, model in unbraid.models().items() if model.streams)
