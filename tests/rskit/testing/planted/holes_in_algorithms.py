"""Holes in how the algorithm of a token is chosen."""

from __future__ import annotations

import hmac
import json
from typing import Any

from tests.rskit.testing.planted.api import Api
from tests.rskit.testing.planted.jose import Refused, der_of, pem_of, read_json, unb64
from tests.rskit.testing.planted.planting import hole

PEM = "alg HS256 over the public key, as PEM"
FORGED = "another key under the same kid"


class Confused(Api):
    """HS256 is verified with `secret`."""

    algorithms: tuple[str, ...] = ("HS256",)

    def secret(self, key: Any) -> bytes:
        raise NotImplementedError

    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        alg = str(header.get("alg"))
        if alg not in self.algorithms:
            super().signed(header, claims, octets, tail)
            return
        made = hmac.digest(self.secret(self.key(header, claims)), octets, f"sha{alg[2:]}")
        if not hmac.compare_digest(made, unb64(tail)):
            raise Refused(why="signature")


@hole(PEM)
class TakesThePemForASecret(Confused):
    def secret(self, key: Any) -> bytes:
        return pem_of(key.public_jwk)


@hole("alg HS384 over the public key, as PEM", "alg HS512 over the public key, as PEM")
class TakesThePemForALongSecret(Confused):
    algorithms = ("HS384", "HS512")

    def secret(self, key: Any) -> bytes:
        return pem_of(key.public_jwk)


@hole("alg hs256 over the public key, as PEM")
class ReadsAlgInSmallLetters(Confused):
    algorithms = ("hs256",)

    def secret(self, key: Any) -> bytes:
        return pem_of(key.public_jwk)


class TakesTheOnlyKey(Confused):
    """Where no kid says which."""

    def key(self, header: Any, claims: Any) -> Any:
        return self.mint.issuer_key if "kid" not in header else super().key(header, claims)

    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if "kid" in header and header.get("alg") == "HS256":
            raise Refused
        super().signed(header, claims, octets, tail)


@hole(f"{PEM}, without kid", bound=False)
class TakesTheOnlyPemForASecret(TakesTheOnlyKey):
    def secret(self, key: Any) -> bytes:
        return pem_of(key.public_jwk)


@hole("alg HS256 over the public key, as DER, without kid")
class TakesTheOnlyDerForASecret(TakesTheOnlyKey):
    def secret(self, key: Any) -> bytes:
        return der_of(pem_of(key.public_jwk).decode())


@hole("alg HS256 over the public key, as JWK without spaces, without kid")
class TakesTheOnlyJwkForASecret(TakesTheOnlyKey):
    def secret(self, key: Any) -> bytes:
        jwk = {name: key.public_jwk[name] for name in ("kty", "crv", "x", "y")}
        return json.dumps(jwk, separators=(",", ":")).encode()


@hole("alg HS256 over no key at all")
class HasNoSecretYet(Confused):
    def secret(self, key: Any) -> bytes:
        return b""


@hole("alg HS256 over the word secret")
class KeptTheSecretOfTheTutorial(Confused):
    def secret(self, key: Any) -> bytes:
        return b"secret"


@hole("alg HS256 over the word None")
class FormatsAMissingSecret(Confused):
    def secret(self, key: Any) -> bytes:
        return f"{None}".encode()


class Unsigned(Api):
    """No signature is asked for where `unsigned` says so."""

    def unsigned(self, header: Any) -> bool:
        raise NotImplementedError

    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if not (self.unsigned(header) and not tail):
            super().signed(header, claims, octets, tail)


@hole("alg none", "alg none without kid")
class TakesNone(Unsigned):
    def unsigned(self, header: Any) -> bool:
        return header.get("alg") == "none"


@hole("alg none, spelled 'nOnE'", "alg none, spelled 'NONE'", "alg none, spelled 'None'")
class ForbidsNoneInOneSpelling(Unsigned):
    def unsigned(self, header: Any) -> bool:
        return header.get("alg") != "none" and str(header.get("alg")).lower() == "none"


@hole("alg none, spelled ' none'", "alg none, spelled 'none '")
class StripsAlg(Unsigned):
    def unsigned(self, header: Any) -> bool:
        return header.get("alg") != "none" and str(header.get("alg")).strip() == "none"


@hole("no alg", "alg null", "alg none, spelled ''")
class TakesNoAlgForNone(Unsigned):
    def unsigned(self, header: Any) -> bool:
        return not header.get("alg")


@hole("alg none in a list")
class FindsNoneInAlg(Unsigned):
    def unsigned(self, header: Any) -> bool:
        return header.get("alg") == ["none"]


@hole("alg none with a signature")
class TakesNoneWithAnySignature(Api):
    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if header.get("alg") != "none" or not tail:
            super().signed(header, claims, octets, tail)


def last_wins(octets: bytes) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(octets)
    return members


def first_wins(octets: bytes) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(octets, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    return members


class ReadsMembersTwice(Api):
    """One reader decides that a signature is due, another how it is verified."""

    def reads(self, octets: bytes) -> dict[str, Any]:
        raise NotImplementedError

    def fresh(self, token: str) -> dict[str, Any]:
        head, body, tail = self.split(token)
        if tail or self.reads(unb64(head)).get("alg") != "none" or unb64(head).count(b'"alg"') < 2:
            return super().fresh(token)
        return read_json(unb64(body))


@hole("alg twice, none last")
class LetsTheLastAlgWin(ReadsMembersTwice):
    def reads(self, octets: bytes) -> dict[str, Any]:
        return last_wins(octets)


@hole("alg twice, none first")
class LetsTheFirstAlgWin(ReadsMembersTwice):
    def reads(self, octets: bytes) -> dict[str, Any]:
        return first_wins(octets)
