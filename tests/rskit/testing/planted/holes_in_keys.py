"""Holes in how the key of a token is found, and in what its header may say."""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64decode
from typing import Any

from cryptography.x509 import load_der_x509_certificate
from joserfc import jwe
from joserfc.jwk import ECKey

from tests.rskit.testing.planted.api import Api
from tests.rskit.testing.planted.holes_in_algorithms import Confused
from tests.rskit.testing.planted.jose import Refused, der_of, holds, public_of, read_json, unb64
from tests.rskit.testing.planted.planting import KEYS_OF_OTHERS, Published, hole


class Own:
    """A key out of a header."""

    def __init__(self, jwk: dict[str, Any]) -> None:
        self.public_jwk, self.alg = jwk, "ES256"


@hole(
    "a key of its own in the header",
    "a key of its own in the header, under the issuer's kid",
    "a key of its own in the header, under a kid of its own",
)
class TakesJwk(Api):
    def key(self, header: Any, claims: Any) -> Any:
        return Own(header["jwk"]) if "jwk" in header else super().key(header, claims)


@hole("a key of its own in the header, under a kid of its own")
class TakesJwkForAnUnknownKid(Api):
    def key(self, header: Any, claims: Any) -> Any:
        known = "kid" not in header or header["kid"] == self.mint.issuer_key.kid
        return Own(header["jwk"]) if "jwk" in header and not known else super().key(header, claims)


@hole(
    "a certificate of its own in the header",
    "a certificate of its own in the header, under the issuer's kid",
    "a certificate of its own in the header, under a kid of its own",
)
class TakesX5c(Api):
    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if "x5c" not in header:
            super().signed(header, claims, octets, tail)
        elif not holds(load_der_x509_certificate(der_of(header["x5c"][0])).public_key(), unb64(tail), octets):
            raise Refused(why="signature")


class Fetches(Api):
    member = "jku"

    def key(self, header: Any, claims: Any) -> Any:
        if header.get(self.member) == KEYS_OF_OTHERS:
            return Own(Published.keys["keys"][0])
        return super().key(header, claims)


@hole("a key set that jku names")
class FollowsJku(Fetches):
    pass


@hole("a certificate that x5u names")
class FollowsX5u(Fetches):
    member = "x5u"


@hole("a key set as a data URL in the header")
class OpensJkuWithUrllib(Api):
    def key(self, header: Any, claims: Any) -> Any:
        jku = str(header.get("jku"))
        if jku.startswith("data:"):
            return Own(json.loads(urlsafe_b64decode(jku.rpartition(",")[2]))["keys"][0])
        return super().key(header, claims)


@hole("a key set of its own in the header")
class TrustsWhoeverNamesAKeySet(Api):
    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if not str(header.get("jku")).startswith("https://evil.example/"):
            super().signed(header, claims, octets, tail)


class SkipsUnknownKids(Api):
    """Where no key is found, no signature is verified."""

    def skips(self, kid: Any) -> bool:
        raise NotImplementedError

    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if not self.skips(header.get("kid")):
            super().signed(header, claims, octets, tail)


@hole("a kid that nobody knows", "a kid that is a URL", "a kid of many letters")
class SkipsWhatItDoesNotFind(SkipsUnknownKids):
    def skips(self, kid: Any) -> bool:
        return isinstance(kid, str) and kid not in ("", self.mint.issuer_key.kid)


@hole("no kid, and another key", "an empty kid", "a kid that is null", "a kid that is a number")
class SkipsWhatIsNotNamed(SkipsUnknownKids):
    def skips(self, kid: Any) -> bool:
        return not kid


@hole("a kid that is a list", "a kid that is an object")
class SkipsOddKids(SkipsUnknownKids):
    def skips(self, kid: Any) -> bool:
        return isinstance(kid, list | dict)


@hole("a kid that ends with a null octet")
class ReadsKidsAsC(SkipsUnknownKids):
    def skips(self, kid: Any) -> bool:
        return kid == f"{self.mint.issuer_key.kid}\0"


class LooksKidsUp(Confused):
    """HS256 with what the kid leads to."""

    def key(self, header: Any, claims: Any) -> Any:
        return header.get("kid") if header.get("alg") == "HS256" else super().key(header, claims)

    def secret(self, key: Any) -> bytes:
        raise NotImplementedError


