"""Mixtures without end: stems drawn from a corpus, moved, put into rooms, and paired at random levels."""
