"""The authorization response: read it, then verify its mode, its issuer, its state, and only then its error.

`complete` takes the whole callback, never a code alone: the other parameters show whether the response is genuine or
part of an attack. Only what `verify_callback` returns can be exchanged for tokens.

Every error message includes `error` and `error_description` of the server, also if an earlier check refuses the
response. A developer searches for these words. They decide nothing.

Spec: RFC 9207 2.4, 4; RFC 6749 4.1.2; FAPI2-SP 5.3.3.2-5, 6.5; FAPI1-BL 5.2.3-4; JARM 2.3; RFC 9700 2.1c, 4.4.2
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import urlencode, urlsplit

from fapikit.clauses import clause_in_force
from fapikit.errors import MalformedMessage, Remedy
from fapikit.flow import Flow
from fapikit.parameters import Parameters, parse_parameters
from fapikit.peer_words import PeerWords, is_error_code, words_of
from fapikit.secrets import Concealed, Secret
from fapikit.urls import without_query
from rpkit.bank import Bank
from rpkit.errors import (
    AuthorizationRefused,
    AuthorizationResponseError,
    MissingCode,
    MissingResponseIssuer,
    MissingState,
    WrongRedirectUri,
    WrongResponseIssuer,
    WrongResponseMode,
    WrongState,
)
from rpkit.login.hybrid import verify_detached_signature
from rpkit.login.id_token import IdToken
from rpkit.login.jarm import verify_jarm
from rpkit.login.report import LoginReport
from rpkit.login.transaction import Transaction, require_own, use_once
from rpkit.settings import JARM_MODES

Callback: TypeAlias = str | bytes | Mapping[str, str]
"""The whole URL as text; or the form of a form_post, as octets or already parsed and without duplicates."""

_RESPONSE: Final = frozenset(
    [
        "code",
        "state",
        "iss",
        "error",
        "error_description",
        "error_uri",
        "response",
        "id_token",
        "access_token",
        "token_type",
    ]
)
_IN_FRAGMENT: Final = frozenset({"fragment", "fragment.jwt"})
_IN_FORM: Final = frozenset({"form_post", "form_post.jwt"})
_BRAND: Final = object()
_USER_DID_NOT: Final = frozenset(
    {
        "access_denied",
        "account_selection_required",
        "consent_required",
        "interaction_required",
        "login_required",
        "unmet_authentication_requirements",
    }
)
"""A user who signs in again may do otherwise, or sign in as strongly as was asked."""
_TRY_LATER: Final = frozenset({"server_error", "temporarily_unavailable"})


@dataclass(frozen=True, slots=True)
class VerifiedCallback:
    """A response that was verified. Only `verify_callback` makes one."""

    code: Secret
    transaction: Transaction
    artefact: Secret | None
    """The signed response, or the ID token that signs the response, exactly as it came."""
    id_token: IdToken | None
    """The ID token that came with the response."""
    brand: object = field(repr=False, default=None)

    def __post_init__(self) -> None:
        if self.brand is not _BRAND:
            raise TypeError("a VerifiedCallback is made by verify_callback alone")


def verify_callback(
    bank: Bank, callback: Concealed[Callback], transaction: Transaction, report: LoginReport
) -> Flow[VerifiedCallback]:
    """Raises a TransactionError, an AuthorizationResponseError, a JwtError; StoreError if the store does not answer."""
    require_own(bank, transaction)
    parameters = read_callback(callback.reveal(), transaction)
    redirected = clause_in_force("FAPI1-BL 5.2.3-4", bank.profile)
    report.passed("response mode and redirect URI are the requested ones", f"JARM 2.3; {redirected}")
    artefact = None
    if transaction.response_mode in JARM_MODES:
        artefact = _only_signed(parameters)
        found = yield from verify_jarm(bank, artefact, report)
    else:
        found = _only_plain(parameters, transaction)
    _check_issuer(bank, found, report)
    _check_state(found, transaction, report)
    code, id_token = found.secret("code"), None
    if transaction.hybrid and code is not None and "error" not in found:
        # Before the transaction is marked as used: a response that the bank did not sign must not end a login.
        artefact = found.secret("id_token")
        id_token = yield from verify_detached_signature(bank, artefact, transaction, code=code, report=report)
    yield from use_once(bank, transaction)
    report.passed("first response of this transaction", "RFC 9700 4.2.4")
    _refuse_error(found)
    if code is None:
        raise MissingCode(f"the response has neither code nor error{peer_error(found)}")
    return VerifiedCallback(code, transaction, artefact, id_token, _BRAND)


def read_callback(callback: Callback, transaction: Transaction) -> Parameters:
    """The parameters of the response, if it has the requested response mode and no other.

    Raises WrongResponseMode, WrongRedirectUri; MalformedMessage for duplicates.
    """
    mode = transaction.effective_response_mode
    if not isinstance(callback, str):
        form = parse_parameters(callback if isinstance(callback, bytes) else urlencode(_pairs(callback)))
        return _require_mode("form_post", mode in _IN_FORM, form)
    try:
        parts = urlsplit(callback)
    except ValueError:
        raise MalformedMessage(
            "the callback is not a URL: give complete() the whole URL, or the form", clause="RFC 6749 4.1.2"
        ) from None
    _check_address(callback, transaction.redirect_uri)
    own_query = parse_parameters(urlsplit(transaction.redirect_uri).query)
    query, fragment = parse_parameters(parts.query), parse_parameters(parts.fragment)
    in_query = _RESPONSE & query.keys() - own_query.keys()
    in_fragment = _RESPONSE & fragment.keys()
    if mode in _IN_FORM:
        return _require_mode("query or fragment", False, query)
    # A response in query and fragment at once is wrong in each mode.
    if mode in _IN_FRAGMENT:
        _require_mode("query", not in_query, query)
        return fragment
    _require_mode("fragment", not in_fragment, fragment)
    return query


def _pairs(form: Mapping[str, str]) -> list[tuple[str, str]]:
    """Every field of a form. The form of a web framework gives one value for each name, and all with `getlist`."""
    every = getattr(form, "getlist", None)
    return [(name, value) for name in form for value in ([form[name]] if every is None else every(name))]


def _require_mode(came_in: str, right: bool, parameters: Parameters) -> Parameters:
    if not right:
        hint = (
            ": if it came in a query, give complete() the whole URL as text" if came_in == "form_post" else ""
        )
        raise WrongResponseMode(
            f"the response came as {came_in}, which was not requested{hint}{peer_error(parameters)}",
            facts={"came_in": came_in},
        )
    return parameters


def _check_address(callback: str, redirect_uri: str) -> None:
    """Raises WrongRedirectUri if the part before the query is not that of the redirect URI.

    For a callback that is given as path and query, only the path is compared.
    """
    arrived, own = urlsplit(callback), urlsplit(redirect_uri)
    same = arrived.path == own.path
    if arrived.scheme or arrived.netloc:
        same = same and (arrived.scheme, arrived.netloc) == (own.scheme, own.netloc)
    if not same:
        # If a caller gives the code alone, the code is in the place of the path. It must not be in a message.
        got = without_query(callback)[:200] if arrived.path[:1] in ("", "/") else "(no URL)"
        quoted = ""
        with suppress(MalformedMessage):
            quoted = peer_error(parse_parameters(arrived.query))
        raise WrongRedirectUri(
            "the response arrived at another URL than the redirect URI of this login: give complete() the public URL,"
            f" or its path and query{quoted}",
            facts={"expected": redirect_uri, "got": got},
        )


def _only_signed(parameters: Parameters) -> Secret:
    """The only parameter of a signed response. A plain response is a downgrade, and is refused."""
    response = parameters.secret("response")
    beside = sorted((_RESPONSE - {"response"}) & parameters.keys())
    if response is None or beside:
        raise WrongResponseMode(
            "a signed response was requested, and "
            + (f"{', '.join(beside)} came unsigned" if beside else "none came")
            + peer_error(parameters),
            clause="FAPI2-MS 5.4.2-2",
            facts={"beside": " ".join(beside)},
        )
    return response


def _only_plain(parameters: Parameters, transaction: Transaction) -> Parameters:
    strays = sorted(
        ({"response", "id_token", "access_token"} - set(transaction.response_type.split()))
        & parameters.keys()
    )
    if strays:
        raise WrongResponseMode(
            f"{', '.join(strays)} came, which the requested response does not have{peer_error(parameters)}",
            facts={"beside": " ".join(strays)},
        )
    return parameters


def _check_issuer(bank: Bank, found: Parameters, report: LoginReport) -> None:
    iss = found.get("iss")
    announced = bank.metadata.flag("authorization_response_iss_parameter_supported")
    if iss is None:
        if announced or bank.profile.iss_in_response_required:
            clause = None if announced else bank.profile.clause("iss_in_response_required")
            raise MissingResponseIssuer(
                "the response has no iss: give complete() the whole callback; if the server sends no iss, use"
                " another profile" + peer_error(found),
                clause=clause,
            )
        report.skipped(
            "iss of the response",
            "RFC 9207 2.4b",
            "the metadata do not announce it, the profile does not demand it",
        )
        return
    if iss != bank.issuer:
        raise WrongResponseIssuer(
            f"the response is from another server than the one that this login was sent to{peer_error(found)}",
            facts={"expected": bank.issuer, "got": iss[:200]},
        )
    report.passed("iss of the response", "RFC 9207 2.4a")


def _check_state(found: Parameters, transaction: Transaction, report: LoginReport) -> None:
    state = found.get("state")
    if state is None:
        raise MissingState(f"the response has no state{peer_error(found)}")
    if not transaction.state.matches(state):
        raise WrongState(
            f"the state of the response is that of another login than this browser's{peer_error(found)}"
        )
    report.passed("state", "RFC 9700 2.1c")


def _refuse_error(found: Parameters) -> None:
    error = found.get("error")
    if error is None:
        return
    if "code" in found or not is_error_code(error):
        raise AuthorizationResponseError(
            f"the error in the response is malformed, or came together with a code{peer_error(found)}",
            clause="RFC 6749 4.1.2.1",
        )
    remedy = Remedy.FIX_CONFIGURATION
    if error in _USER_DID_NOT:
        remedy = Remedy.SIGN_IN_AGAIN
    elif error in _TRY_LATER:
        remedy = Remedy.RETRY_LATER
    raise AuthorizationRefused(peer_code=error, remedy=remedy, peer_description=_words(found).description)


def peer_error(parameters: Parameters) -> str:
    """The end of an error message: the unverified `error` and `error_description` of the response, if it has them."""
    words = _words(parameters)
    return f"; its error is {words}" if words else ""


def _words(parameters: Parameters) -> PeerWords:
    return words_of({name: parameters.get(name) for name in ("error", "error_description")})
