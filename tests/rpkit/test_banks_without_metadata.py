"""Banks that publish no metadata, or publish it elsewhere than the specification has it: said explicitly, then held to
the same rules."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fapikit import PrivateKeyJWT, ServerMetadata
from fapikit.errors import (
    ConfigurationError,
    FapiError,
    ForbiddenByProfile,
    InsecureUrl,
    IssuerMismatch,
    MalformedMessage,
    MissingMetadata,
    Remedy,
    UnexpectedStatus,
)
from rpkit import AsyncClient, Client, RegisteredBank, Registry
from tests.keys import a_key
from tests.mothers.bank_server import served
from tests.mothers.clients import CLIENT_KEY, Clients
from tests.mothers.fake_bank import CLIENT_ID, REDIRECT_URI, FakeBank, Seen
from tests.rpkit.logins import api_of, signed_in


class SilentBank(FakeBank):
    """Its endpoints are in its documentation alone."""

    def route(self, call: Seen) -> Any:
        return (404, {}, b"<html>") if ".well-known" in call.path else super().route(call)


def described(bank: FakeBank, **changes: Any) -> ServerMetadata:
    """What a developer writes down from a bank's documentation."""
    members = {
        "authorization_endpoint": bank.url("authorize"),
        "token_endpoint": bank.url("token"),
        "pushed_authorization_request_endpoint": bank.url("par"),
        "jwks_uri": bank.url("jwks"),
        **changes,
    }
    return ServerMetadata(bank.issuer, {name: value for name, value in members.items() if value is not None})


def arguments(bank: FakeBank, **changes: Any) -> dict[str, Any]:
    given = {
        "client_id": CLIENT_ID,
        "auth": PrivateKeyJWT(a_key(*CLIENT_KEY)),
        "redirect_uri": REDIRECT_URI,
        "http": bank.http(),
        "clock": bank.clock,
        "id_token_signed_response_alg": "ES256",
    }
    return {**given, **changes}


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_login_at_a_bank_that_is_described_by_hand(kind: Any) -> None:
    bank = SilentBank()
    client = kind(metadata=described(bank), **arguments(bank))
    assert client.issuer == bank.issuer
    assert client.metadata == described(bank)

    def login() -> Any:
        start = client.begin(scope="openid accounts")
        return client.complete(bank.authorize(start.url), start.transaction)

    async def alogin() -> Any:
        start = await client.begin(scope="openid accounts")
        return await client.complete(bank.authorize(start.url), start.transaction)

    done = asyncio.run(alogin()) if kind is AsyncClient else login()
    assert done.id_token.subject == "alice"
    assert not [call for call in bank.seen if ".well-known" in call.path], (
        "nothing is asked for that is not there"
    )


