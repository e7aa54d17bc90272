"""A request for verified claims: made from a few arguments, and held against what the server can give.

Spec: IDA 5.3, 5.4, 5.5.1, 5.5.2, 8, 9
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fapikit.claim_requests import VERIFIED_CLAIMS
from fapikit.errors import ConfigurationError
from fapikit.verified_claims.requested import (
    BrokenRequest,
    Element,
    Filters,
    Members,
    RequestedVerifiedClaims,
    read_requests,
    requests_in,
)
from rpkit.bank import Bank


def verified_claims_request(
    claims: Mapping[str, Any] | Iterable[str],
    *,
    trust_framework: str | Iterable[str] | None = None,
    assurance_level: str | Iterable[str] | None = None,
    max_age: int | None = None,
    evidence: Iterable[Mapping[str, Any]] = (),
    verification: Mapping[str, Any] | None = None,
    purpose: str | None = None,
) -> dict[str, Any]:
    """A value of `verified_claims` in a `claims` parameter. Make a list of several to ask under different rules.

    `claims`: the names of the claims, or a mapping of names to None or to `essential`, `value`, `values`, `max_age`,
    `purpose`. `trust_framework`, `assurance_level`: the values that are good enough; None asks for any framework, and
    for no level. `max_age`: seconds since the verification. `evidence`: filters, each with its `type`.
    `verification`: further elements. `purpose`: of every claim that has none of its own; the user reads it.

    Raises ConfigurationError.
    """
    names = (claims,) if isinstance(claims, str) else claims
    wishes = dict(names) if isinstance(names, Mapping) else dict.fromkeys(names)
    if purpose is not None:
        wishes = {name: _with_purpose(wish, purpose) for name, wish in wishes.items()}
    asked: dict[str, Any] = {"trust_framework": _one_of(trust_framework)}
    if assurance_level is not None:
        asked["assurance_level"] = _one_of(assurance_level)
    if max_age is not None:
        asked["time"] = {"max_age": max_age}
    if filters := [dict(item) for item in evidence]:
        asked["evidence"] = filters
    request = {"verification": {**asked, **(verification or {})}, "claims": wishes}
    try:
        read_requests(request)
    except BrokenRequest as broken:
        raise _refused(broken) from None
    return request


def _with_purpose(wish: Any, purpose: str) -> Any:
    if wish is None:
        return {"purpose": purpose}
    return {"purpose": purpose, **wish} if isinstance(wish, Mapping) else wish


def _one_of(values: str | Iterable[str] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {"value": values} if isinstance(values, str) else {"values": list(values)}


def check_verified_claims(bank: Bank, parameters: Mapping[str, Any], scope: str) -> None:
    """Raises ConfigurationError for verified claims that are asked for wrongly, or that this server cannot give."""
    try:
        requests = tuple(requests_in(parameters.get("claims")))
    except BrokenRequest as broken:
        raise _refused(broken) from None
    if not requests:
        return
    if "openid" not in scope.split():
        raise ConfigurationError(
            f"{VERIFIED_CLAIMS} needs the scope openid: add it to scope", clause="IDA 5.3"
        )
    if not bank.metadata.flag("claims_parameter_supported", default=True):
        raise _not_given(bank, "claims_parameter_supported", "verified claims", "it is false")
    for request in requests:
        _require_offered(bank, request)


def _require_offered(bank: Bank, request: RequestedVerifiedClaims) -> None:
    verification, path = request.verification.asked, request.path
    _require_one(
        bank,
        "trust_frameworks_supported",
        f"{path}.verification.trust_framework",
        verification["trust_framework"],
    )
    for name in request.claims:
        base = name.partition("#")[0]  # a claim may be asked for in a language (OIDC 5.2)
        listed = bank.metadata.strings("claims_in_verified_claims_supported") or ()
        if name not in listed and base not in listed:
            raise _not_given(
                bank, "claims_in_verified_claims_supported", f"{path}.claims.{name}", _words(listed)
            )
    evidence = verification.get("evidence")
    if isinstance(evidence, Filters):
        _require_evidence(bank, f"{path}.verification.evidence", evidence)


def _require_evidence(bank: Bank, path: str, evidence: Filters) -> None:
    """Filters are linked by or: one that the server can meet is enough. Raises ConfigurationError of the last one."""
    refusal: ConfigurationError | None = None
    for place, members in enumerate(evidence.any_of):
        try:
            _require_item(bank, f"{path}[{place}]", members)
        except ConfigurationError as error:
            refusal = error
        else:
            return
    if refusal is not None:
        raise refusal


def _require_item(bank: Bank, path: str, members: Members) -> None:
    kind = members.asked["type"]
    _require_one(bank, "evidence_supported", f"{path}.type", kind)
    of_type = kind.values[0] if isinstance(kind, Element) and kind.values else None
    if of_type == "document":
        _require_any(bank, "documents_supported", path, members, "document_details", "type")
        _require_any(
            bank, "documents_check_methods_supported", path, members, "check_details", "check_method"
        )
    if of_type == "electronic_record":
        _require_any(bank, "electronic_records_supported", path, members, "record", "type")


def _require_any(bank: Bank, listing: str, path: str, members: Members, inner: str, name: str) -> None:
    """Hold the values of an inner member against a list, if the server has that list."""
    if bank.metadata.strings(listing) is None:
        return
    node = members.asked.get(inner)
    wanted = [each for each in _within(node) if name in each.asked]
    faults = []
    for each in wanted:
        try:
            _require_one(bank, listing, f"{path}.{inner}.{name}", each.asked[name])
        except ConfigurationError as error:
            faults.append(error)
    if faults and len(faults) == len(wanted):
        raise faults[0]


def _within(node: object) -> Iterator[Members]:
    if isinstance(node, Members):
        yield node
    elif isinstance(node, Filters):
        yield from node.any_of


def _require_one(bank: Bank, listing: str, path: str, node: object) -> None:
    """One of the values that are good enough must be listed. A list that is absent has none (IDA 8)."""
    listed = bank.metadata.strings(listing) or ()
    values = node.values if isinstance(node, Element) else None
    if not listed or (values is not None and not set(listed).intersection(map(str, values))):
        raise _not_given(bank, listing, path, _words(listed))


def _words(listed: Iterable[str]) -> str:
    return f"it lists {', '.join(listed) or 'nothing'}"


def _not_given(bank: Bank, member: str, path: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{bank.issuer} cannot give {path} as it is asked for: {member} of its metadata: {why}",
        clause="IDA 8",
        facts={"member": member, "path": path},
    )


def _refused(broken: BrokenRequest) -> ConfigurationError:
    return ConfigurationError(
        f"{broken.path} {broken.what}", clause=broken.clause, facts={"member": broken.path}
    )
