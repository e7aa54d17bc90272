"""Banks that sign their responses, and are naive in all else: then nothing but what is signed protects the code."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.attack_lab.jwts import signed
from examples.attack_lab.naive.bank import NaiveBank
from fapikit import PrivateKey
from fapikit.jose.half_hash import half_hash


class SigningBank(NaiveBank):
    """It publishes a key at `/jwks`."""

    def __init__(self, issuer: str, **settings: Any) -> None:
        super().__init__(issuer, **settings)
        self._key = PrivateKey.generate("ES256")
        self.app.router.routes.append(Route("/jwks", self.jwks))

    @property
    def metadata(self) -> dict[str, Any]:
        algorithms = {
            "authorization_signing_alg_values_supported": ["ES256"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }
        return {**super().metadata, **algorithms, "jwks_uri": f"{self.issuer}/jwks"}

    async def jwks(self, _request: Request) -> Response:
        return JSONResponse({"keys": [dict(self._key.public_jwk)]})

    def sign(self, audience: str, **claims: Any) -> str:
        """A JWT of this bank for a client, good for a minute."""
        now = int(time.time())
        return signed({"iss": self.issuer, "aud": audience, "exp": now + 60, **claims}, self._key)


class JarmBank(SigningBank):
    """Its response is a JWT (JARM)."""

    def response_parameters(self, asked: Mapping[str, str], code: str) -> dict[str, str]:
        return {"response": self.sign(asked["client_id"], **super().response_parameters(asked, code))}


class HybridBank(SigningBank):
    """Its response has an ID token beside the code, in the fragment. It keeps one nonce for each user."""

    def __init__(self, issuer: str, **settings: Any) -> None:
        super().__init__(issuer, **settings)
        self._asked: dict[str, Mapping[str, str]] = {}
        """What was last asked of each user."""

    @property
    def metadata(self) -> dict[str, Any]:
        return {**super().metadata, "response_types_supported": ["code id_token"]}

    async def authorize(self, request: Request) -> Response:
        answer = await super().authorize(request)
        return RedirectResponse(answer.headers["location"].replace("?", "#", 1), 302)

    def response_parameters(self, asked: Mapping[str, str], code: str) -> dict[str, str]:
        self._asked[self.user] = asked
        hashes = {"c_hash": half_hash(code, "ES256"), "s_hash": half_hash(asked["state"], "ES256")}
        return {**super().response_parameters(asked, code), "id_token": self._id_token(self.user, **hashes)}

    def beside_the_token(self, owner: str) -> dict[str, str]:
        return {"id_token": self._id_token(owner)}

    def _id_token(self, user: str, **claims: Any) -> str:
        asked = self._asked[user]
        own = {"sub": user, "iat": int(time.time()), "nonce": asked["nonce"]}
        return self.sign(asked["client_id"], **own, **claims)
