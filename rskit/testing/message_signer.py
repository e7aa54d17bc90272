"""For the unit tests of an API with signed messages: a client that signs what a test sends.

    signer = MessageSigner("org/software")
    signing = DetachedJws(clients={"client": signer.client}, signer=message_key, issuer="bank")
    client.post("/payments", content=body, headers={**mint.headers(...), "x-jws-signature": signer.detached(body)})

Spec: UK-JWS 1; BR-JWT 1
Role: RS
"""

from __future__ import annotations

from fapikit.clock import Clock, system_clock, system_random
from fapikit.flow import run_pure
from fapikit.jose.private_key import PrivateKey
from fapikit.secrets import Concealed
from fapikit.signed_messages.detached_jws import DIRECTORY, PayloadForm, sign_detached
from fapikit.signed_messages.jwt_body import sign_body
from rskit.signed_messages.clients import SigningClient


class MessageSigner:
    """`name`: what it calls itself in its signatures. `client`: for the `clients=` of a scheme."""

    def __init__(self, name: str, *, clock: Clock = system_clock) -> None:
        self.name = name
        self.key = PrivateKey.generate("PS256", kid="message-signer")
        self.client = SigningClient(names=(name,), jwks={"keys": [dict(self.key.public_jwk)]})
        self._clock = clock

    def detached(self, body: bytes, *, form: PayloadForm = "encoded", anchor: str = DIRECTORY) -> str:
        """The `x-jws-signature` of a body (`DetachedJws`)."""
        return run_pure(
            sign_detached(
                Concealed(body), self.key, issuer=self.name, anchor=anchor, now=self._clock(), form=form
            )
        )

    def jwt(self, body: bytes, url: str) -> bytes:
        """The body of a request to this URL as a JWT (`JwtBodies`). Send it as `application/jwt`, once."""
        signed = sign_body(
            Concealed(body),
            self.key,
            issuer=self.name,
            audience=url,
            now=self._clock(),
            random_bytes=system_random,
        )
        return run_pure(signed).encode("ascii")

    def __repr__(self) -> str:
        return f"MessageSigner({self.name})"
