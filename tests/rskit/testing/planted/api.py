"""A small API written by hand: every check in a method of its own, so that a test can spoil one and leave the others.

Nothing here comes from the code under test: JSON, base64 and `cryptography`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from cryptography.hazmat.primitives.asymmetric import ec

from rskit.testing import Mint
from tests.rskit.testing.planted.jose import (
    Refused,
    b64,
    holds,
    number,
    public_of,
    read_json,
    sha256,
    thumbprint,
    unb64,
)

RESOURCE = "https://api.example"
SCOPE = "accounts"
LEEWAY = 60
P256 = ec.SECP256R1()
KINDS_OF_OTHERS = {
    "nonce",
    "at_hash",
    "events",
    "token_introspection",
    "code",
    "response_type",
    "htm",
    "status_list",
}
CREDENTIALS = re.compile(r"(bearer|dpop) ([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)


@dataclass
class Answer:
    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Request:
    """`target` as it stands on the request line; header names in small letters."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    certificate: bytes | None = None
    path_info: str = ""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None


class Api:
    """The right one. It takes bound tokens under DPoP and, where `only_bound` is false, others under Bearer."""

    only_bound = True
    nonces = False
    home = "/accounts"
    methods: tuple[str, ...] = ("GET", "HEAD")
    needs_details: dict[str, Any] | None = None
    needs_acr: str | None = None
    max_age: int | None = None

    def __init__(self, mint: Mint, *others: Mint, clock: Callable[[], float]) -> None:
        self.now = clock
        self.mint = mint
        self.issuers = {known.url: known.issuer_key for known in (mint, *others)}
        self.used: dict[str, float] = {}
        self.accepted: dict[str, tuple[dict[str, Any], float]] = {}
        self.revoked: set[str] = set()
        self.runs = 0

    # --- the door ---

    def answer(self, request: Request) -> Answer:
        try:
            if self.is_public(request):
                return self.with_headers(request, Answer(200, b"up"))
            claims = self.admit(request)
            return self.with_headers(request, self.route(request, claims))
        except Refused as refused:
            return self.with_headers(request, self.refusal(request, refused))

    def is_public(self, request: Request) -> bool:
        return request.method == "GET" and request.target == "/health"

    def admit(self, request: Request) -> dict[str, Any]:
        scheme, token = self.credentials(request)
        claims = self.verified(token)
        self.not_revoked(token)
        self.possession(request, scheme, token, claims)
        return claims

    def route(self, request: Request, claims: dict[str, Any]) -> Answer:
        path = self.routed_path(request)
        if path != self.home:
            raise Refused(404)
        if self.routed_method(request) not in self.methods:
            raise Refused(405)
        self.grant(request, claims)
        return self.endpoint(claims)

    def routed_path(self, request: Request) -> str:
        return request.path

    def routed_method(self, request: Request) -> str:
        return request.method

    def endpoint(self, claims: Mapping[str, Any]) -> Answer:
        self.runs += 1
        return Answer(200, json.dumps({"accounts_of": claims.get("sub")}).encode())

    def opens(self, request: Request) -> bool:
        """Whether a websocket is accepted."""
        try:
            claims = self.admit(request)
            if request.path != "/feed":
                raise Refused(404)
            self.grant(request, claims)
        except Refused:
            return False
        return True

    def with_headers(self, request: Request, answer: Answer) -> Answer:
        answer.headers.append(("Cache-Control", "no-store"))
        if self.nonces:
            answer.headers.append(("DPoP-Nonce", self.nonce()))
        return answer

    def refusal(self, request: Request, refused: Refused) -> Answer:
        error = "use_dpop_nonce" if refused.why == "nonce" else "invalid_token"
        challenge = (
            f'DPoP error="{error}", resource_metadata="{RESOURCE}/.well-known/oauth-protected-resource"'
        )
        return Answer(refused.status, b'{"error":"refused"}', [("WWW-Authenticate", challenge)])

    # --- the token ---

    def credentials(self, request: Request) -> tuple[str, str]:
        values = request.all("authorization")
        names = [unquote_plus(part.partition("=")[0]) for part in request.query.split("&")]
        if len(values) > 1 or "access_token" in names:
            raise Refused(400)
        match = CREDENTIALS.fullmatch(values[0]) if values else None
        if match is None or len(match[2]) > 16_000:
            raise Refused(401)
        return match[1].lower(), match[2]

    def verified(self, token: str) -> dict[str, Any]:
        known = self.accepted.get(token)
        if known is not None and self.now() < known[1]:
            return known[0]
        claims = self.fresh(token)
        self.accepted[token] = claims, claims["exp"]
        return claims

    def fresh(self, token: str) -> dict[str, Any]:
        head, body, tail = self.split(token)
        header = self.read(unb64(head))
        self.extensions(header)
        claims = self.payload(header, body)
        self.signed(header, claims, f"{head}.{body}".encode(), tail)
        self.kind(header, claims)
        self.issuer(claims)
        self.audience(claims)
        self.times(claims)
        return claims

    def read(self, octets: bytes) -> dict[str, Any]:
        return read_json(octets)

    def split(self, token: str) -> tuple[str, str, str]:
        parts = token.split(".")
        if len(parts) != 3:
            raise Refused(why="parts")
        return parts[0], parts[1], parts[2]

    def extensions(self, header: Mapping[str, Any]) -> None:
        if {"crit", "zip", "b64"} & header.keys():
            raise Refused(why="extension")

    def payload(self, header: Mapping[str, Any], body: str) -> dict[str, Any]:
        return self.read(unb64(body))

    def signed(self, header: Mapping[str, Any], claims: Mapping[str, Any], octets: bytes, tail: str) -> None:
        key = self.key(header, claims)
        if header.get("alg") != key.alg or not holds(public_of(key.public_jwk), unb64(tail), octets):
            raise Refused(why="signature")

    def key(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Any:
        iss = claims.get("iss")
        key = self.issuers.get(iss) if isinstance(iss, str) else None
        if key is None or header.get("kid") != key.kid:
            raise Refused(why="key")
        return key

    def kind(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
        if header.get("typ") != "at+jwt" or not KINDS_OF_OTHERS.isdisjoint(claims):
            raise Refused(why="typ")

    def issuer(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") not in self.issuers:
            raise Refused(why="iss")

    def audience(self, claims: Mapping[str, Any]) -> None:
        aud = claims.get("aud")
        named = [aud] if isinstance(aud, str) else aud
        if (
            not isinstance(named, list)
            or not all(isinstance(one, str) for one in named)
            or RESOURCE not in named
        ):
            raise Refused(why="aud")

    def times(self, claims: Mapping[str, Any]) -> None:
        now = self.now()
        exp, nbf = number(claims, "exp"), number(claims, "nbf", required=False)
        iat = number(claims, "iat", required=False)
        if exp is None or now > exp + LEEWAY:
            raise Refused(why="exp")
        if any(time is not None and time > now + LEEWAY for time in (nbf, iat)):
            raise Refused(why="future")

    def not_revoked(self, token: str) -> None:
        if token in self.revoked:
            raise Refused(why="revoked")

    def revoke(self, token: str) -> None:
        self.revoked.add(token)

    # --- what it grants ---

    def grant(self, request: Request, claims: Mapping[str, Any]) -> None:
        self.scope(claims)
        self.details(claims)
        self.authentication(claims)

    def scope(self, claims: Mapping[str, Any]) -> None:
        scope = claims.get("scope")
        if not isinstance(scope, str) or SCOPE not in scope.split(" "):
            raise Refused(403)

    def details(self, claims: Mapping[str, Any]) -> None:
        if self.needs_details is not None and self.needs_details not in (
            claims.get("authorization_details") or ()
        ):
            raise Refused(403)

    def authentication(self, claims: Mapping[str, Any]) -> None:
        if self.needs_acr is not None and claims.get("acr") != self.needs_acr:
            raise Refused(401)
        signed_in = claims.get("auth_time")
        if self.max_age is not None and not (
            isinstance(signed_in, int) and -LEEWAY <= self.now() - signed_in <= self.max_age
        ):
            raise Refused(401)

    # --- whose it is ---

    def possession(self, request: Request, scheme: str, token: str, claims: Mapping[str, Any]) -> None:
        jkt = self.confirmation(request, claims)
        if jkt is None:
            if scheme != "bearer" or (self.only_bound and "cnf" not in claims):
                raise Refused(why="unbound")
            return
        self.bound_scheme(scheme)
        proof = self.one_proof(request)
        self.proof(request, proof, token, jkt)

    def confirmation(self, request: Request, claims: Mapping[str, Any]) -> str | None:
        if "cnf" not in claims:
            return None
        cnf = claims["cnf"]
        if not isinstance(cnf, dict) or not {"jkt", "x5t#S256"} & cnf.keys():
            raise Refused(why="cnf")
        if "x5t#S256" in cnf:
            self.certificate(request, cnf["x5t#S256"])
        jkt = cnf.get("jkt")
        if "jkt" in cnf and (not isinstance(jkt, str) or len(jkt) != 43):
            raise Refused(why="jkt")
        return jkt

    def certificate(self, request: Request, x5t: object) -> None:
        shown = self.shown_certificate(request)
        if shown is None or x5t != b64(hashlib.sha256(shown).digest()):
            raise Refused(why="x5t")

    def shown_certificate(self, request: Request) -> bytes | None:
        return request.certificate

    def bound_scheme(self, scheme: str) -> None:
        if scheme != "dpop":
            raise Refused(why="scheme")

    def one_proof(self, request: Request) -> str:
        proofs = request.all("dpop")
        if len(proofs) != 1 or "," in proofs[0]:
            raise Refused(400)
        return proofs[0]

    def proof(self, request: Request, proof: str, token: str, jkt: str) -> None:
        if len(proof) > 8000:
            raise Refused(400)
        head, body, tail = self.split_proof(proof)
        header, claims = self.read(unb64(head)), self.read(unb64(body))
        self.proof_type(header)
        jwk = self.proof_key(header, f"{head}.{body}".encode(), tail)
        self.right_key(jwk, jkt)
        self.htm(request, claims)
        self.htu(request, claims)
        self.ath(claims, token)
        self.iat(claims)
        self.proof_nonce(claims)
        self.jti(claims)
        self.unused(claims, jwk, proof)

    def split_proof(self, proof: str) -> tuple[str, str, str]:
        parts = proof.split(".")
        if len(parts) != 3:
            raise Refused(why="proof")
        return parts[0], parts[1], parts[2]

    def proof_type(self, header: Mapping[str, Any]) -> None:
        if header.get("typ") != "dpop+jwt" or "crit" in header:
            raise Refused(why="typ")

    def proof_key(self, header: Mapping[str, Any], signed: bytes, tail: str) -> dict[str, Any]:
        jwk = header.get("jwk")
        if (
            not isinstance(jwk, dict)
            or {"d", "k"} & jwk.keys()
            or header.get("alg") not in ("ES256", "PS256")
        ):
            raise Refused(why="jwk")
        if not holds(public_of(jwk), unb64(tail), signed):
            raise Refused(why="signature")
        return jwk

    def right_key(self, jwk: Mapping[str, Any], jkt: str) -> None:
        if thumbprint(jwk) != jkt:
            raise Refused(why="another key")

    def htm(self, request: Request, claims: Mapping[str, Any]) -> None:
        if claims.get("htm") != request.method:
            raise Refused(why="htm")

    def htu(self, request: Request, claims: Mapping[str, Any]) -> None:
        if claims.get("htu") != f"{RESOURCE}{request.path}":
            raise Refused(why="htu")

    def ath(self, claims: Mapping[str, Any], token: str) -> None:
        if claims.get("ath") != sha256(token):
            raise Refused(why="ath")

    def iat(self, claims: Mapping[str, Any]) -> None:
        iat = number(claims, "iat")
        if iat is None or not -30 <= self.now() - iat <= 60:
            raise Refused(why="iat")

    def nonce(self) -> str:
        return f"n{int(self.now() // 60)}"

    def proof_nonce(self, claims: Mapping[str, Any]) -> None:
        if self.nonces and claims.get("nonce") != self.nonce():
            raise Refused(why="nonce")

    def jti(self, claims: Mapping[str, Any]) -> None:
        if not isinstance(claims.get("jti"), str) or not claims["jti"]:
            raise Refused(why="jti")

    def unused(self, claims: Mapping[str, Any], jwk: Mapping[str, Any], proof: str) -> None:
        name = f"{thumbprint(jwk)} {claims['jti']}"
        if self.used.get(name, 0) > self.now():
            raise Refused(why="replay")
        self.used[name] = claims["iat"] + 120
