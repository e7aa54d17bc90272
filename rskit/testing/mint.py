"""For the unit tests of your API: an authorization server in a variable, and requests that pass or fail as you want.

    mint = Mint()
    app = Protect(api, mint.resource_server("https://api.example"))
    client.get("/accounts", headers=mint.headers("GET", "https://api.example/accounts", scope="accounts"))

Nothing is switched off: the tokens are signed, the proofs are real, and the resource server checks them as always.

Spec: RFC 9068 2.2; RFC 9449 4.2
Role: RS
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from fapikit.client_authentication import PrivateKeyJWT
from fapikit.clock import Clock, system_clock
from fapikit.dpop import make_proof
from fapikit.flow import run_pure
from fapikit.io import HttpSettings
from fapikit.jose.key_set import KeySet
from fapikit.jose.private_key import PrivateKey
from fapikit.jose.purposes import ACCESS_TOKEN, INTROSPECTION_RESPONSE
from fapikit.jose.sign import sign_jwt
from rskit.issuers.issuer import Introspection, Issuer
from rskit.resource_server import ResourceServer
from rskit.testing.introspection import answers_of

ISSUER: Final = "https://as.test"
API: Final = "api"
"""The client id with which this API introspects opaque tokens."""


class Mint:
    """Makes tokens of one issuer for one resource, and proofs of one client's key.

    `opaque`: tokens are random text, which this API introspects; `introspect` gives the answer.
    """

    def __init__(self, issuer: str = ISSUER, *, opaque: bool = False, clock: Clock = system_clock) -> None:
        self.url = issuer
        self.opaque = opaque
        self._described: dict[str, dict[str, Any]] = {}
        self.resource = "https://api.test"
        self.only_bound = False
        """Whether the latest resource server accepts only sender-constrained tokens."""
        self._clock = clock
        self.issuer_key = PrivateKey.generate("ES256")
        self.client_key = PrivateKey.generate("ES256")

    def now(self) -> int:
        return int(self._clock())

    def issuer(self) -> Issuer:
        """For `ResourceServer(issuers=[...])`, without a network. If `opaque`, set `http=mint.http()` as well."""
        if self.opaque:
            asking = Introspection(API, PrivateKeyJWT(PrivateKey.generate("ES256")))
            return Issuer(self.url, asking)
        return Issuer(self.url, keys=KeySet([self.issuer_key.public_key]))

    def http(self) -> HttpSettings:
        """For a resource server that introspects: this mint answers, as JSON or signed."""
        keys = {"keys": [dict(self.issuer_key.public_jwk)]}
        return answers_of(self.url, keys, self.introspect, self._sign_answer)

    def resource_server(self, resource: str, **settings: Any) -> ResourceServer:
        """A resource server that trusts only this mint. It requires no nonces unless `nonces` says so."""
        self.resource = resource
        given = {"nonces": False, "clock": self._clock, **settings}
        if self.opaque:
            given = {"http": self.http(), **given}
        server = ResourceServer(resource=resource, issuers=[self.issuer()], **given)
        self.only_bound = server.require_bound
        return server

    def token(self, *, bound: bool = True, lifetime: float = 300, **claims: Any) -> str:
        """An access token. `claims` replace or add; None removes. `lifetime=-120`: expired, despite any clock skew."""
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
        if self.opaque:
            return self.issue({"active": True, **members})
        return run_pure(sign_jwt(members, ACCESS_TOKEN, self.issuer_key))

    def issue(self, members: Mapping[str, Any]) -> str:
        """An opaque token. `members` are those of its introspection answer."""
        token = secrets.token_urlsafe(32)
        self._described[token] = dict(members)
        return token

    def introspect(self, token: str) -> dict[str, Any]:
        """The answer of an introspection endpoint for a token (RFC 7662 2.2)."""
        return dict(self._described.get(token, {"active": False}))

    def revoke(self, token: str) -> None:
        """Revoke an opaque token: from now on it is not active."""
        self._described.pop(token, None)

    def _sign_answer(self, members: dict[str, Any]) -> str:
        claims = {"iss": self.url, "aud": API, "iat": self.now(), "token_introspection": members}
        return run_pure(sign_jwt(claims, INTROSPECTION_RESPONSE, self.issuer_key))

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
        """The headers of a request that passes, unless the claims prevent it."""
        token = token or self.token(bound=bound, **claims)
        if not bound:
            return {"Authorization": f"Bearer {token}"}
        return {"Authorization": f"DPoP {token}", "DPoP": self.proof(method, url, token, nonce=nonce)}

    def __repr__(self) -> str:
        return f"Mint({self.url})"
