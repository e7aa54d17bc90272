"""A customer in front of a browser: signs in as alice at the throw-away bank, agrees, and goes where she is sent.

Programs of pages find it by the variable BROWSER, as they would find the browser of a reader.
"""

from __future__ import annotations

import sys
from pathlib import Path

import httpx

from askit.pytest_plugin.visitor import visit, walk
from fapikit.io.tls import client_context
from fapikit.urls import origin_of


def main(url: str) -> None:
    ca = next(path for path in (Path("bank/ca.pem"), Path("ca.pem")) if path.exists())
    with httpx.Client(verify=client_context(ca=str(ca)), trust_env=False, timeout=30) as browser:
        steps = walk(url, issuer=origin_of(url), username="alice", password="wonderland", decision="approve")
        back = visit(browser, steps)
        assert isinstance(back, str)
        browser.get(back).raise_for_status()


if __name__ == "__main__":
    main(sys.argv[1])
