"""What the signer for tests makes passes on a real server, in both skins."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from rskit import DetachedJws, JwtBodies
from rskit.testing import MessageSigner
from tests.clocks import FrozenClock
from tests.keys import a_key
from tests.rskit.mothers import RESOURCE, a_server, a_token
from tests.rskit.signed_messages.apis import running

BODY = b'{"data": {"amount": "1.00"}}'
TOKEN = {"authorization": f"Bearer {a_token()}"}


@pytest.mark.parametrize("skin", ["asgi", "wsgi"])
def test_what_it_signs_passes_and_another_body_does_not(skin: str) -> None:
    clock = FrozenClock()
    signer = MessageSigner("org/software", clock=clock)
    given: dict[str, Any] = {
        "clients": {"fintech": signer.client},
        "signer": a_key("PS256"),
        "issuer": "bank",
    }
    with running(skin, a_server(clock=clock, message_signing=DetachedJws(**given))) as base:
        for form in ("encoded", "unencoded"):
            signed = {**TOKEN, "x-jws-signature": signer.detached(BODY, form=form)}
            assert httpx.post(f"{base}/signed", headers=signed, content=BODY).status_code == 200
            assert httpx.post(f"{base}/signed", headers=signed, content=BODY + b" ").status_code == 400
    with running(skin, a_server(clock=clock, message_signing=JwtBodies(**given))) as base:
        kind = {**TOKEN, "content-type": "application/jwt"}
        for path, status in (("signed", 200), ("other", 400)):
            jwt = signer.jwt(BODY, f"{RESOURCE}/{path}")
            assert httpx.post(f"{base}/signed", headers=kind, content=jwt).status_code == status
    assert "PrivateKey" not in repr(signer)
