"""What every request that a user decides has in common: which parameters it may have, and their values.

Spec: RFC 8707 2a; RFC 9396 2, 5; OIDC 3.1.2.1, 5.5.1; FAPI2-SP 5.3.3.2-4; FAPI1-ADV 5.2.3.1-1
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import urlsplit

from fapikit.claim_requests import faults_in
from fapikit.errors import ConfigurationError
from rpkit.bank import Bank

_OURS: Final = frozenset(
    [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "dpop_jkt",
        "nonce",
        "redirect_uri",
        "request",
        "request_uri",
        "state",
    ]
)
_ELSEWHERE: Final = {
    "resource": "give {method}() resources=[...], and the call that ends the login the first of them as resource=",
    "response_mode": "set it where the client is made",
}
_ALIKE: Final = 0.85


def check_parameters(parameters: Mapping[str, Any], known: type, *, method: str) -> None:
    """Raises ConfigurationError for a parameter that `method` does not take, or that could not be verified later.

    `known`: the TypedDict of its further parameters.
    """
    max_age = parameters.get("max_age")
    if max_age is not None and (type(max_age) is not int or max_age < 0):
        raise ConfigurationError(
            f"max_age is {max_age!r}: give a whole number of seconds, 0 or more", clause="OIDC 3.1.2.1"
        )
    claims = parameters.get("claims")
    for member, rule in () if claims is None else faults_in(claims):
        raise ConfigurationError(f"{member} {rule}", clause="OIDC 5.5.1", facts={"member": member})
    for name, instead in _ELSEWHERE.items():
        if name in parameters:
            raise ConfigurationError(
                f"{name} is not a parameter of {method}(): {instead.format(method=method)}",
                facts={"parameter": name},
            )
    ours = {"authorization_details", "resources", "scope", *known.__annotations__}
    for name in parameters.keys() - ours:
        # Any other name is sent to the server, which ignores an unknown one. So a misspelt name is found here.
        if like := get_close_matches(name, ours, 1, _ALIKE):
            raise ConfigurationError(
                f"{name} is not a parameter of {method}(): did you mean {like[0]}?", facts={"parameter": name}
            )
    set_by_caller = sorted(_OURS & parameters.keys())
    if set_by_caller:
        raise ConfigurationError(
            f"{method}() makes {', '.join(set_by_caller)} itself, new for each request: leave it out",
            clause="FAPI2-SP 5.3.3.2-4",
        )


def require_verifiable_id_token(bank: Bank) -> None:
    """An ID token that could not be verified is not requested. Raises MissingMetadata."""
    bank.algorithms(bank.settings.id_token_signed_response_alg, "id_token_signing_alg_values_supported")
    bank.key_source()


def claims_with_levels(bank: Bank, openid: bool, parameters: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The `claims` parameter, with the levels asked for as an essential `acr` where the profile wants that."""
    claims: Mapping[str, Any] | None = parameters.get("claims")
    levels = words_of_parameter("acr_values", parameters.get("acr_values"))
    if not levels or not bank.profile.acr_essential:
        return claims
    bank.profile.require(
        openid, "acr_values are held against an ID token: ask for the scope openid", "acr_essential"
    )
    if not bank.metadata.flag("claims_parameter_supported", default=True):
        return claims
    of_id_token = (claims or {}).get("id_token") or {}
    acr = {"essential": True, "values": list(levels)}
    return {**(claims or {}), "id_token": {"acr": acr, **of_id_token}}


def typed_details(bank: Bank, details: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The objects, each with a `type`. If the server lists types, `type` must be one of them."""
    found = (
        (details,) if isinstance(details, Mapping) else items_of_parameter("authorization_details", details)
    )
    listed = bank.metadata.strings("authorization_details_types_supported")
    for detail in found:
        kind = detail.get("type") if hasattr(detail, "get") else None
        if not isinstance(kind, str) or not kind:
            raise ConfigurationError(
                "authorization_details has an item without a type: give a list of objects, each with a type",
                clause="RFC 9396 2",
            )
        if listed is not None and kind not in listed:
            raise ConfigurationError(
                f"{bank.issuer} does not support authorization_details of type {kind}: it lists {', '.join(listed)}",
                clause="RFC 9396 5",
                facts={"type": kind},
            )
    return found


def absolute_resources(resources: Iterable[str]) -> tuple[str, ...]:
    """The resources, each an absolute URI without fragment. Raises ConfigurationError."""
    found = (resources,) if isinstance(resources, str) else items_of_parameter("resources", resources)
    for resource in found:
        if not isinstance(resource, str) or not urlsplit(resource).scheme or "#" in resource:
            raise ConfigurationError(
                f"the resource {resource!r} is not an absolute URI without fragment: correct resources",
                clause="RFC 8707 2a",
                facts={"resource": resource},
            )
    return found


def words_of_parameter(name: str, value: str | Iterable[str] | None) -> tuple[str, ...]:
    """A parameter of words, given as a string with spaces or as several; None: no word. Raises ConfigurationError."""
    words = value.split() if isinstance(value, str) else items_of_parameter(name, value)
    if not all(isinstance(word, str) for word in words):
        raise ConfigurationError(
            f"{name} is {value!r}: give a string, or a list of strings", facts={"parameter": name}
        )
    return tuple(words)


def scope_of(scope: str | Iterable[str]) -> str:
    """The scope as it is sent: a string exactly as it was given. Raises ConfigurationError."""
    if scope is None:
        raise ConfigurationError(
            "scope is None: give a string, or a list of strings", facts={"parameter": "scope"}
        )
    return scope if isinstance(scope, str) else " ".join(words_of_parameter("scope", scope))


def items_of_parameter(name: str, value: Any) -> tuple[Any, ...]:
    """The items of a parameter that is a list; None: no item. Raises ConfigurationError."""
    if value is None:
        return ()
    try:
        return tuple(value)
    except TypeError:
        pass
    raise ConfigurationError(f"{name} is {value!r}: give a list", facts={"parameter": name})
