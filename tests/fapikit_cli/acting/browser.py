"""The browser of the tests: it goes through the pages of the bank as alice. `open_browser.py` begins it.

usage: browser CA_FILE DECISION URL
"""

from __future__ import annotations

import ssl
import sys
from urllib.parse import urlsplit

import httpx

from askit.attacks.visitor import visit, walk


def run() -> None:
    ca, decision, url = sys.argv[1:]
    parts = urlsplit(url)
    alice = {"username": "alice", "password": "wonderland", "pin": "1865", "decision": decision}
    with httpx.Client(verify=ssl.create_default_context(cafile=ca), trust_env=False) as browser:
        back = visit(browser, walk(url, issuer=f"{parts.scheme}://{parts.netloc}", **alice))
        assert isinstance(back, str)
        browser.get(back)
