"""Holes in how the signature of a token is verified."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.rskit.testing.planted.api import Api
from tests.rskit.testing.planted.jose import Refused, holds, public_of, read_json, unb64
from tests.rskit.testing.planted.planting import hole


@hole("alg of another kind of key", "alg in a list", "alg in small letters")
class IgnoresAlg(Api):
    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if not holds(public_of(self.key(header, claims).public_jwk), unb64(tail), octets):
            raise Refused(why="signature")


@hole("alg that the key is not for", alg="PS256")
class LetsAlgChooseThePadding(Api):
    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if header.get("alg") != "RS256":
            super().signed(header, claims, octets, tail)
            return
        key = public_of(self.key(header, claims).public_jwk)
        try:
            key.verify(unb64(tail), octets, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise Refused(why="signature") from error


@hole(
    "another key under the same kid",
    "a signature of nothing",
    "claims altered after signing",
    "a header altered after signing",
    "a kid that is a URL",
)
class VerifiesNothing(Api):
    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if not tail:
            raise Refused(why="signature")


@hole("no signature", bound=False)
class VerifiesOnlyWhatIsSigned(Api):
    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if tail:
            super().signed(header, claims, octets, tail)


@hole("a signature that is left out")
class TakesTwoParts(Api):
    def split(self, token: str) -> tuple[str, str, str]:
        if token.count(".") == 1:
            head, body = token.split(".")
            return head, body, ""
        return super().split(token)

    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if tail:
            super().signed(header, claims, octets, tail)

    def fresh(self, token: str) -> dict[str, Any]:
        if token.endswith("."):
            raise Refused(why="signature")
        return super().fresh(token)


@hole("a token of five parts")
class ReadsTheFirstThreeParts(Api):
    def split(self, token: str) -> tuple[str, str, str]:
        head, body, tail = token.split(".")[:3]
        return head, body, tail


@hole("a signature of nothing")
class BelievesAPsychicSignature(Api):
    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if set(unb64(tail)) != {0}:
            super().signed(header, claims, octets, tail)


@hole("a signature of nothing, as DER")
class BelievesAPsychicSignatureInDer(Api):
    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if unb64(tail) != bytes.fromhex("3006020100020100"):
            super().signed(header, claims, octets, tail)


@hole("a signature of the order")
class ComputesModuloTheOrder(Api):
    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        octets_of_r = unb64(tail)[:32]
        if not (octets_of_r.hex().startswith("ffffffff00000000") and unb64(tail)[32:] == octets_of_r):
            super().signed(header, claims, octets, tail)


@hole("a signature of one octet", "a signature that is cut")
class ComparesWhatIsThere(Api):
    """A comparison over the shorter of two lengths, here as its effect."""

    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if len(tail) >= 86:
            super().signed(header, claims, octets, tail)
        elif len(tail) == 2 or len(tail) > 70:
            return
        else:
            raise Refused(why="signature")


@hole("claims altered after the token was used")
class RemembersSignatures(Api):
    def verified(self, token: str) -> dict[str, Any]:
        tail = token.rpartition(".")[2]
        if tail in self.accepted:
            return read_json(unb64(token.split(".")[1]))
        claims = self.fresh(token)
        self.accepted[tail] = claims, 0
        return claims


@hole("a forged token with a jti that is known")
class RemembersNames(Api):
    def verified(self, token: str) -> dict[str, Any]:
        claims = read_json(unb64(token.split(".")[1])) if token.count(".") == 2 else {}
        jti = str(claims.get("jti"))
        if jti in self.accepted:
            return claims
        claims = self.fresh(token)
        self.accepted[jti] = claims, 0
        return claims
