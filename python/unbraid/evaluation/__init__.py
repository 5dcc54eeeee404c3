"""Scores of separated audio, in one place for cards, for `bench.quality` and for whoever tunes a model.

    python -m unbraid.evaluation dialogue folder/ --json scores.json

The folder holds one folder per clip with a file per stem (`000/speech.flac`, `000/music.flac`, ...); the mixture is
the sum of the stems present. Needs the extra ``unbraid[train]`` or ``unbraid[bench]``; PESQ, STOI and DNSMOS are
scored where their packages are installed.
"""
