"""Aggregated and distributed claims: what other issuers say of the user, verified with the keys of these issuers.

The bank says in `_claim_names` which claim comes from which source, and has in `_claim_sources` each source: its JWT
(aggregated), or the URL where the JWT lies (distributed). The bank is not believed about these claims: issuers, keys
and URLs count only if the settings name them (`claims_providers`). That the claims are about this user is the bank's
word. A source that fails loses its own claims and nothing else, and is reported.

Spec: OIDC 5.6, 5.6.2; IDA 6.1, 6.2, 7
Role: C
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fapikit import base64url, strict_json
from fapikit.claim_requests import VERIFIED_CLAIMS
from fapikit.errors import ConfigurationError, FapiError
from fapikit.flow import Flow, http
from fapikit.http_message import Fields, HttpRequest
from fapikit.jose.claims import Expected, audiences_of, has_value
from fapikit.jose.parse import parse_jws
from fapikit.jose.purpose import Purpose
from fapikit.jose.third_party_purposes import CLAIMS_OF_SOURCE, PROVIDED_CLAIMS
from fapikit.jose.verify import VerifiedJwt, verify_jwt
from fapikit.secrets import Concealed, Secret
from fapikit.tracebacks import bare
from rpkit.api.userinfo import UserInfo
from rpkit.bank import Bank
from rpkit.claims_providers import ClaimsProvider
from rpkit.errors.claims import ClaimsSourceError, UnknownClaimsSource
from rpkit.login.id_token import IdToken
from rpkit.login.report import LoginReport
from rpkit.login.verified_claims import AskedVerifiedClaims, take_verified_claims

NAMES: Final = "_claim_names"
SOURCES: Final = "_claim_sources"
MAX_SOURCES: Final = 10
MAX_NAMES: Final = 100
FETCH_TIMEOUT: Final = 5.0
TIME_IN_ALL: Final = 15.0
"""In seconds. When they have passed, no further source is fetched."""
_CLAUSE: Final = "OIDC 5.6.2"
_CLAIM: Final = "claim of another issuer"
_SOURCE: Final = "source of claims"
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,8192}=*\Z")
_PROTOCOL: Final = frozenset(
    {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "acr", "amr", "auth_time", "azp", "sid"}
    | {"at_hash", "c_hash", "s_hash", "cnf", "act", "may_act", NAMES, SOURCES}
)
"""What the bank itself must say. No source says it in its place."""


@dataclass(frozen=True, slots=True)
class ClaimsSource:
    """One source that was verified. `name`: its name in `_claim_sources`. `claims`: those that were taken from it.

    `subject`: how this issuer names the user. It is never the subject of the bank. `token`: the JWT exactly as it came.
    """

    name: str
    issuer: str
    subject: str | None
    claims: Mapping[str, Any] = field(repr=False)
    jwt: Secret = field(repr=False)

    @property
    def token(self) -> str:
        return self.jwt.reveal()


@dataclass(frozen=True, slots=True)
class SourcedClaims:
    """What other issuers say of the user. `failed`: the error of each source that lost its claims, by its name."""

    sources: tuple[ClaimsSource, ...]
    failed: Mapping[str, FapiError]
    report: LoginReport = field(repr=False, compare=False)

    @property
    def claims(self) -> Mapping[str, Any]:
        """The plain claims of all sources. `verified_claims` may come from several: they stay with their `sources`."""
        return {
            name: value
            for source in self.sources
            for name, value in source.claims.items()
            if name != VERIFIED_CLAIMS
        }


def claims_from_sources(bank: Bank, of: UserInfo | IdToken) -> Flow[SourcedClaims]:
    """The aggregated and distributed claims that a UserInfo or an ID token refers to. Distributed ones are fetched.

    Raises ConfigurationError before anything is fetched. Whatever else is wrong is in `failed` and in the report.
    """
    if not isinstance(of, UserInfo | IdToken):
        raise ConfigurationError(
            "claims_from_sources takes a UserInfo or an IdToken: give what userinfo() returned, or login.id_token",
            clause=_CLAUSE,
        )
    report = LoginReport()
    wanted = _wanted(of.claims, report)
    found: list[ClaimsSource] = []
    failed: dict[str, FapiError] = {}
    began = bank.now()
    for number, (name, claims) in enumerate(wanted.items()):
        try:
            _require_budget(number, bank.now() - began)
            told = Concealed(of.claims[SOURCES][name])
            source = yield from _read_source(bank, name, told, claims, report)
            source = _as_asked(source, of.asked_identity, report)
        except FapiError as error:
            failed[name] = bare(error)
            report.noticed(
                _SOURCE, error.clause or _CLAUSE, f"{name[:80]}: its claims are lost: {error.message}"
            )
            continue
        report.passed(_SOURCE, _CLAUSE, f"{name[:80]}: {source.issuer}")
        found.append(source)
    return SourcedClaims(tuple(found), failed, report)


def _require_budget(before: int, seconds: float) -> None:
    """Raise ClaimsSourceError if enough was read for one user."""
    if before >= MAX_SOURCES:
        raise ClaimsSourceError(f"there are more than {MAX_SOURCES} sources", facts={"limit": MAX_SOURCES})
    if seconds > TIME_IN_ALL:
        raise ClaimsSourceError(
            f"the sources before this one took longer than {TIME_IN_ALL:.0f} seconds",
            facts={"seconds": int(seconds)},
        )


def _wanted(claims: Mapping[str, Any], report: LoginReport) -> dict[str, list[str]]:
    """The claims to take from each source that a claim names. What does not fit is left out, and reported."""
    names, sources = claims.get(NAMES), claims.get(SOURCES)
    if not has_value(claims, NAMES) and not has_value(claims, SOURCES):
        return {}
    if not isinstance(names, Mapping) or not isinstance(sources, Mapping):
        report.noticed(NAMES, "IDA 6.2", f"{NAMES} and {SOURCES} must both be objects: nothing is taken")
        return {}
    if len(names) > MAX_NAMES or len(sources) > MAX_NAMES:
        report.noticed(NAMES, "IDA 6.2", f"it has more than {MAX_NAMES} members: nothing is taken")
        return {}
    wanted: dict[str, list[str]] = {}
    for claim, named in names.items():
        if claim in _PROTOCOL:
            report.noticed(_CLAIM, _CLAUSE, f"{claim}: only the bank itself can say it")
            continue
        for source in _named(claim, named):
            if source is None or source not in sources:
                report.noticed(_CLAIM, "IDA 6.2", f"{claim[:80]}: its source is not in {SOURCES}")
            elif claim not in wanted.setdefault(source, []):
                wanted[source].append(claim)
    for source in [each for each in sources if each not in wanted]:
        report.noticed(_SOURCE, "IDA 6.2", f"{source[:80]}: {NAMES} takes no claim from it")
    return wanted


def _named(claim: str, named: Any) -> Iterator[str | None]:
    """The sources of one claim: one, or several of verified claims. None for what names none."""
    several = named if claim == VERIFIED_CLAIMS and isinstance(named, list) and named else [named]
    for source in several:
        yield source if isinstance(source, str) else None


def _read_source(
    bank: Bank, name: str, told: Concealed[Any], claims: list[str], report: LoginReport
) -> Flow[ClaimsSource]:
    """`told`: what the bank says of this source; an access token may be in it. Raises FapiError."""
    if not isinstance(told.reveal(), Mapping):
        raise ClaimsSourceError("the source is not an object")
    aggregated = has_value(told.reveal(), "JWT")
    if aggregated == has_value(told.reveal(), "endpoint"):
        raise ClaimsSourceError("the source must have either JWT or endpoint")
    if aggregated:
        provider, token = None, _text(told.reveal()["JWT"])
    else:
        endpoint = told.reveal()["endpoint"]
        provider = _provider_at(bank, endpoint)
        token = yield from _fetch(endpoint, Concealed(told.reveal().get("access_token")))
    verified, provider = yield from _verify(bank, token, provider)
    taken: dict[str, Any] = {}
    for claim in claims:
        if provider.claims is not None and claim not in provider.claims:
            why = f"claims_providers does not believe {provider.issuer} for it"
            report.noticed(_CLAIM, _CLAUSE, f"{claim[:80]}: {why}")
        elif not has_value(verified.claims, claim):
            report.noticed(_CLAIM, _CLAUSE, f"{claim[:80]}: source {name[:80]} does not have it")
        else:
            taken[claim] = verified.claims[claim]
    subject = verified.claims["sub"] if has_value(verified.claims, "sub") else None
    return ClaimsSource(name, provider.issuer, subject, taken, Secret(verified.token))


def _as_asked(source: ClaimsSource, asked: AskedVerifiedClaims | None, report: LoginReport) -> ClaimsSource:
    """Of verified claims only what was requested is taken from a source, too, if any were requested there."""
    if asked is None or not asked.requests:
        return source
    of = f"source {source.name[:80]}"
    return replace(source, claims=take_verified_claims(source.claims, asked, report, of=of).claims)


def _text(token: Any) -> Secret:
    if not isinstance(token, str):
        raise ClaimsSourceError("the JWT of the source is not a string")
    return Secret(token)


def _provider_at(bank: Bank, endpoint: Any) -> ClaimsProvider:
    for provider in bank.settings.claims_providers:
        if isinstance(endpoint, str) and endpoint in provider.endpoints:
            return provider
    raise UnknownClaimsSource(
        "no endpoint of claims_providers is that of this source: it is not called",
        facts={"got": str(endpoint)[:200]},
    )


def _fetch(endpoint: str, access_token: Concealed[Any]) -> Flow[Secret]:
    """The JWT behind a URL of the settings. The only token that is sent is the one that came with this source."""
    headers: Fields = (("accept", "application/jwt"), *_bearer(access_token))
    request = HttpRequest(
        "GET", endpoint, headers, timeout=FETCH_TIMEOUT, max_bytes=CLAIMS_OF_SOURCE.max_octets
    )
    response = yield from http(request)
    if response.status != 200:
        raise ClaimsSourceError(
            f"the endpoint of the source answers with {response.status} instead of 200",
            facts={"status": response.status},
        )
    return Secret(response.body.decode("ascii", "replace").strip())


def _bearer(access_token: Concealed[Any]) -> Fields:
    token = access_token.reveal()
    if token is None or token == "":
        return ()
    if not isinstance(token, str) or not _TOKEN.match(token):
        raise ClaimsSourceError("the access_token of the source is not a bearer token", clause="RFC 6750 2.1")
    return (("authorization", Secret(f"Bearer {token}")),)


def _verify(
    bank: Bank, token: Secret, provider: ClaimsProvider | None
) -> Flow[tuple[VerifiedJwt, ClaimsProvider]]:
    """`provider`: whose endpoint it came from; None: the JWT itself names its issuer. Raises FapiError."""
    purpose = _purpose_of(token.reveal())
    allowed = bank.profile.signing_algorithms
    if provider is None:
        anyhow = allowed.union(*(each.algorithms or () for each in bank.settings.claims_providers))
        issuer = parse_jws(token.reveal(), purpose, anyhow).unverified_claims.get("iss")
        provider = next((each for each in bank.settings.claims_providers if each.issuer == issuer), None)
        if provider is None:
            raise UnknownClaimsSource("claims_providers has no such issuer", facts={"iss": str(issuer)[:200]})
    verified = yield from verify_jwt(
        token,
        purpose,
        keys=bank.claims_keys[provider.issuer],
        algorithms=provider.algorithms or allowed,
        expected=Expected(issuer=provider.issuer, audience=(), now=bank.now(), skew=bank.profile.clock_skew),
    )
    claims = verified.claims
    if has_value(claims, "aud") and bank.settings.client_id not in audiences_of(claims, purpose):
        raise ClaimsSourceError("the aud of this source is another client", facts={"claim": "aud"})
    if purpose is PROVIDED_CLAIMS and not _is_verified_claims(claims[VERIFIED_CLAIMS]):
        raise ClaimsSourceError(
            f"{VERIFIED_CLAIMS} of this source must be an object with verification and claims, or several",
            clause="IDA 6.2",
            facts={"claim": VERIFIED_CLAIMS},
        )
    return verified, provider


def _purpose_of(token: str) -> Purpose:
    """The kind that `typ` names. Only provided claims have one; the verification then checks it again."""
    try:
        header = strict_json.parse_object(base64url.decode(token.split(".", 1)[0]))
    except ValueError:
        return CLAIMS_OF_SOURCE
    provided = PROVIDED_CLAIMS.accepts_typ(header.get("typ"))
    return PROVIDED_CLAIMS if provided else CLAIMS_OF_SOURCE


def _is_verified_claims(value: Any) -> bool:
    each = value if isinstance(value, list) else [value]
    return bool(each) and all(
        isinstance(one, Mapping)
        and all(isinstance(one.get(member), Mapping) and one[member] for member in ("verification", "claims"))
        for one in each
    )
