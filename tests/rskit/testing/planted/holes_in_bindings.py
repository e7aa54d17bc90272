"""Holes in what a token is bound to."""

from __future__ import annotations

from base64 import b64decode
from typing import Any
from urllib.parse import unquote

from tests.rskit.testing.planted.api import Api, Request
from tests.rskit.testing.planted.jose import Refused, der_of, thumbprint
from tests.rskit.testing.planted.planting import CERTIFICATE, hole

DOWNGRADE = "a bound token as a bearer token"


@hole(
    DOWNGRADE,
    "a bound token as a bearer token in small letters",
    "a bound token as a bearer token, with a proof",
)
class TakesBoundTokensUnderBearer(Api):
    def possession(self, request: Request, scheme: str, token: str, claims: Any) -> None:
        if scheme != "bearer":
            super().possession(request, scheme, token, claims)


@hole(DOWNGRADE, bound=False)
class NeverReadsCnf(Api):
    def possession(self, request: Request, scheme: str, token: str, claims: Any) -> None:
        if scheme != "bearer":
            raise Refused


@hole("a bound token as a bearer token in small letters")
class ComparesTheSchemeAsItIs(Api):
    def possession(self, request: Request, scheme: str, token: str, claims: Any) -> None:
        if not (request.get("authorization") or "").startswith("bearer"):
            super().possession(request, scheme, token, claims)


@hole("a bound token as a bearer token, with a proof")
class TakesProofsUnderBearer(Api):
    def bound_scheme(self, scheme: str) -> None:
        pass


@hole("no proof", "a proof in another header")
class ChecksProofsIfThereAreAny(Api):
    def possession(self, request: Request, scheme: str, token: str, claims: Any) -> None:
        if scheme != "dpop" or request.all("dpop"):
            super().possession(request, scheme, token, claims)


@hole("a proof in another header")
class ReadsXDpop(Api):
    def one_proof(self, request: Request) -> str:
        return request.get("x-dpop") or super().one_proof(request)


@hole("an unbound token with a proof")
class TakesUnboundTokensUnderDpop(Api):
    def possession(self, request: Request, scheme: str, token: str, claims: Any) -> None:
        if "cnf" in claims or scheme != "dpop":
            super().possession(request, scheme, token, claims)


@hole("an unbound token as a bearer token")
class TakesUnboundTokens(Api):
    only_bound = False


class LooseCnf(Api):
    """A cnf that is no `binds` binds to nothing."""

    def binds(self, cnf: Any) -> bool:
        raise NotImplementedError

    def possession(self, request: Request, scheme: str, token: str, claims: Any) -> None:
        if self.binds(claims.get("cnf", "absent")):
            super().possession(request, scheme, token, claims)


@hole("a token bound in a way that nobody knows")
class IgnoresUnknownBindings(LooseCnf):
    def binds(self, cnf: Any) -> bool:
        return not isinstance(cnf, dict) or bool({"jkt", "x5t#S256"} & cnf.keys()) or not cnf


@hole("a token with an empty cnf", "a token whose cnf is null", "a token whose cnf is a list")
class TakesAnEmptyCnfForNone(LooseCnf):
    def binds(self, cnf: Any) -> bool:
        return bool(cnf)


@hole("a token whose cnf is text")
class IgnoresACnfThatIsText(LooseCnf):
    def binds(self, cnf: Any) -> bool:
        return not isinstance(cnf, str) or cnf == "absent"


@hole("a token bound to a certificate that is not shown", bound=False)
class IgnoresCertificates(Api):
    def certificate(self, request: Request, x5t: object) -> None:
        pass


@hole("a token bound to another certificate than the one shown", certificate=CERTIFICATE)
class TakesAnyCertificate(Api):
    def certificate(self, request: Request, x5t: object) -> None:
        if request.certificate is None:
            raise Refused


