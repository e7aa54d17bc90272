"""Holes in how a proof and its key are verified."""

from __future__ import annotations

import hmac
import json
from typing import Any

from tests.rskit.testing.planted.api import Api, Request
from tests.rskit.testing.planted.jose import Refused, b64, holds, pem_of, public_of, unb64
from tests.rskit.testing.planted.planting import hole


class LooseKey(Api):
    """Proof keys are found, and proofs verified, by `loose`; None leaves it to the right way."""

    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        raise NotImplementedError

    def proof_key(self, header: Any, signed: bytes, tail: str) -> Any:
        found = self.loose(header, signed, tail)
        return super().proof_key(header, signed, tail) if found is None else found

    @property
    def client(self) -> Any:
        return dict(self.mint.client_key.public_jwk)


@hole("a proof signed by another key", "a proof whose signature is zero", "a proof altered after signing")
class NeverVerifiesProofs(LooseKey):
    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        return (
            header.get("jwk")
            if header.get("alg") == "ES256" and len(tail) > 80 and "d" not in header["jwk"]
            else None
        )


@hole("a proof without a signature")
class TakesProofsWithoutASignature(LooseKey):
    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        return header.get("jwk") if header.get("alg") == "ES256" and not tail else None


@hole("a proof whose signature is left out")
class TakesProofsOfTwoParts(LooseKey):
    def split_proof(self, proof: str) -> tuple[str, str, str]:
        if proof.count(".") == 1:
            head, body = proof.split(".")
            return head, body, "cut"
        return super().split_proof(proof)

    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        return header.get("jwk") if tail == "cut" else None


@hole("a proof with alg none")
class TakesProofsWithAlgNone(LooseKey):
    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        return header.get("jwk") if header.get("alg") == "none" else None


@hole("a proof without alg")
class TakesProofsWithoutAlg(LooseKey):
    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        return header.get("jwk") if "alg" not in header else None


@hole("a proof with a shared secret")
class TakesSharedSecrets(LooseKey):
    def right_key(self, jwk: Any, jkt: str) -> None:
        if jwk.get("kty") != "oct":
            super().right_key(jwk, jkt)

    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        jwk = header.get("jwk")
        if not isinstance(jwk, dict) or jwk.get("kty") != "oct":
            return None
        if hmac.digest(unb64(jwk["k"]), signed, "sha256") != unb64(tail):
            raise Refused
        return jwk

    def unused(self, claims: Any, jwk: Any, proof: str) -> None:
        if jwk.get("kty") != "oct":
            super().unused(claims, jwk, proof)


class TakesAPublicKeyForASecret(LooseKey):
    def secret(self, jwk: Any) -> bytes:
        raise NotImplementedError

    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        if header.get("alg") != "HS256" or header["jwk"].get("kty") != "EC":
            return None
        if hmac.digest(self.secret(header["jwk"]), signed, "sha256") != unb64(tail):
            raise Refused
        return header["jwk"]


@hole("a proof with alg HS256 over its jwk")
class TakesAJwkForASecret(TakesAPublicKeyForASecret):
    def secret(self, jwk: Any) -> bytes:
        return json.dumps(jwk).encode()


@hole("a proof with alg HS256 over its key as PEM")
class TakesThePemOfAProofForASecret(TakesAPublicKeyForASecret):
    def secret(self, jwk: Any) -> bytes:
        return pem_of(jwk)


@hole("a proof without a key")
class KnowsTheKeyAlready(LooseKey):
    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        if "jwk" in header or "kid" in header:
            return None
        if not holds(public_of(self.client), unb64(tail), signed):
            raise Refused
        return self.client


@hole("a proof that names its key")
class BelievesANamedKey(LooseKey):
    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        return self.client if header.get("kid") == self.mint.client_key.thumbprint else None


@hole("a proof whose jwk is text")
class ReadsKeysOutOfText(Api):
    def proof_key(self, header: Any, signed: bytes, tail: str) -> Any:
        jwk = header.get("jwk")
        return super().proof_key(
            {**header, "jwk": json.loads(jwk) if isinstance(jwk, str) else jwk}, signed, tail
        )


@hole("a proof of a point that is on no curve")
class NeverLooksAtThePoint(LooseKey):
    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        jwk = header.get("jwk")
        return self.client if isinstance(jwk, dict) and jwk.get("x") == b64(b"\1" * 32) else None


@hole("a proof that shows its private key")
class TakesPrivateKeys(LooseKey):
    def loose(self, header: Any, signed: bytes, tail: str) -> Any:
        jwk = header.get("jwk")
        if not isinstance(jwk, dict) or "d" not in jwk or not holds(public_of(jwk), unb64(tail), signed):
            return None
        return jwk


class LooseType(Api):
    def is_near(self, header: Any) -> bool:
        raise NotImplementedError

    def proof_type(self, header: Any) -> None:
        if not self.is_near(header):
            raise Refused


@hole("a proof of another type", "a proof without a type", "a proof called an access token")
class NeverLooksAtTheTypeOfProofs(LooseType):
    def is_near(self, header: Any) -> bool:
        return "crit" not in header


@hole("a proof with an extension that is critical")
class IgnoresCritInProofs(LooseType):
    def is_near(self, header: Any) -> bool:
        return bool(header.get("typ") == "dpop+jwt")


@hole("the token as its proof")
class TakesTheTokenForItsProof(Api):
    def proof(self, request: Request, proof: str, token: str, jkt: str) -> None:
        if proof != token:
            super().proof(request, proof, token, jkt)


@hole("an empty proof", "letters instead of a proof", "a proof of 40,000 letters")
class TakesWhatItCannotRead(Api):
    def proof(self, request: Request, proof: str, token: str, jkt: str) -> None:
        if "." in proof:
            super().proof(request, proof, token, jkt)


@hole("two proofs", "two proofs, the forged one last", skin="asgi")
class ReadsTheFirstProof(Api):
    def one_proof(self, request: Request) -> str:
        return (request.all("dpop") or [""])[0]


@hole("two proofs", "two proofs, the forged one first", skin="asgi")
class ReadsTheLastProof(Api):
    def one_proof(self, request: Request) -> str:
        return (request.all("dpop") or [""])[-1]


@hole("two proofs", "two proofs in one header", "two proofs, the forged one last")
class CutsAtTheComma(Api):
    def one_proof(self, request: Request) -> str:
        return (request.get("dpop") or "").split(",")[0]
