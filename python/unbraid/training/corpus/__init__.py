"""From a recipe to a corpus: fetch, hash, decode, trim, split, pack.

python -m unbraid.training.corpus recipes/dialogue/recipe.toml corpus/
"""