def test_over_a_socket() -> None:
    with served(SilentBank()) as bank:
        with pytest.raises(UnexpectedStatus, match="metadata=ServerMetadata") as refused:
            Client.discover(bank.issuer, **arguments(bank, http=None))
        assert refused.value.remedy is Remedy.FIX_CONFIGURATION
        with Client(metadata=described(bank), **arguments(bank, http=None)) as client:
            tokens = signed_in(client, bank).tokens
            assert client.refresh(tokens).version == 2
            with api_of(client, bank, tokens, base_url=bank.api_origin, transport=None) as api:
                assert api.get("/accounts").status_code == 200


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], type[FapiError]]] = {
    "no token endpoint": ({"token_endpoint": None}, {}, MissingMetadata),
    "a token endpoint in clear text": ({"token_endpoint": "http://bank.example/token"}, {}, InsecureUrl),
    "no PAR under FAPI 2": ({"pushed_authorization_request_endpoint": None}, {}, MissingMetadata),
    "PAR in clear text, where it may be left out": (
        {"pushed_authorization_request_endpoint": "http://bank.example/par"},
        {"profile": "oauth-2.1"},
        InsecureUrl,
    ),
    "keys in clear text": ({"jwks_uri": "http://bank.example/jwks"}, {}, InsecureUrl),
    "a flag that is neither": (
        {"authorization_response_iss_parameter_supported": "perhaps"},
        {},
        MalformedMessage,
    ),
    "what the profile forbids": ({}, {"sender_constraint": None}, ForbiddenByProfile),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_description_is_held_to_the_rules_of_a_document(kind: Any, what: str) -> None:
    changes, options, error = REFUSED[what]
    bank = SilentBank()
    with pytest.raises(error):
        kind(metadata=described(bank, **changes), **arguments(bank, **options))


@pytest.mark.parametrize("metadata", [None, {}, "https://bank.example"])
def test_what_is_no_description_is_said_to_be_none(metadata: Any) -> None:
    with pytest.raises(ConfigurationError, match="ServerMetadata"):
        Client(metadata=metadata, **arguments(SilentBank()))


def test_an_algorithm_that_no_document_lists_has_to_be_said() -> None:
    bank = SilentBank()
    client = Client(metadata=described(bank), **arguments(bank, id_token_signed_response_alg=None))
    with pytest.raises(MissingMetadata, match="set id_token_signed_response_alg"):
        client.begin(scope="openid")


# --- Metadata elsewhere --------------------------------------------------------------------------

ELSEWHERE = "https://docs.example/openid.json"


class ElsewhereBank(FakeBank):
    """Its metadata is published by somebody else, and names the issuer that its tokens name."""

    def respond(self, method: str, url: str, *rest: Any) -> Any:
        if url == ELSEWHERE:
            return super().respond(method, self.url(".well-known/openid-configuration"), *rest)
        return (404, {}, b"") if ".well-known" in url else super().respond(method, url, *rest)


def test_an_issuer_whose_metadata_lies_elsewhere(clients: Clients) -> None:
    bank = ElsewhereBank()
    with pytest.raises(UnexpectedStatus, match="metadata_url="):
        clients.of(bank)
    client = clients.of(bank, metadata_url=ELSEWHERE)
    assert signed_in(client, bank).id_token.issuer == bank.issuer


def test_it_is_believed_only_if_it_names_that_issuer(clients: Clients) -> None:
    bank = ElsewhereBank()
    bank.faults["metadata"] = lambda m: {**m, "issuer": "https://docs.example"}
    with pytest.raises(IssuerMismatch, match=r"metadata_url='https://docs\.example/openid\.json'"):
        clients.of(bank, metadata_url=ELSEWHERE)


# --- In a registry -------------------------------------------------------------------------------


def registered(bank: FakeBank, **changes: Any) -> RegisteredBank:
    given = arguments(bank)
    options = {"clock": given.pop("clock"), "id_token_signed_response_alg": "ES256"}
    del given["id_token_signed_response_alg"]
    return RegisteredBank(issuer=bank.issuer, options=options, **{**given, **changes})


def test_banks_of_a_registry_may_be_described_or_publish_elsewhere() -> None:
    silent, elsewhere = SilentBank(), ElsewhereBank(issuer="https://two.example/")
    banks = Registry(
        {
            "silent": registered(silent, metadata=described(silent)),
            "elsewhere": registered(
                elsewhere, metadata_url=ELSEWHERE, redirect_uri="https://fintech.example/two"
            ),
        }
    )
    for name, bank in (("silent", silent), ("elsewhere", elsewhere)):
        client = banks.client(name)
        start = client.begin(scope="openid")
        assert client.complete(bank.authorize(start.url), start.transaction).id_token.subject == "alice"
        assert asyncio.run(banks.async_client(name)).issuer == bank.issuer


def test_a_description_of_another_bank_is_refused() -> None:
    bank, other = SilentBank(), SilentBank(issuer="https://two.example/")
    with pytest.raises(ConfigurationError):
        registered(bank, metadata=described(other))
    with pytest.raises(ConfigurationError):
        registered(bank, metadata=described(bank), metadata_url=ELSEWHERE)
