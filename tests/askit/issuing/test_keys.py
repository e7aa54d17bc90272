"""This server's keys: made once, shared through the store, rotated so that nobody is surprised."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from askit import AuthorizationServer
from askit.issuing.decryption_keys import DecryptionKeys
from askit.issuing.keys import LOOK_AGAIN
from fapikit import MemoryStore, PrivateKey
from fapikit.errors import ConfigurationError, StoreForgot, Unreachable
from tests.askit.bank import Bank
from tests.askit.plain_client import PlainClient
from tests.clocks import CountingRandom
from tests.keys import a_key, header_of

pytestmark = pytest.mark.anyio


async def _kids(client: PlainClient) -> list[str]:
    return [key["kid"] for key in (await client.http.get("/jwks")).json()["keys"]]


@pytest.mark.spec("FAPI2-SP 6.8", "OIDC 10.1.1")
async def test_the_next_key_is_published_before_it_signs_and_the_old_one_after(
    bank: Bank, client: PlainClient
) -> None:
    current, upcoming = await _kids(client)
    assert header_of((await client.tokens())["id_token"])["kid"] == current
    await bank.server.core.keys.rotate()
    assert header_of((await client.tokens())["id_token"])["kid"] == upcoming
    published = await _kids(client)
    assert published[0] == upcoming
    assert current in published
    assert len(published) == 3


async def test_keys_rotate_by_age_and_retired_ones_leave_when_what_they_signed_has_expired(
    bank: Bank, client: PlainClient
) -> None:
    current, upcoming = await _kids(client)
    bank.clock.advance(bank.config.rotate_keys_after)
    assert (await _kids(client))[0] == upcoming
    assert current in await _kids(client)
    bank.clock.advance(bank.config.rotate_keys_after)
    assert current not in await _kids(client)


async def test_processes_share_keys_and_notice_a_rotation(bank: Bank, client: PlainClient) -> None:
    second = AuthorizationServer(bank.config, store=bank.store, clock=bank.clock)
    keys = await second.core.keys.jwks()
    assert [key["kid"] for key in keys["keys"]] == await _kids(client)
    assert await second.core.keys.secret() == await bank.server.core.keys.secret()
    await bank.server.core.keys.rotate()
    bank.clock.advance(LOOK_AGAIN)
    assert (await second.core.keys.signer()).kid == (await _kids(client))[0]


async def test_processes_that_start_at_once_make_one_set_of_keys(bank: Bank) -> None:
    store = MemoryStore(clock=bank.clock)
    servers = [AuthorizationServer(bank.config, store=store, clock=bank.clock) for _ in range(5)]
    await asyncio.gather(*(server.start() for server in servers))
    assert len({(await server.core.keys.signer()).kid for server in servers}) == 1


async def test_keys_of_a_file_are_used_as_they_stand() -> None:
    jwks = {"keys": [a_key("ES256", 40).to_private_jwk(), a_key("ES256", 41).to_private_jwk()]}
    bank = _bank_with(jwks)
    client = bank.client()
    assert await _kids(client) == ["ES256-40", "ES256-41"]
    assert header_of((await client.tokens())["id_token"])["kid"] == "ES256-40"
    metadata = (await client.http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["id_token_signing_alg_values_supported"] == ["ES256"]
    with pytest.raises(ConfigurationError, match="do not rotate"):
        await bank.server.core.keys.rotate()


async def test_the_key_set_never_shows_a_private_member(bank: Bank, client: PlainClient) -> None:
    await bank.server.core.keys.signer("PS256")
    await bank.server.core.keys.signer("Ed25519")
    keys = (await client.http.get("/jwks")).json()["keys"]
    assert {key["alg"] for key in keys} == {"ES256", "PS256", "Ed25519"}
    assert not any({"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys() for key in keys)


def test_a_file_without_a_key_for_the_algorithm_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="signing_alg"):
        _bank_with({"keys": [PrivateKey.generate("Ed25519", kid="x").to_private_jwk()]})


class Kms:
    """Signs with a key that only it has, until it is `down`."""

    local = False

    def __init__(self, key: PrivateKey) -> None:
        self.alg, self.kid, self.public_jwk = key.alg, key.kid, key.public_jwk
        self.down = False
        self._sign = key.sign

    def sign(self, signing_input: bytes) -> bytes:
        if self.down:
            raise Unreachable("the KMS does not answer")
        return self._sign(signing_input)


def _bank_of(*signers: Kms) -> Bank:
    bank = Bank()
    bank.server = AuthorizationServer(bank.config, store=bank.store, clock=bank.clock, signers=signers)
    return bank


async def test_keys_that_never_leave_a_kms_sign() -> None:
    kms, upcoming = Kms(a_key("ES256", 40)), Kms(a_key("ES256", 41))
    bank = _bank_of(kms, upcoming)
    client = bank.client()
    assert await _kids(client) == ["ES256-40", "ES256-41"]
    tokens = await client.tokens()
    assert {header_of(tokens[name])["kid"] for name in ("id_token", "access_token")} == {"ES256-40"}
    metadata = (await client.http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["id_token_signing_alg_values_supported"] == ["ES256"]
    with pytest.raises(ConfigurationError, match="do not rotate"):
        await bank.server.core.keys.rotate()


async def test_a_kms_that_does_not_answer_is_an_outage() -> None:
    kms = Kms(a_key("ES256", 40))
    client = _bank_of(kms).client()
    code = await client.code()
    kms.down = True
    assert (await client.redeem(code)).status_code == 503


def test_a_kms_beside_a_file_and_one_without_the_algorithm_are_refused(bank: Bank) -> None:
    kms = Kms(a_key("ES256", 40))
    jwks = {"keys": [a_key("ES256", 41).to_private_jwk()]}
    with pytest.raises(ConfigurationError, match="both given"):
        AuthorizationServer(replace(bank.config, signing_jwks=jwks), store=bank.store, signers=[kms])
    with pytest.raises(ConfigurationError, match="signing_alg PS256"):
        AuthorizationServer(replace(bank.config, signing_alg="PS256"), store=bank.store, signers=[kms])


def _bank_with(jwks: Mapping[str, object]) -> Bank:
    bank = Bank()
    bank.server = AuthorizationServer(
        replace(bank.config, signing_jwks=jwks), store=bank.store, clock=bank.clock
    )
    return bank


async def _takes_no_mark(*_: object) -> bool:
    raise StoreForgot("emptied", retry_after=9)


async def test_a_store_that_forgot_gets_back_the_keys_and_the_secret_that_a_process_still_knows(
    bank: Bank, client: PlainClient
) -> None:
    """So that what was issued before still verifies, and all processes go on with the same."""
    other = AuthorizationServer(bank.config, store=bank.store, clock=bank.clock).core.keys
    keys = bank.server.core.keys
    kids, secret = await _kids(client), await keys.secret()
    assert await other.secret() == secret
    nonces = await keys.nonces()
    bank.store._entries.clear()
    bank.store.forgot_at = bank.clock()  # type: ignore[attr-defined]
    bank.clock.advance(LOOK_AGAIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bank.store, "aadd", _takes_no_mark)
        assert await _kids(client) == kids
        assert await keys.secret() == secret
        with pytest.raises(StoreForgot):
            await AuthorizationServer(bank.config, store=bank.store).core.keys.secret()
        with pytest.raises(StoreForgot):
            await AuthorizationServer(bank.config, store=bank.store).core.keys.jwks()
    assert await bank.server.core.records.read("secret", "1") is None
    assert await _kids(client) == kids
    assert [await one.secret() for one in (keys, other)] == [secret, secret]
    assert (await other.nonces()).accepts(nonces.issue(bank.clock()), bank.clock())
    assert await bank.server.core.records.read("secret", "1") == secret


async def test_processes_agree_on_one_secret_where_a_store_that_forgot_has_another_by_now(bank: Bank) -> None:
    keys = bank.server.core.keys
    old, nonces = await keys.secret(), await keys.nonces()
    seal = await keys.request_seal()
    bank.store._entries.clear()
    fresh = AuthorizationServer(bank.config, store=bank.store, clock=bank.clock).core.keys
    new = await fresh.secret()
    bank.store.forgot_at = bank.clock()  # type: ignore[attr-defined]
    assert new != old
    assert await keys.secret() == new
    assert await keys.nonces() is not nonces
    assert await keys.request_seal() is not seal


async def test_a_store_that_forgot_gets_back_the_key_that_opens_what_is_encrypted_for_this_server(
    bank: Bank,
) -> None:
    store = bank.store

    def a_process() -> DecryptionKeys:
        return DecryptionKeys(
            bank.server.core.records, algorithms=("ECDH-ES",), random_bytes=CountingRandom()
        )

    keys = a_process()
    (jwk,) = await keys.jwks()
    store._entries.clear()
    store.forgot_at = bank.clock()  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "aadd", _takes_no_mark)
        assert await keys.jwks() == [jwk]
        with pytest.raises(StoreForgot):
            await a_process().jwks()
    assert await keys.jwks() == [jwk]
    assert await a_process().jwks() == [jwk]
