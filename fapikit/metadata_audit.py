"""What an authorization server's metadata lacks for a profile, row by row, each with its clause.

Spec: RFC 8414 2; RFC 9126 5; RFC 9101 10.5; RFC 9207 2.3; RFC 9449 5.1; RFC 8705 3.3; RFC 9701 7; JARM 4;
    CIBA 4a, 4b, 4c
Role: C, RS
Not checked here: what metadata do not show, such as TLS and behaviour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fapikit.metadata import ServerMetadata
from fapikit.profile import Profile
from fapikit.profiles import profile_of
from fapikit.urns import CIBA


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One rule: whether the metadata satisfy it, and what was found in them."""

    clause: str
    requirement: str
    holds: bool
    found: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All rows for one server and one profile. Its text is a table."""

    issuer: str
    profile: str
    rows: tuple[AuditRow, ...]

    @property
    def lacking(self) -> tuple[AuditRow, ...]:
        return tuple(row for row in self.rows if not row.holds)

    @property
    def holds(self) -> bool:
        return not self.lacking

    def __str__(self) -> str:
        width = max((len(row.clause) for row in self.rows), default=0)
        lines = [
            f"{'holds' if row.holds else 'LACKS':5}  {row.clause:{width}}  {row.requirement} (found: {row.found})"
            for row in self.rows
        ]
        return "\n".join(
            [f"{self.issuer} for {self.profile}: {len(self.lacking)} of {len(lines)} lacking", *lines]
        )


def audit(metadata: ServerMetadata, profile: Profile | str) -> AuditReport:
    """Compare the metadata of a server with a profile. Raises MalformedMessage for a flag that is not true or false."""
    profile = profile_of(profile)
    sections = (_endpoints, _requests, _responses, _clients, _tokens, _backchannel)
    rows = tuple(row for section in sections for row in section(metadata, profile))
    return AuditReport(metadata.issuer, str(profile), rows)


def _endpoints(metadata: ServerMetadata, profile: Profile) -> Iterator[AuditRow]:
    yield _present(metadata, "token_endpoint", "RFC 8414 2")
    yield _present(metadata, "jwks_uri", "RFC 8414 2")
    if not profile.backchannel_required:
        yield _present(metadata, "authorization_endpoint", "RFC 8414 2")


def _requests(metadata: ServerMetadata, profile: Profile) -> Iterator[AuditRow]:
    if profile.par_required:
        yield _present(metadata, "pushed_authorization_request_endpoint", profile.clause("par_required"))
    if profile.pkce_required:
        yield _offers(metadata, "code_challenge_methods_supported", {"S256"}, profile.clause("pkce_required"))
        yield _offers_no(
            metadata, "code_challenge_methods_supported", {"plain"}, profile.clause("pkce_required")
        )
    if profile.request_object_required:
        clause = profile.clause("request_object_required")
        yield _offers(metadata, _signing_list(profile), profile.signing_algorithms, clause)


def _signing_list(profile: Profile) -> str:
    if profile.backchannel_required:
        return "backchannel_authentication_request_signing_alg_values_supported"
    return "request_object_signing_alg_values_supported"


def _responses(metadata: ServerMetadata, profile: Profile) -> Iterator[AuditRow]:
    if profile.backchannel_required:
        return
    yield _offers(
        metadata, "response_types_supported", profile.response_types, profile.clause("response_types")
    )
    if profile.response_signature_required:
        yield _row(
            profile.clause("response_signature_required"),
            "response_types_supported has code id_token, or response_modes_supported has jwt: responses are signed",
            *_signed_responses(metadata),
        )
    if profile.jarm_required:
        clause = profile.clause("jarm_required")
        yield _offers(metadata, "response_modes_supported", {"jwt"}, clause)
        yield _offers(
            metadata, "authorization_signing_alg_values_supported", profile.signing_algorithms, clause
        )
    elif profile.iss_in_response_required:
        clause = profile.clause("iss_in_response_required")
        yield _flag(metadata, "authorization_response_iss_parameter_supported", clause)


def _signed_responses(metadata: ServerMetadata) -> tuple[bool, set[str]]:
    types = {frozenset(each.split()) for each in metadata.strings("response_types_supported") or ()}
    modes = set(metadata.strings("response_modes_supported") or ())
    found = {"code id_token"} if {"code", "id_token"} in types else set()
    if {"code"} in types:
        found |= {f"code with {mode}" for mode in modes if mode.endswith("jwt")}
    return bool(found), found


def _clients(metadata: ServerMetadata, profile: Profile) -> Iterator[AuditRow]:
    methods, clause = "token_endpoint_auth_methods_supported", profile.clause("client_authentication_methods")
    allowed = profile.client_authentication_methods
    # RFC 8414 2: without this list, a server supports client_secret_basic.
    offered = set(metadata.strings(methods) or ("client_secret_basic",))
    yield _row(clause, f"{methods} has one of {_listed(allowed)}", bool(offered & allowed), offered)
    forbidden = offered - allowed
    yield _row(clause, f"{methods} has nothing that the profile forbids", not forbidden, forbidden or offered)
    if "private_key_jwt" in offered:
        yield _offers(
            metadata,
            "token_endpoint_auth_signing_alg_values_supported",
            profile.signing_algorithms,
            profile.clause("signing_algorithms"),
        )
    yield _offers_no(metadata, "grant_types_supported", {"password"}, "RFC 9700 2.4")


def _tokens(metadata: ServerMetadata, profile: Profile) -> Iterator[AuditRow]:
    if profile.sender_constraint_required:
        yield _row(
            profile.clause("sender_constraint_required"),
            f"tokens are bound by {_listed(profile.sender_constraints)}",
            *_binding(metadata, profile),
        )
    if "openid" in (metadata.strings("scopes_supported") or ()) or metadata.has(
        "id_token_signing_alg_values_supported"
    ):
        clause = profile.clause("signing_algorithms")
        yield _offers(metadata, "id_token_signing_alg_values_supported", profile.signing_algorithms, clause)
        yield _offers_no(
            metadata,
            "id_token_signing_alg_values_supported",
            {"none"},
            profile.clause("id_token_signature_required"),
        )
    if profile.signed_introspection_required:
        clause = profile.clause("signed_introspection_required")
        yield _present(metadata, "introspection_endpoint", clause)
        yield _offers(
            metadata, "introspection_signing_alg_values_supported", profile.signing_algorithms, clause
        )


def _binding(metadata: ServerMetadata, profile: Profile) -> tuple[bool, set[str]]:
    found: set[str] = set()
    if profile.signing_algorithms & set(metadata.strings("dpop_signing_alg_values_supported") or ()):
        found.add("dpop")
    if metadata.flag("tls_client_certificate_bound_access_tokens"):
        found.add("mtls")
    return bool(found & profile.sender_constraints), found


def _backchannel(metadata: ServerMetadata, profile: Profile) -> Iterator[AuditRow]:
    if not profile.backchannel_required:
        return
    clause = profile.clause("backchannel_required")
    yield _present(metadata, "backchannel_authentication_endpoint", clause)
    yield _offers(metadata, "grant_types_supported", {CIBA}, "CIBA 4c")
    yield _offers(metadata, "backchannel_token_delivery_modes_supported", {"poll"}, clause)
    forbidden = {"poll", "ping", "push"} - profile.backchannel_delivery_modes
    clause = profile.clause("backchannel_delivery_modes")
    yield _offers_no(metadata, "backchannel_token_delivery_modes_supported", forbidden, clause)


def _present(metadata: ServerMetadata, name: str, clause: str) -> AuditRow:
    return AuditRow(
        clause, f"{name} is listed", metadata.has(name), str(metadata.raw.get(name, "nothing"))[:200]
    )


def _flag(metadata: ServerMetadata, name: str, clause: str) -> AuditRow:
    return AuditRow(
        clause, f"{name} is true", metadata.flag(name), str(metadata.raw.get(name, "nothing"))[:200]
    )


def _offers(metadata: ServerMetadata, name: str, one_of: Iterable[str], clause: str) -> AuditRow:
    wanted, offered = set(one_of), set(metadata.strings(name) or ())
    return _row(clause, f"{name} has {_listed(wanted, 'one of ')}", bool(wanted & offered), offered)


def _offers_no(metadata: ServerMetadata, name: str, forbidden: set[str], clause: str) -> AuditRow:
    offered = set(metadata.strings(name) or ())
    return _row(clause, f"{name} has no {_listed(forbidden)}", not forbidden & offered, offered)


def _row(clause: str, requirement: str, holds: bool, found: Iterable[str]) -> AuditRow:
    return AuditRow(clause, requirement, holds, _listed(found) or "nothing")


def _listed(words: Iterable[str], several: str = "") -> str:
    ordered = sorted(words)
    return (several if len(ordered) > 1 else "") + ", ".join(ordered)
