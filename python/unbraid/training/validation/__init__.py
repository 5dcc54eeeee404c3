"""The yardstick of training: fixed mixtures of what is held out, and what systems score on them."""
