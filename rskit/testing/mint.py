"""For an API team's own unit tests: an authorization server in a variable, and requests that pass, or fail as asked.

    mint = Mint()
    app = Protect(api, mint.resource_server("https://api.example"))
    client.get("/accounts", headers=mint.headers("GET", "https://api.example/accounts", scope="accounts"))

Nothing is switched off: the tokens are signed, the proofs are proofs, and the resource server checks them as ever.

Spec: RFC 9068 2.2; RFC 9449 4.2
Role: RS
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from fapikit.clock import Clock, system_clock
from fapikit.dpop import make_proof
from fapikit.flow import run_pure
from fapikit.jose.key_set import KeySet
from fapikit.jose.private_key import PrivateKey
from fapikit.jose.purposes import ACCESS_TOKEN
from fapikit.jose.sign import sign_jwt
from rskit.issuers.issuer import Issuer
from rskit.resource_server import ResourceServer

ISSUER: Final = "https://as.test"


class Mint:
    """Makes tokens of one issuer for one resource, and proofs of one client's key."""

    def __init__(self, issuer: str = ISSUER, *, clock: Clock = system_clock) -> None:
        self.url = issuer
        self.resource = "https://api.test"
        self._clock = clock
        self.issuer_key = PrivateKey.generate("ES256")
        self.client_key = PrivateKey.generate("ES256")

    def now(self) -> int:
        return int(self._clock())

    def issuer(self) -> Issuer:
        """What goes into `ResourceServer(issuers=[...])`: no network is needed for it."""
        return Issuer(self.url, keys=KeySet([self.issuer_key.public_key]))

    def resource_server(self, resource: str, **settings: Any) -> ResourceServer:
        """A resource server that trusts this mint alone; it demands no nonces unless `nonces` says otherwise."""
        self.resource = resource
        given = {"nonces": False, "clock": self._clock, **settings}
        return ResourceServer(resource=resource, issuers=[self.issuer()], **given)

    def token(self, *, bound: bool = True, lifetime: float = 300, **claims: Any) -> str:
        """An access token. `claims` replace or add; None removes. `lifetime=-120`: expired, whatever the skew."""
        now = self.now()
        members: dict[str, Any] = {
            "iss": self.url,
            "aud": self.resource,
            "sub": "user",
            "client_id": "client",
            "iat": now,
            "exp": now + int(lifetime),
            "jti": secrets.token_urlsafe(16),
        }
        if bound:
            members["cnf"] = {"jkt": self.client_key.thumbprint}
        members = {name: value for name, value in {**members, **claims}.items() if value is not None}
        return run_pure(sign_jwt(members, ACCESS_TOKEN, self.issuer_key))

    def proof(self, method: str, url: str, token: str, *, nonce: str | None = None) -> str:
        """A fresh DPoP proof for one request."""
        return run_pure(
            make_proof(
                self.client_key,
                method=method,
                url=url,
                now=self._clock(),
                jti=secrets.token_urlsafe(16),
                access_token=token,
                nonce=nonce,
            )
        )

    def headers(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        bound: bool = True,
        nonce: str | None = None,
        **claims: Any,
    ) -> dict[str, str]:
        """The headers of a request that passes, unless the claims say otherwise."""
        token = token or self.token(bound=bound, **claims)
        if not bound:
            return {"Authorization": f"Bearer {token}"}
        return {"Authorization": f"DPoP {token}", "DPoP": self.proof(method, url, token, nonce=nonce)}

    def __repr__(self) -> str:
        return f"Mint({self.url})"
