"""Run all parts, print them, and write results.json beside this file."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path

from benchmarks.certificates import measure_certificates
from benchmarks.middleware import measure_asgi, measure_wsgi
from benchmarks.tokens import measure_proofs, measure_tokens


def main() -> None:
    # Refusals on purpose, and the marks that live in one process on purpose, would be logged.
    logging.disable(logging.WARNING)
    # joserfc, of a name that is still in use.
    warnings.filterwarnings("ignore", message="EdDSA is deprecated")
    results = []
    for measure in (measure_tokens, measure_proofs, measure_certificates, measure_asgi, measure_wsgi):
        for line in measure():
            print(line, flush=True)
            results.append(line.as_json())
    path = Path(__file__).with_name("results.json")
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(f"written to {path.name}; ratios of medians over interleaved rounds, all checks on")


if __name__ == "__main__":
    main()
