"""What rpkit signs, and what it does with an answer, at a bank in memory. Over sockets: `tests/e2e`."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from http_message_signatures import HTTPMessageVerifier, algorithms
from http_message_signatures.resolvers import MappingKeyResolver

from fapikit.errors import ConfigurationError, ForbiddenByProfile, MissingHttpSignature, WrongDigest
from fapikit.http_signatures.content_digest import content_digest
from fapikit.http_signatures.fields import read_signature
from fapikit.http_signatures.messages import FieldLines
from rpkit import HttpSignatures
from rpkit.api.message_signing import SIGNATURE
from tests.keys import a_key
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank, Seen
from tests.rpkit.logins import ORIGIN, api_of, signed_in

KEY = a_key("ES256", 51)
SIGNING = HttpSignatures(signer=KEY, answers_signed=False)


def covered(call: Seen) -> list[str]:
    headers = FieldLines(call.headers.items())
    return [str(component) for component in read_signature(headers, "fapi-2-request").input.components]


def verified_by_hand(call: Seen) -> None:
    """The signature base of RFC 9421 2.5, written down here, and the signature by `cryptography` alone."""
    parameters = call.headers["signature-input"].removeprefix("request=")
    values = {"@method": call.method, "@target-uri": f"{ORIGIN}/accounts", **call.headers}
    names = [component.strip('"') for component in covered(call)]
    base = "".join(f'"{name}": {values[name]}\n' for name in names) + f'"@signature-params": {parameters}'
    octets = base64.b64decode(call.headers["signature"].removeprefix("request=").strip(":"))
    r, s = int.from_bytes(octets[:32], "big"), int.from_bytes(octets[32:], "big")
    public: Any = KEY.public_key.material
    public.verify(encode_dss_signature(r, s), base.encode(), ec.ECDSA(hashes.SHA256()))


class AtAnyTime(HTTPMessageVerifier):
    def validate_created_and_expires(self, *_: Any, **__: Any) -> None:
        """The clock of these tests stands still, and that of the library does not."""


def verified_by_another_library(call: Seen) -> None:
    keys = MappingKeyResolver(public_keys={KEY.kid: KEY.public_key.material}, private_keys={})  # type: ignore[dict-item]
    verifier = AtAnyTime(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=keys)
    message = SimpleNamespace(method=call.method, url=f"{ORIGIN}/accounts", headers=call.headers)
    (result,) = verifier.verify(message, expect_tag="fapi-2-request", body=call.body)
    assert result.label == "request"


@pytest.mark.spec(
    "FAPI2-HS 1.1-1", "RFC 9421 3.1",
    "FAPI2-HS 1.1-2", "FAPI2-HS 1.1-3", "FAPI2-HS 1.1-4", "FAPI2-HS 1.1-5", "FAPI2-HS 1.1-6", "FAPI2-HS 1.1-7",
    "FAPI2-HS 1.1-8",
)  # fmt: skip
def test_what_is_covered(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    signing = HttpSignatures(signer=KEY, answers_signed=False, fields=["X-Idempotency-Key", "x-absent"])
    with api_of(client, bank, login.tokens, message_signing=signing) as api:
        api.post("/accounts", json={"a": 1}, headers={"x-idempotency-key": "7"})
        api.get("/accounts")
    posted, got = bank.calls("accounts")[-2:]
    always = ['"@method"', '"@target-uri"', '"authorization"', '"dpop"']
    assert covered(posted) == [*always, '"content-digest"', '"content-type"', '"x-idempotency-key"']
    assert covered(got) == always
    assert posted.headers["content-digest"] == content_digest(posted.body)
    assert f'keyid="{KEY.kid}"' in posted.headers["signature-input"]
    assert "created=" in posted.headers["signature-input"]
    for call in (posted, got):
        verified_by_hand(call)
        verified_by_another_library(call)


def test_a_retry_is_signed_anew(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    with api_of(client, bank, login.tokens, message_signing=SIGNING) as api:
        bank.nonce = "changed meanwhile"
        before = len(bank.calls("accounts"))
        assert api.post("/accounts", json={"a": 1}).status_code == 200
    first, second = bank.calls("accounts")[before:]
    assert first.body == second.body
    assert first.headers["signature"] != second.headers["signature"]
    assert first.headers["dpop"] != second.headers["dpop"]
    assert len([name for name in second.headers if name == "signature"]) == 1


@pytest.mark.spec("FAPI2-HS 2.2-2")
def test_an_answer_that_is_not_signed_is_an_error_with_the_answer(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    for signing in (HttpSignatures(signer=KEY), HttpSignatures()):  # the keys are then those of the bank
        with (
            api_of(client, bank, login.tokens, message_signing=signing) as api,
            pytest.raises((MissingHttpSignature, WrongDigest)) as caught,
        ):
            api.get("/accounts")
        assert isinstance(caught.value.outcome, httpx.Response)
        assert caught.value.outcome.status_code == 200
        assert SIGNATURE not in caught.value.outcome.extensions
    assert "signature" not in bank.calls("accounts")[-1].headers


def test_a_body_that_is_a_stream_cannot_be_signed(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)

    def parts() -> Any:
        yield b"one"

    async def aparts() -> Any:
        yield b"one"

    before = len(bank.calls("accounts"))
    with (
        api_of(client, bank, login.tokens, message_signing=SIGNING) as api,
        pytest.raises(ConfigurationError, match="stream"),
    ):
        api.post("/accounts", content=parts() if clients.kind == "sync" else aparts())
    assert len(bank.calls("accounts")) == before


@pytest.mark.parametrize(
    "settings, named",
    [
        ({"answers_signed": False}, "signer="),
        ({"signer": "key"}, "signer="),
        ({"jwks_uri": "http://api.example/jwks"}, "jwks_uri="),
        ({"jwks_uri": "https://api.example/jwks", "jwks": {"keys": []}}, "jwks_uri="),
        ({"jwks": {"keys": []}}, "jwks="),
        ({"max_age": 0}, "max_age=0"),
        ({"max_age": 601}, "max_age=601"),
    ],
)
def test_a_setting_that_cannot_work_is_named(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        HttpSignatures(**settings)
    assert named in caught.value.message


def test_the_profile_decides_which_algorithm_signs(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    with pytest.raises(ForbiddenByProfile, match="ES384"):
        api_of(client, bank, login.tokens, message_signing=HttpSignatures(signer=a_key("ES384", 51)))


@pytest.mark.parametrize("fields", ["x-idempotency-key", [""]])
def test_fields_are_several_names(clients: Clients, bank: FakeBank, fields: Any) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    with pytest.raises(ConfigurationError, match="fields="):
        api_of(client, bank, login.tokens, message_signing=HttpSignatures(signer=KEY, fields=fields))
