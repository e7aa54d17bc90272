"""askit in a process of its own: `python -m benchmarks.authorization_servers.askit CLIENT_JWK`. It prints its port."""

from __future__ import annotations

import json
import sys

from benchmarks.askit_messages import bank
from benchmarks.loopback.apps import serve
from fapikit import MemoryStore


def main() -> None:
    key, store = json.loads(sys.argv[1]), MemoryStore(max_entries=10_000_000, max_octets=10**10)
    serve(lambda: bank(key, store))


if __name__ == "__main__":
    main()
