"""Training of Unbraid's models: corpus, mixing, network, export, evaluation.

Needs the extra ``unbraid[train]``; nothing here is imported at run time. The way from nothing to a model::

    python -m unbraid.training.corpus recipes/dialogue/recipe.toml corpus/  # fetch, decode, split
    python -m unbraid.training.train corpus/ run/                # resumes from run/ if it exists
    python -m unbraid.training.export run/ dialogue.onnx --corpus corpus/   # fails if torch and C++ disagree
    python -m unbraid.evaluation dialogue.onnx folder/ --json scores.json
    python -m unbraid.training.card dialogue.onnx --corpus corpus/ --run run/ --scores scores.json --folder folder/ \\
        --recipe recipes/dialogue

What a batch goes through: `drawing` takes stems from the corpus and moves them (`voices`, `singing`, `rooms`,
`augment`), `mixing` pairs them and hands band sums over, `losses` scores the masks of `model` on them.
"""