@hole("a token bound to a certificate that is not shown")
class IgnoresCertificatesBesideDpop(Api):
    def confirmation(self, request: Request, claims: Any) -> str | None:
        cnf = claims.get("cnf")
        if isinstance(cnf, dict) and isinstance(cnf.get("jkt"), str):
            return str(cnf["jkt"])
        return super().confirmation(request, claims)


class BelievesHeaders(Api):
    """A certificate out of a header, whoever sent it."""

    def shown_certificate(self, request: Request) -> bytes | None:
        return self.forwarded(request) or request.certificate

    def forwarded(self, request: Request) -> bytes | None:
        raise NotImplementedError


@hole("a certificate in a header, escaped")
class BelievesNginx(BelievesHeaders):
    def forwarded(self, request: Request) -> bytes | None:
        value = unquote(request.get("x-ssl-client-cert") or "")
        return der_of(value) if "BEGIN" in value else None


@hole("a certificate in a header, in base64")
class BelievesBase64(BelievesHeaders):
    def forwarded(self, request: Request) -> bytes | None:
        value = request.get("x-ssl-cert")
        return b64decode(value) if value else None


@hole("a certificate in the header of RFC 9440")
class BelievesClientCert(BelievesHeaders):
    def forwarded(self, request: Request) -> bytes | None:
        value = request.get("client-cert")
        return b64decode(value.strip(":")) if value else None


@hole("a certificate in the header of Envoy")
class BelievesEnvoy(BelievesHeaders):
    def forwarded(self, request: Request) -> bytes | None:
        value = request.get("x-forwarded-client-cert")
        return der_of(unquote(value.split('"')[1])) if value else None


@hole("a thumbprint in a header")
class BelievesThumbprints(Api):
    def certificate(self, request: Request, x5t: object) -> None:
        if request.get("x-client-cert-sha256") != x5t:
            super().certificate(request, x5t)


class LooseJkt(Api):
    def is_near(self, found: str, jkt: Any) -> bool:
        raise NotImplementedError

    def confirmation(self, request: Request, claims: Any) -> Any:
        cnf = claims.get("cnf")
        if isinstance(cnf, dict) and "jkt" in cnf and "x5t#S256" not in cnf:
            return cnf["jkt"] if cnf["jkt"] is not None else "null"
        return super().confirmation(request, claims)

    def right_key(self, jwk: Any, jkt: Any) -> None:
        if not self.is_near(thumbprint(jwk), jkt):
            raise Refused


@hole(
    "a proof of another key",
    "a token bound to another key",
    "a token bound to thumbprints in a list",
    "a token bound to a thumbprint that is null",
    "a proof of a key that is bound to another token",
    "a proof of the issuer's key",
)
class NeverComparesKeys(LooseJkt):
    def is_near(self, found: str, jkt: Any) -> bool:
        return True


@hole("a token bound to a part of the key's thumbprint", "a token bound to an empty thumbprint")
class ComparesHowThumbprintsBegin(LooseJkt):
    def is_near(self, found: str, jkt: Any) -> bool:
        return isinstance(jkt, str) and found.startswith(jkt)


@hole("a token bound to a longer thumbprint")
class ComparesThumbprintsTheOtherWayRound(LooseJkt):
    def is_near(self, found: str, jkt: Any) -> bool:
        return isinstance(jkt, str) and jkt.startswith(found)


@hole("a token bound to a thumbprint in other letters")
class ComparesThumbprintsInAnyLetters(LooseJkt):
    def is_near(self, found: str, jkt: Any) -> bool:
        return isinstance(jkt, str) and jkt.lower() == found.lower()


@hole("a proof of a key that is bound to another token")
class RemembersGoodKeys(LooseJkt):
    """A key that was right once is taken for right."""

    def __init__(self, *mints: Any, clock: Any) -> None:
        super().__init__(*mints, clock=clock)
        self.good: set[str] = set()

    def is_near(self, found: str, jkt: Any) -> bool:
        if found == jkt:
            self.good.add(found)
        return found in self.good and (found == jkt or jkt == self.mint.client_key.thumbprint)
