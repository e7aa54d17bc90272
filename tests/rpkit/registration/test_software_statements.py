"""A directory's software statement in a registration: checked before it is sent, and compared with what came of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from askit.pytest_plugin.running import RunningServer
from fapikit import profile_of
from fapikit.errors import ConfigurationError, ForbiddenByProfile, PeerRefused
from fapikit.metadata import read_metadata
from rpkit import AsyncClient, Client, Registration, SignedRequest
from rpkit.errors import RegistrationError
from rpkit.registration.registration import register
from tests.clocks import FrozenClock
from tests.hands import Hand, answer
from tests.keys import a_key, b64, claims_of, mint

DIRECTORY, DIRECTORY_KEY = "https://directory.example", a_key("ES256", 41)
CALLBACK = "https://fintech.example/callback"
SERVER = read_metadata(
    "https://bank.example",
    {"issuer": "https://bank.example", "registration_endpoint": "https://bank.example/register"},
)
SAID: dict[str, Any] = {
    "iss": DIRECTORY,
    "iat": 1_700_000_000,
    "software_id": "software-1",
    "client_name": "The Vouched Fintech",
    "redirect_uris": [CALLBACK],
    "token_endpoint_auth_method": "private_key_jwt",
}
STATEMENT = mint(SAID, DIRECTORY_KEY)
ASKED: dict[str, Any] = {
    "software_statement": STATEMENT,
    "id_token_signed_response_alg": "ES256",
    "jwks": {"keys": [dict(a_key().public_jwk)]},
}
GIVEN: dict[str, Any] = {
    **{k: v for k, v in SAID.items() if k not in ("iss", "iat")},
    **ASKED,
    "client_id": "c1",
}


def registered(
    asked: Mapping[str, Any], given: Mapping[str, Any], **options: Any
) -> tuple[Registration, Any]:
    hand = Hand(answer(dict(given), 201))
    result = hand.run(register(SERVER, asked, profile=profile_of("fapi2-security"), **options))
    return result, hand.requests[0]


@pytest.mark.spec("RFC 7591 2.3", "RFC 7591 3.1.1")
def test_the_statement_is_sent_as_it_is_and_fills_what_the_request_leaves_out() -> None:
    result, request = registered(ASKED, GIVEN)
    assert json.loads(request.body) == ASKED
    assert result.metadata["software_statement"] == STATEMENT


def test_a_signed_request_takes_its_issuer_from_the_statement() -> None:
    signed = SignedRequest(signer=a_key(), clock=FrozenClock())
    _, request = registered(ASKED, GIVEN, signed=signed)
    claims = claims_of(request.body.decode())
    assert (claims["iss"], claims["software_statement"]) == ("software-1", STATEMENT)


@pytest.mark.spec("RFC 7591 3.2.1")
@pytest.mark.parametrize(
    ("given", "member"),
    [
        (
            {"software_statement": mint({**SAID, "software_id": "software-2"}, DIRECTORY_KEY)},
            "software_statement",
        ),
        ({"redirect_uris": ["https://evil.example/"]}, "redirect_uris"),
        ({"redirect_uris": None}, "redirect_uris"),
        ({"token_endpoint_auth_method": "none"}, "token_endpoint_auth_method"),
    ],
)
def test_what_was_registered_against_the_statement_is_refused_and_not_lost(
    given: dict[str, Any], member: str
) -> None:
    with pytest.raises(RegistrationError) as caught:
        registered({**ASKED, "redirect_uris": ["https://fintech.example/other"]}, {**GIVEN, **given})
    assert caught.value.facts["member"] == member
    kept = Registration.kept_in(caught.value)
    assert kept is not None
    assert kept.client_id == "c1"


@pytest.mark.spec("RFC 7591 3.1.1")
def test_a_server_that_ignores_the_statement_is_told_of_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    given = {name: value for name, value in GIVEN.items() if name != "software_statement"}
    with caplog.at_level(logging.INFO, "fapikit.peer"):
        assert registered(ASKED, given)[0].client_id == "c1"
    assert "has ignored" in caplog.text


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"token_endpoint_auth_method": "client_secret_basic"}, ForbiddenByProfile),
        ({"redirect_uris": ["http://fintech.example/"]}, ForbiddenByProfile),
        ({"id_token_signed_response_alg": "RS256"}, ForbiddenByProfile),
    ],
)
def test_a_statement_that_the_profile_forbids_is_not_sent(
    said: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        registered({**ASKED, "software_statement": mint({**SAID, **said}, DIRECTORY_KEY)}, {})


def test_the_keys_of_the_statement_replace_those_of_the_request() -> None:
    statement = mint({**SAID, "jwks_uri": "https://directory.example/keys"}, DIRECTORY_KEY)
    assert registered({**ASKED, "software_statement": statement}, {**GIVEN, "software_statement": statement})


@pytest.mark.parametrize(
    "statement",
    [7, None, "", "no JWT", "a.b", "a.!.c", f"a.{b64(b'[]')}.c", f"a.{b64(b'{}')}.c", STATEMENT + ".x"],
)
def test_what_is_no_statement_is_not_sent(statement: object) -> None:
    with pytest.raises(ConfigurationError, match="software_statement"):
        registered({**ASKED, "software_statement": statement}, {})


class TestAtAskit:
    """Over real sockets."""

    @pytest.fixture
    def askit_settings(self) -> Mapping[str, Any]:
        trust = {"issuer": DIRECTORY, "jwks": {"keys": [dict(DIRECTORY_KEY.public_jwk)]}}
        return {
            "initial_access_token": "open-sesame",
            "registration": {"scopes": ["openid", "accounts"], "software_statement_required": True},
            "software_statement_issuers": [trust],
        }

    def _registered(self, askit: RunningServer[Any], asked: Mapping[str, Any]) -> Registration:
        return Client.register(askit.issuer, asked, initial_access_token="open-sesame", http=askit.http())

    def test_it_is_registered_updated_and_refused(self, askit: RunningServer[Any]) -> None:
        first = self._registered(askit, {**ASKED, "client_name": "Another"})
        assert first.metadata["client_name"] == "The Vouched Fintech"
        assert first.metadata["software_statement"] == STATEMENT
        renamed = mint({**SAID, "client_name": "Renamed"}, DIRECTORY_KEY)
        second = Client.update_registration(
            first, {**first.metadata, "software_statement": renamed}, http=askit.http()
        )
        assert second.metadata["client_name"] == "Renamed"
        assert second.metadata["software_statement"] == renamed
        forged, unknown = (
            mint(SAID, a_key("ES256", 42)),
            mint({**SAID, "iss": "https://x.example"}, DIRECTORY_KEY),
        )
        for statement, code in ((forged, "invalid"), (unknown, "unapproved")):
            with pytest.raises(PeerRefused, match=f"{code}_software_statement"):
                self._registered(askit, {**ASKED, "software_statement": statement})
            with pytest.raises(PeerRefused, match=f"{code}_software_statement"):
                Client.update_registration(
                    second, {**second.metadata, "software_statement": statement}, http=askit.http()
                )
        assert Client.read_registration(second, http=askit.http()).metadata == second.metadata

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    @pytest.mark.anyio
    async def test_with_asyncio(self, askit: RunningServer[Any], anyio_backend: str) -> None:
        found = await AsyncClient.register(
            askit.issuer, ASKED, initial_access_token="open-sesame", http=askit.http()
        )
        assert found.metadata["software_statement"] == STATEMENT
