"""Run the parts, print what they find, and write it down: `python -m benchmarks [--quick] [PART ...]`."""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from collections.abc import Iterator
from importlib import import_module

from benchmarks import machine, report
from benchmarks.rounds import QUICK, WHOLE, Effort, Result

PARTS = {
    "tokens": "measure_tokens",
    "proofs": "tokens.measure_proofs",
    "certificates": "measure_certificates",
    "asgi": "middleware.measure_asgi",
    "wsgi": "middleware.measure_wsgi",
    "stores": "measure_stores",
    "growth": "measure_growth",
    "worst": "measure_worst",
    "client": "measure_client",
    "cold": "measure_cold",
    "servers": "authorization_servers.measure.measure_servers",
    "loopback": "loopback.measure.measure_loopback",
}
"""By name: the function that measures it, in the module of the same name unless another one is named."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds; writes nothing")
    parser.add_argument("part", nargs="*", help=f"some of: {' '.join(PARTS)}; writes nothing")
    asked = parser.parse_args()
    unknown = set(asked.part) - PARTS.keys()
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    # Refusals on purpose, and the marks that live in one process on purpose, would be logged.
    logging.disable(logging.WARNING)
    warnings.simplefilter("once")
    # joserfc, of a name that is still in use.
    warnings.filterwarnings("ignore", message="EdDSA is deprecated")
    effort = QUICK if asked.quick else WHOLE
    facts = machine.describe()
    print("; ".join(f"{name} {words}" for name, words in facts.items()), flush=True)
    began, found = time.monotonic(), []
    for part in asked.part or PARTS:
        for item in measured(part, effort):
            if isinstance(item, Result):
                print(item, flush=True)
            found.append(item)
    seconds = time.monotonic() - began
    print(f"in {seconds:.0f} s")
    if not asked.quick and not asked.part:
        report.write(facts, effort, seconds, found)
        print("written: benchmarks/RESULTS.md, benchmarks/results.json, docs/img")


def measured(part: str, effort: Effort) -> Iterator[Result | report.Curve | report.Bars]:
    module, _, function = PARTS[part].rpartition(".")
    yield from getattr(import_module(f"benchmarks.{module or part}"), function)(effort)


if __name__ == "__main__":
    main()
