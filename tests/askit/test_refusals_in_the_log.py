"""Each refusal in the log names the endpoint, the error and the client; and nothing that a thief could use.

`client` has proven who it is. `client_id` is only named: by a link, a form or a token that was not proven.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import pytest

from tests.askit.bank import Bank
from tests.askit.plain_client import PlainClient
from tests.askit.registering import OPEN, register, update
from tests.keys import a_key

pytestmark = pytest.mark.anyio

Step = Callable[[Bank, PlainClient], Awaitable[set[str]]]
"""Does what is refused, and returns the secrets that it sent."""


async def _another_verifier(_: Bank, client: PlainClient) -> set[str]:
    code, verifier = await client.code(), "w" * 43
    await client.redeem(code, code_verifier=verifier)
    return {code, verifier}


async def _a_code_used_twice(_: Bank, client: PlainClient) -> set[str]:
    code = await client.code()
    await client.redeem(code)
    await client.redeem(code)
    return {code}


async def _a_refresh_token_that_is_none(_: Bank, client: PlainClient) -> set[str]:
    await client.refresh("r" * 43)
    return {"r" * 43}


async def _another_key(_: Bank, client: PlainClient) -> set[str]:
    assertion = client.assertion(key=a_key("ES256", 9))
    await client.push(authentication=client.authentication(assertion))
    return {assertion}


async def _a_client_that_nobody_knows(_: Bank, client: PlainClient) -> set[str]:
    client.client_id = "nobody"
    assertion = client.assertion()
    await client.push(authentication=client.authentication(assertion))
    return {assertion}


async def _a_scope_that_is_none(_: Bank, client: PlainClient) -> set[str]:
    await client.push(client.request(scope="everything"))
    return set()


async def _no_token(_: Bank, client: PlainClient) -> set[str]:
    await client.post("/revoke", client.authentication())
    return set()


async def _introspection_by_a_client(_: Bank, client: PlainClient) -> set[str]:
    token = (await client.tokens())["access_token"]
    await client.introspect(token)
    return {token}


async def _a_device_without_the_grant(_: Bank, client: PlainClient) -> set[str]:
    await client.post("/device_authorization", {"scope": "accounts", **client.authentication()})
    return set()


async def _ciba_without_the_grant(_: Bank, client: PlainClient) -> set[str]:
    await client.post("/backchannel_authentication", {"scope": "openid", **client.authentication()})
    return set()


async def _userinfo_without_openid(_: Bank, client: PlainClient) -> set[str]:
    token = (await client.tokens(scope="accounts"))["access_token"]
    await client.userinfo(token)
    return {token}


async def _a_stolen_token(_: Bank, client: PlainClient) -> set[str]:
    token = (await client.tokens())["access_token"]
    await client.userinfo(token, key=a_key("ES256", 12))
    return {token}


async def _a_made_up_token(_: Bank, client: PlainClient) -> set[str]:
    await client.userinfo("t" * 43)
    return {"t" * 43}


async def _an_update_that_cannot_be(bank: Bank, _: PlainClient) -> set[str]:
    registered = (await register(bank)).json()
    await update(bank, registered, grant_types=["password"])
    return {registered["registration_access_token"]}


async def _another_registration_token(bank: Bank, _: PlainClient) -> set[str]:
    registered = (await register(bank)).json()
    await update(bank, {**registered, "registration_access_token": "t" * 43})
    return {"t" * 43}


async def _a_request_uri_of_nobody(_: Bank, client: PlainClient) -> set[str]:
    request_uri = "urn:ietf:params:oauth:request_uri:" + "u" * 43
    await client.authorize(request_uri)
    return {request_uri}


async def _nobody_is_signed_in(_: Bank, client: PlainClient) -> set[str]:
    await client.authorize(await client.pushed(prompt="none"))
    return set()


async def _a_decision_that_is_none(_: Bank, client: PlainClient) -> set[str]:
    page = await client.authorize(await client.pushed())
    page = await client.submit(page, username="alice", password="wonderland")
    await client.submit(page, decision="perhaps")
    return {"wonderland"}


async def _a_form_of_another_browser(_: Bank, client: PlainClient) -> set[str]:
    page = await client.authorize(await client.pushed())
    client.http.cookies.clear()
    await client.submit(page, username="alice", password="wonderland")
    return {"wonderland"}


async def _a_server_that_fails(bank: Bank, client: PlainClient) -> set[str]:
    code = await client.code()
    bank.server.core.token_body = lambda _: 1 // 0  # type: ignore[assignment, return-value]
    await client.redeem(code)
    return {code}


FINTECH, NAMED, NOBODY = "client='fintech'", "client_id='fintech'", None

REFUSALS: dict[str, tuple[Step, str, str | None]] = {
    "another verifier": (_another_verifier, "/token refused: invalid_grant (", FINTECH),
    "a code used twice": (_a_code_used_twice, "/token refused: invalid_grant (", FINTECH),
    "a refresh token that is none": (_a_refresh_token_that_is_none, "/token refused: invalid_grant (", FINTECH),
    "another key": (_another_key, "/par refused: invalid_client (", NOBODY),
    "an unknown client": (_a_client_that_nobody_knows, "/par refused: invalid_client (", "client_id='nobody'"),
    "a scope that is none": (_a_scope_that_is_none, "/par refused: invalid_scope (", FINTECH),
    "no token": (_no_token, "/revoke refused: invalid_request (", FINTECH),
    "a client that introspects": (_introspection_by_a_client, "/introspect refused: unauthorized_client (", FINTECH),
    "no device": (_a_device_without_the_grant, "/device_authorization refused: unauthorized_client (", FINTECH),
    "no CIBA": (_ciba_without_the_grant, "/backchannel_authentication refused: unauthorized_client (", FINTECH),
    "no openid": (_userinfo_without_openid, "userinfo refused: insufficient_scope (", FINTECH),
    "a stolen token": (_a_stolen_token, "userinfo refused: invalid_dpop_proof (", NAMED),
    "a made-up token": (_a_made_up_token, "userinfo refused: invalid_token (", NOBODY),
    "a wrong update": (_an_update_that_cannot_be, "/register/... refused: invalid_client_metadata (", "client='"),
    "another registration": (_another_registration_token, "/register/... refused: invalid_token (", NOBODY),
    "a request of nobody": (_a_request_uri_of_nobody, "/authorize (reference ", NAMED),
    "nobody is signed in": (_nobody_is_signed_in, "an authorization request refused: login_required (", NAMED),
    "no decision": (_a_decision_that_is_none, "/decision (reference ", NAMED),
    "a form of another browser": (_a_form_of_another_browser, "/login (reference ", NOBODY),
    "a server that fails": (_a_server_that_fails, "/token failed: ZeroDivisionError at ", FINTECH),
}  # fmt: skip


@pytest.mark.parametrize(("step", "said", "client"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_names_endpoint_error_and_client(
    step: Step, said: str, client: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "askit")
    bank = Bank(**OPEN)
    secrets: set[str] = await step(bank, bank.client())
    lines = [record.getMessage() for record in caplog.records if record.name == "askit"]
    line = next(line for line in reversed(lines) if "use_dpop_nonce" not in line)
    assert line.startswith(said), lines
    words = line.split()
    known = [word for word in words if word.startswith(("client=", "client_id="))]
    assert (known == []) if client is None else (len(known) == 1 and known[0].startswith(client)), line
    for secret in secrets:
        assert secret not in "".join(lines)
