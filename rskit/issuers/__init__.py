"""The authorization servers whose tokens are accepted, and the pause for one that does not answer."""
