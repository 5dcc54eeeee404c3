"""Two people at once, told apart by deep clustering: mixtures of voices, the network, its objectives, its run.

The way is that of `unbraid.training`::

    python -m unbraid.training.talkers.train corpus/ run/
    python -m unbraid.training.talkers.export run/ talkers.onnx --corpus corpus/
"""