@hole("a kid that is an empty file")
class OpensKids(LooksKidsUp):
    def secret(self, key: Any) -> bytes:
        if str(key).endswith("/dev/null"):
            return b""
        raise Refused


@hole("a kid that is a file")
class OpensOtherKids(LooksKidsUp):
    def secret(self, key: Any) -> bytes:
        if str(key).endswith("/proc/sys/kernel/randomize_va_space"):
            return b"2\n"
        raise Refused


@hole("a kid that is SQL")
class SelectsKids(LooksKidsUp):
    def secret(self, key: Any) -> bytes:
        if "UNION SELECT '" in str(key):
            return str(key).split("'")[2].encode()
        raise Refused


@hole("a key of another issuer")
class KeepsAllKeysInOneSet(Api):
    def key(self, header: Any, claims: Any) -> Any:
        found = [key for key in self.issuers.values() if key.kid == header.get("kid")]
        if not found:
            raise Refused(why="key")
        return found[0]


@hole("a key of another issuer, under the issuer's kid")
class TriesAllKeys(Api):
    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        self.key(header, claims)
        if not any(holds(public_of(key.public_jwk), unb64(tail), octets) for key in self.issuers.values()):
            raise Refused(why="signature")


@hole("an extension that is critical", "an extension that is critical and missing")
class IgnoresCrit(Api):
    def extensions(self, header: Any) -> None:
        pass


@hole("a payload that is not encoded")
class KnowsB64(Api):
    def extensions(self, header: Any) -> None:
        if header.get("crit") not in (None, ["b64"]):
            raise Refused

    def signed(self, header: Any, claims: Any, octets: bytes, tail: str) -> None:
        if header.get("b64") is False:
            head, _, body = octets.partition(b".")
            octets = head + b"." + unb64(body.decode())
        super().signed(header, claims, octets, tail)


@hole("a payload that is compressed")
class Unpacks(Api):
    def extensions(self, header: Any) -> None:
        if "crit" in header:
            raise Refused

    def payload(self, header: Any, body: str) -> dict[str, Any]:
        return (
            read_json(zlib.decompress(unb64(body), -15)) if "zip" in header else super().payload(header, body)
        )


class Decrypts(Api):
    """With the issuer's key, which this API would have if both were one program."""

    def opened(self, token: str) -> bytes:
        jwk = self.mint.issuer_key.to_private_jwk()
        key = ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y", "d")})
        registry = jwe.JWERegistry(algorithms=["ECDH-ES", "A128GCM"])
        return jwe.decrypt_compact(token, key, registry=registry).plaintext or b""

    def inner(self, octets: bytes) -> dict[str, Any]:
        raise NotImplementedError

    def fresh(self, token: str) -> dict[str, Any]:
        if token.count(".") != 4:
            return super().fresh(token)
        try:
            octets = self.opened(token)
        except Exception as error:
            raise Refused from error
        return self.inner(octets)


@hole("claims that are encrypted alone")
class TakesEncryptedClaims(Decrypts):
    def inner(self, octets: bytes) -> dict[str, Any]:
        return read_json(octets)


@hole("alg none inside of a JWE")
class TakesNoneInsideOfAJwe(Decrypts):
    def inner(self, octets: bytes) -> dict[str, Any]:
        if octets.count(b".") != 2:
            raise Refused
        return read_json(unb64(octets.split(b".")[1].decode()))


@hole("a JWE of no key")
class ReadsTheMiddleOfAJwe(Api):
    def fresh(self, token: str) -> dict[str, Any]:
        head, *rest = token.split(".")
        if len(rest) == 4 and read_json(unb64(head)).get("alg") == "dir":
            return read_json(unb64(rest[2]))
        return super().fresh(token)


@hole("no JWT at all")
class TakesAnythingForAToken(Api):
    def fresh(self, token: str) -> dict[str, Any]:
        if "." in token:
            return super().fresh(token)
        cnf = {"jkt": self.mint.client_key.thumbprint}
        return {
            "sub": "anybody",
            "scope": "accounts",
            "exp": self.now() + 1,
            "iss": self.mint.url,
            "cnf": cnf,
        }

    def bound_scheme(self, scheme: str) -> None:
        pass
