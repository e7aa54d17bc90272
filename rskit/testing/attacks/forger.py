"""Makes the requests of an attacker: the honest request with one change.

The attacker has a key of his own and the public keys. In attacks that the honest issuer's key signs, the token was
issued for another purpose.

Spec: RFC 9068 2; RFC 9449 4.2
Role: RS
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from fapikit.jose.private_key import PrivateKey
from rskit.testing.attacks.answer import Headers
from rskit.testing.attacks.attack import Attack, Step
from rskit.testing.attacks.jws import Members, SigningKey, SignOctets, compact, payload_of, sha256
from rskit.testing.attacks.reach import Reach
from rskit.testing.mint import Mint

NULL: Final = object()
"""A member that is JSON null. None leaves the member out."""


class Forger:
    """For one honest request. `nonce` is the latest nonce of the server, `nonces` whether the server requires one."""

    def __init__(
        self, mint: Mint, method: str, url: str, *, bound: bool, claims: Members, reach: Reach
    ) -> None:
        self.mint, self.method, self.url, self.bound, self.reach = mint, method, url, bound, reach
        self._granted, self._began = dict(claims), mint.now()
        self.issuer = signing_key(mint.issuer_key)
        self.client = signing_key(mint.client_key)
        self.own = SigningKey.fresh(self.issuer.alg, self.issuer.kid)
        self.nonce: str | None = None
        self.nonces = False
        self.takes_body = False
        self.tells_answers = False
        self.concurrent = False

    @property
    def parts(self) -> SplitResult:
        return urlsplit(self.url)

    @property
    def origin(self) -> str:
        return f"{self.parts.scheme}://{self.parts.netloc}"

    @property
    def other_method(self) -> str:
        return "PUT" if self.method != "PUT" else "GET"

    @property
    def granted(self) -> dict[str, Any]:
        """The claims of an honest token besides those of every token. The age of a sign-in stays the same."""
        signed_in = self._granted.get("auth_time")
        if not isinstance(signed_in, int | float):
            return dict(self._granted)
        return {**self._granted, "auth_time": signed_in + self.now() - self._began}

    def now(self) -> int:
        return self.mint.now()

    def claims(self) -> dict[str, Any]:
        """The claims of an honest token, newly made."""
        token = self.mint.token(bound=self.bound, **self.granted)
        return self.mint.introspect(token) if self.mint.opaque else payload_of(token)

    def token(self, **changes: Any) -> str:
        """An honest token with changed claims, issued in the normal way."""
        if self.mint.opaque:
            return self.mint.issue(changed(self.claims(), changes))
        return self.jwt(claims=changes)

    def jwt(
        self,
        header: Members | None = None,
        claims: Members | None = None,
        sign: SignOctets | None = None,
    ) -> str:
        """The honest token with changed members, signed by the issuer unless `sign` is given."""
        plain = {"typ": "at+jwt", "alg": self.issuer.alg, "kid": self.issuer.kid}
        members = {"jti": secrets.token_urlsafe(16)} | dict(claims or {})
        return compact(changed(plain, header), changed(self.claims(), members), sign or self.issuer.sign)

    def proof(
        self,
        token: str,
        header: Members | None = None,
        claims: Members | None = None,
        sign: SignOctets | None = None,
        *,
        url: str | None = None,
        method: str | None = None,
    ) -> str:
        """An honest proof with changed members."""
        honest = {
            "jti": secrets.token_urlsafe(16),
            "htm": method or self.method,
            "htu": (url or self.url).partition("?")[0],
            "iat": self.now(),
            "ath": sha256(token),
            "nonce": self.nonce,
        }
        plain = {"typ": "dpop+jwt", "alg": self.client.alg, "jwk": self.client.jwk}
        return compact(changed(plain, header), changed(honest, claims), sign or self.client.sign)

    def headers(self, token: str, *proofs: str, url: str | None = None, method: str | None = None) -> Headers:
        """The headers of a request with this token, and with a valid proof unless others are given."""
        if not self.bound:
            return [("Authorization", f"Bearer {token}")]
        sent = proofs or (self.proof(token, url=url, method=method),)
        return [("Authorization", f"DPoP {token}"), *(("DPoP", proof) for proof in sent)]

    def attack(self, *requests: Headers, url: str | None = None, **more: Any) -> Attack:
        """An attack at this URL with this method, unless others are given."""
        more = {"method": self.method, **more}
        return Attack("", tuple((url or self.url, headers) for headers in requests), **more)

    def step(self, headers: Headers, url: str | None = None) -> Step:
        return Step(url or self.url, headers, self.method)

    def honest(self) -> Headers:
        return self.headers(self.token())


def changed(members: Members, changes: Members | None) -> dict[str, Any]:
    """None removes a member, NULL makes it null."""
    merged = {**members, **(changes or {})}
    return {name: None if value is NULL else value for name, value in merged.items() if value is not None}


def signing_key(key: PrivateKey) -> SigningKey:
    return SigningKey(key.to_pem(), key.alg, key.kid)


def value_of(value: Any, forger: Forger) -> Any:
    """Calls a function of the forger for a value that depends on the request; returns any other value."""
    return value(forger) if callable(value) else value


def values_of(values: Mapping[str, Any], forger: Forger) -> dict[str, Any]:
    return {name: value_of(value, forger) for name, value in values.items()}
