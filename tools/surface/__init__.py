"""The public surface, one line for each thing that somebody may rely on: see docs/releases.md.

`names` the Python names, `outside` what is used without Python (settings, commands, extras), `line` the form of a line,
`changes` whether a change breaks anybody. `python -m tools.surface` writes docs/public-surface.txt.
"""
