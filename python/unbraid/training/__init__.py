"""Training of Unbraid's models: corpus, mixing, network, export, evaluation.

Needs the extra ``unbraid[train]``; nothing here is imported at run time. The way from nothing to a model::

    python -m unbraid.training.corpus recipes/dialogue/recipe.toml corpus/  # fetch, decode, split
    python -m unbraid.training.train corpus/ run/                # resumes from run/ if it exists
    python -m unbraid.training.export run/ dialogue.onnx --corpus corpus/   # fails if torch and C++ disagree
    python -m unbraid.evaluation dialogue.onnx folder/ --json scores.json
    python -m unbraid.training.card dialogue.onnx --corpus corpus/ --run run/ --scores scores.json --folder folder/ \\
        --recipe recipes/dialogue

    python -m unbraid.training.validation corpus/ one.pt other.pt   # what one has over the other, clip by clip

What a batch goes through, in `mixtures`: `clips` reads, `scenes` strings clips together (with `rooms`, `noises` and
`augment`), `stems` moves what is heard (`voices`, `singing`), `mixing` pairs stems and hands band sums over. Then
`losses` scores the masks of `model` on them.
"""
