"""The browser of the tests: `BROWSER` names it, and it goes through the pages of the bank as alice.

usage: python browser.py CA_FILE DECISION URL
"""

from __future__ import annotations

import ssl
import sys
from urllib.parse import urlsplit

import httpx

from askit.attacks.visitor import visit, walk


def main(ca: str, decision: str, url: str) -> None:
    parts = urlsplit(url)
    alice = {"username": "alice", "password": "wonderland", "pin": "1865", "decision": decision}
    with httpx.Client(verify=ssl.create_default_context(cafile=ca), trust_env=False) as browser:
        back = visit(browser, walk(url, issuer=f"{parts.scheme}://{parts.netloc}", **alice))
        assert isinstance(back, str)
        browser.get(back)


if __name__ == "__main__":
    main(*sys.argv[1:])
