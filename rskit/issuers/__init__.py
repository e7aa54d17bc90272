"""The authorization servers whose tokens are accepted.

`issuer` is the configuration of one, `trusted_issuer` what this process knows of it, `book` all of them. `cool_down` is
the pause for one that does not answer.
"""
