"""Fails for a source file over 400 lines or a test file over 500: a file answers one question."""

from __future__ import annotations

import sys

from tools.citations import PACKAGES, ROOT

CAPS = {**dict.fromkeys(PACKAGES, 400), "tools": 400, "examples": 400, "benchmarks": 400, "tests": 500}


def too_long() -> list[str]:
    found = []
    for directory, cap in CAPS.items():
        for path in sorted((ROOT / directory).rglob("*.py")):
            lines = len(path.read_text("utf-8").splitlines())
            if lines > cap:
                found.append(f"{path.relative_to(ROOT)}: {lines} lines, the cap is {cap}")
    return found


if __name__ == "__main__":
    offenders = too_long()
    print("\n".join(offenders), end="\n" if offenders else "")
    sys.exit(1 if offenders else 0)
