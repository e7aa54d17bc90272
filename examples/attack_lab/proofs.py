"""Requests with a DPoP proof of any key: what Mallory sends where a bank or an API asks for one."""

from __future__ import annotations

import time
import uuid
from typing import Any

import httpx

from fapikit import PrivateKey
from fapikit.dpop import make_proof
from fapikit.flow import run_pure


def send_with_proof(
    http: httpx.Client,
    method: str,
    url: str,
    key: PrivateKey,
    *,
    token: str | None = None,
    proven: str | None = None,
    **content: Any,
) -> httpx.Response:
    """Send a request with a proof of this key; once more if the server demands a nonce. `content`: as for httpx.

    `proven`: the token that the proof was made with, if it is another than the `token` that is sent.
    """
    nonce: str | None = None
    while True:
        proof = run_pure(
            make_proof(
                key,
                method=method,
                url=url,
                now=time.time(),
                jti=str(uuid.uuid4()),
                access_token=proven or token,
                nonce=nonce,
            )
        )
        headers = {"dpop": proof, **({"authorization": f"DPoP {token}"} if token else {})}
        answer = http.request(method, url, headers=headers, **content)
        if nonce is not None or "dpop-nonce" not in answer.headers or answer.is_success:
            return answer
        nonce = answer.headers["dpop-nonce"]
