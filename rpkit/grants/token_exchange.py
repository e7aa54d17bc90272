"""Token exchange: a token for another one, for the same user and, as a rule, for less.

A bound token is proven with its own key, which a token set has. A token that was received from somebody else has no
key here: the server decides whether this client may exchange it with a key of its own.

Spec: RFC 8693 2.1a, 2.1b, 2.1c, 2.2.1a, 2.2.1b, 2.2.2a, 3; RFC 8707 2; RFC 9396 6; RFC 9449 5
Role: C
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.secrets import Concealed, Secret
from fapikit.urns import ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, TOKEN_EXCHANGE
from rpkit.back_channel import Form
from rpkit.bank import Bank
from rpkit.errors import ForeignTransaction, NoAccessToken, WrongIssuedTokenType
from rpkit.grants.token_parameters import TokenParameters, asked_form
from rpkit.login.id_token import IdToken
from rpkit.tokens.dpop_key import DPoPKey
from rpkit.tokens.dpop_signer import new_dpop_key
from rpkit.tokens.token_endpoint import TokenResponse, request_tokens, require_scope_within
from rpkit.tokens.token_set import TokenKey, TokenSet, first_token_set, require_own

HandedIn: TypeAlias = TokenSet | IdToken | Concealed[str] | str
"""A token set of this client, an ID token of a login, or the text of an access token that was received."""

_ISSUED_TYPE: Final = "issued_token_type"


class ExchangeParameters(TokenParameters, total=False):
    """What a token exchange asks for. `audience`: the logical name of the API, at servers that use such names.

    `subject_token_type`, `actor_token_type`: the type of a token that is given as text, if it is no access token.
    `subject_resource`, `actor_resource`: which token of a token set that has several is meant.
    """

    audience: str
    actor_token: HandedIn
    subject_token_type: str
    actor_token_type: str
    subject_resource: str
    actor_resource: str


class _Token(NamedTuple):
    value: Secret
    type: str
    subject: str | None = None
    dpop: DPoPKey | None = None


def exchange(
    bank: Bank, subject_token: Concealed[HandedIn], parameters: Concealed[ExchangeParameters]
) -> Flow[TokenSet]:
    """The new access token, as a token set. Tokens of a set are proven with the key of that set.

    Raises ForeignTransaction, NoAccessToken, ConfigurationError before the call; PeerRefused with the words of the
    server; WrongIssuedTokenType for anything but an access token; UnaskedScope for more scope than was asked for;
    TokenResponseError, WrongTokenType, TransportError.
    """
    subject, actor = _read_tokens(bank, subject_token, parameters.reveal())
    dpop = _key_for(bank, subject, actor)
    form = _form(subject, actor, parameters.reveal())
    scope, resource = parameters.reveal().get("scope"), parameters.reveal().get("resource")
    response = yield from request_tokens(
        bank, TOKEN_EXCHANGE, form, dpop=dpop, resource=resource, asked_scope=None
    )
    _require_issued_type(response)
    require_scope_within(response, scope, "RFC 8693 2.2.1a")
    now = bank.now()
    token = response.access_token_at(now, resource=resource, scope=scope or "")
    further = {name: value for name, value in response.further_members.items() if name != _ISSUED_TYPE}
    return first_token_set(
        token,
        key=TokenKey(bank.random_string(), bank.issuer),
        client_id=bank.settings.client_id,
        subject=subject.subject,
        refresh_token=response.refresh_token,
        dpop=dpop,
        id_token_claims={},
        further_members=further,
        received_at=now,
    )


def _read_tokens(
    bank: Bank, subject_token: Concealed[HandedIn], asked: ExchangeParameters
) -> tuple[_Token, _Token | None]:
    subject = _read(
        bank,
        "subject_token",
        subject_token.reveal(),
        asked.get("subject_token_type"),
        asked.get("subject_resource"),
    )
    if "actor_token" not in asked:
        return subject, None
    actor = asked["actor_token"]
    return subject, _read(
        bank, "actor_token", actor, asked.get("actor_token_type"), asked.get("actor_resource")
    )


def _read(bank: Bank, name: str, given: HandedIn, token_type: str | None, resource: str | None) -> _Token:
    """The text of a token, its type, its subject and its key, as far as they are known."""
    if isinstance(given, TokenSet):
        require_own(given, bank.issuer, bank.settings.client_id)
        held = given.find(resource)
        if held is None and resource is None and len(given.access_tokens) > 1:
            raise ConfigurationError(
                f"{name} is a token set with tokens for several APIs: say which one with"
                f" {name.removesuffix('_token')}_resource",
                clause="RFC 8707 2.2",
                facts={"have": " ".join(given.resources)},
            )
        value = given.access_token_for(resource)
        if held is not None and not held.fresh(bank.now()):
            raise NoAccessToken(
                f"the access token of {name} has expired: refresh() gets a new one", clause="RFC 8693 2.1d"
            )
        return _Token(value, ACCESS_TOKEN_TYPE, given.subject, given.dpop)
    if isinstance(given, IdToken):
        if given.issuer != bank.issuer:
            raise ForeignTransaction(
                f"{name} is an ID token from another server: use the client of that server",
                facts={"expected": bank.issuer, "got": given.issuer},
            )
        return _Token(given.jwt, ID_TOKEN_TYPE, given.subject)
    text: object = given.reveal() if isinstance(given, Concealed) else given
    if not isinstance(text, str) or not text:
        raise ConfigurationError(
            f"{name} is no token: give a TokenSet, an IdToken, or the text of a token", clause="RFC 8693 2.1a"
        )
    return _Token(Secret(text), token_type or ACCESS_TOKEN_TYPE)


def _key_for(bank: Bank, subject: _Token, actor: _Token | None) -> DPoPKey | None:
    """The key to prove: that of the tokens, or a new one. Raises ConfigurationError if they have two different keys."""
    keys = {
        each.dpop.jkt: each.dpop for each in (subject, actor) if each is not None and each.dpop is not None
    }
    if len(keys) > 1:
        raise ConfigurationError(
            "subject_token and actor_token are bound to different DPoP keys, and a request proves one: set dpop_signer,"
            " so that all tokens of this client have one key",
            clause="RFC 9449 5",
        )
    return next(iter(keys.values()), None) or new_dpop_key(bank)


def _form(subject: _Token, actor: _Token | None, asked: ExchangeParameters) -> Form:
    form: Form = (("subject_token", subject.value), ("subject_token_type", subject.type))
    if actor is not None:
        form = (*form, ("actor_token", actor.value), ("actor_token_type", actor.type))
    if "audience" in asked:
        form = (*form, ("audience", asked["audience"]))
    return (*form, *asked_form(asked.get("scope"), asked.get("authorization_details", ())))


def _require_issued_type(response: TokenResponse) -> None:
    """Check that an access token was issued: nothing else can call an API."""
    issued = response.further_members.get(_ISSUED_TYPE)
    if issued == ACCESS_TOKEN_TYPE:
        return
    what = "is missing" if issued is None else "names another type"
    error = WrongIssuedTokenType(
        f"{_ISSUED_TYPE} of the token response {what}: it must be {ACCESS_TOKEN_TYPE}; the token is not used",
        facts={"expected": ACCESS_TOKEN_TYPE, "got": str(issued)[:100]},
    )
    error.outcome = response.refresh_token
    raise error
