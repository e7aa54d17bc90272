"""The authorization servers whose tokens are taken, and how long one that does not answer is left alone."""
