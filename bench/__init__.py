"""Measurements of Unbraid beside its peers: run from a checkout, as `python -m bench.quality`."""
