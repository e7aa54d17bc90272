"""One target under atheris, with libFuzzer's arguments: `python -m tests.fuzz.one TARGET [CORPUS or INPUT ...]`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["fapikit"]):
    from tests.fuzz import targets


def main() -> None:
    name = sys.argv[1]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda octets: targets.run(name, octets))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
