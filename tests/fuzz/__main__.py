"""`python -m tests.fuzz --seconds 60 [TARGET ...]`: coverage-guided fuzzing of the parsers, each target in its process.

Needs the `fuzz` extra (atheris). What was learned is kept in `.fuzz/`; an input that breaks a target is left there, and
`python -m tests.fuzz.one TARGET .fuzz/TARGET/crash-...` runs it again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz")
    arguments.add_argument("--seconds", type=int, default=60, help="for all targets together")
    arguments.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET")
    given = arguments.parse_args()
    chosen = given.targets or list(TARGETS)
    seconds = max(given.seconds // len(chosen), 1)
    failed = [name for name in chosen if fuzz(name, seconds) != 0]
    print(f"fuzz: {len(chosen)} targets, {seconds} s each, failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def fuzz(name: str, seconds: int) -> int:
    corpus = ROOT / ".fuzz" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name][1]):
        (corpus / f"seed-{number}").write_bytes(seed)
    command = [sys.executable, "-m", "tests.fuzz.one", name, str(corpus), f"-max_total_time={seconds}"]
    command += ["-timeout=5", "-max_len=4096", f"-artifact_prefix={corpus}/", "-print_final_stats=1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    print(
        f"{name}: {'ok' if done.returncode == 0 else 'FAILED'} {runs[0].split(':')[-1].strip() if runs else '?'} runs"
    )
    if done.returncode != 0:
        print(done.stdout[-2000:], done.stderr[-4000:], sep="\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
