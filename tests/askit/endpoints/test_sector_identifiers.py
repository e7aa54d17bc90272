"""A client registers for pairwise subjects: the list of its sector is fetched over TLS; one mistake at a time."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from askit import AuthorizationServer
from askit.clients.sector_identifier import MAX_OCTETS
from askit.errors import InvalidClientMetadata
from fapikit.errors import ConfigurationError
from tests.askit.bank import OTHER, Bank
from tests.askit.hosting import TLS, Hosting, hosting
from tests.askit.plain_client import CALLBACK, PlainClient
from tests.askit.registering import OPEN, OPENER, register, update
from tests.askit.sectors import PAIRWISE, a_bank, pairwise, salt_file
from tests.keys import a_key, claims_of

pytestmark = pytest.mark.anyio

SECOND = "https://second.example.test/callback"
GRANTS = {"authorization_code": "authorization_code", "refresh_token": "refresh_token"}
CIBA = "urn:openid:params:grant-type:ciba"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
KEYS_HERE = "https://fintech.example.test/keys"
NOTIFIED = "https://fintech.example.test/notified"
OPEN_TO_ALL = {
    "initial_access_token": OPENER,
    "registration": {"scopes": ["openid", "accounts"], "grant_types": [*GRANTS, CIBA, DEVICE]},
}


@pytest.fixture
async def web() -> AsyncIterator[Hosting]:
    async with hosting(path="/sector.json") as running:
        put(running, CALLBACK, SECOND)
        yield running


def put(web: Hosting, *uris: Any) -> None:
    web.body = json.dumps(list(uris)).encode()


def an_open_bank(folder: Path, **changes: Any) -> Bank:
    given = {"http": TLS, "pairwise_salt_file": salt_file(folder), **OPEN_TO_ALL, **changes}
    return Bank(**given)


async def registered(bank: Bank, **changes: Any) -> httpx.Response:
    return await register(bank, **{"subject_type": "pairwise", **changes})


def refusal_in(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


@pytest.mark.spec("OIDC 8.1", "OIDC Registration 2")
async def test_without_a_list_the_sector_is_the_host_of_the_redirect_uris(tmp_path: Path) -> None:
    bank = an_open_bank(tmp_path)
    answer = await registered(bank, redirect_uris=[CALLBACK, f"{CALLBACK}/2"])
    assert answer.status_code == 201, answer.text
    assert answer.json()["subject_type"] == "pairwise"
    client = bank.client(answer.json()["client_id"], key=a_key("ES256", 7))
    assert claims_of((await client.tokens())["id_token"])["sub"] == pairwise("user-alice")


@pytest.mark.spec("OIDC 8.1", "OIDC Registration 5")
async def test_redirect_uris_of_several_hosts_are_one_sector_if_its_list_has_all(
    tmp_path: Path, web: Hosting
) -> None:
    bank = an_open_bank(tmp_path)
    several = {"redirect_uris": [CALLBACK, SECOND], "sector_identifier_uri": web.uri}
    answer = await registered(bank, **several)
    assert answer.status_code == 201, answer.text
    (request,) = web.requests
    assert (request.method, request.headers["accept"]) == ("GET", "application/json")
    assert not {"authorization", "cookie"} & request.headers.keys()
    client = bank.client(answer.json()["client_id"], key=a_key("ES256", 7))
    assert claims_of((await client.tokens())["id_token"])["sub"] == pairwise("user-alice", "localhost")
    assert len(web.requests) == 1, "it is read at registration, not at a login"
    put(web, CALLBACK)
    assert refusal_in(await update(bank, answer.json()))[1] == "invalid_client_metadata"
    put(web, CALLBACK, SECOND)
    assert (await update(bank, answer.json(), client_name="Renamed")).status_code == 200


@pytest.mark.spec("OIDC Registration 5")
async def test_a_list_is_read_even_if_the_subjects_are_public(tmp_path: Path, web: Hosting) -> None:
    put(web, SECOND)
    answer = await registered(an_open_bank(tmp_path), subject_type=None, sector_identifier_uri=web.uri)
    assert refusal_in(answer)[2].startswith("the list behind sector_identifier_uri does not have every URI")


LISTS: dict[str, tuple[dict[str, Any], str]] = {
    "another list": (
        {"body": b'["https://evil.example.test/callback"]'},
        "does not have every URI of redirect_uris",
    ),
    "one URI is missing": (
        {"body": json.dumps([CALLBACK]).encode()},
        "does not have every URI of redirect_uris",
    ),
    "only the beginning": ({"body": json.dumps([CALLBACK[:-1], SECOND]).encode()}, "does not have every URI"),
    "an object": ({"body": b'{"redirect_uris": []}'}, "must give a JSON array of strings"),
    "a number in it": ({"body": b"[1]"}, "must give a JSON array of strings"),
    "a string": ({"body": json.dumps(CALLBACK).encode()}, "must give a JSON array of strings"),
    "no JSON": ({"body": b"<html>"}, "gives no JSON"),
    "nothing": ({"body": b""}, "gives no JSON"),
    "too long": ({"body": b'["' + b"x" * MAX_OCTETS + b'"]'}, "gives no list of URIs"),
    "not there": ({"status": 404}, "answers with 404 instead of 200"),
    "a redirect": (
        {"status": 302, "headers": {"location": "https://other.example.test/"}},
        "gives no list of URIs",
    ),
}


@pytest.mark.spec("OIDC Registration 5")
@pytest.mark.parametrize("what", LISTS)
async def test_a_list_that_does_not_say_so_is_refused(tmp_path: Path, web: Hosting, what: str) -> None:
    served, said = LISTS[what]
    for name, value in served.items():
        setattr(web, name, value)
    bank = an_open_bank(tmp_path)
    answer = await registered(bank, redirect_uris=[CALLBACK, SECOND], sector_identifier_uri=web.uri)
    status, code, described = refusal_in(answer)
    assert (status, code) == (400, "invalid_client_metadata")
    assert said in described
    assert "[OIDC Registration 5]" in described
    assert await bank.server.core.registrations.client_ids() == []


async def test_a_server_that_hangs_up_says_nothing_about_the_client(tmp_path: Path, web: Hosting) -> None:
    web.body = None
    answer = await registered(an_open_bank(tmp_path), sector_identifier_uri=web.uri)
    assert answer.status_code == 503


ASKED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown type": ({"subject_type": "ephemeral"}, "subject_type must be public or pairwise"),
    "no string": ({"subject_type": ["pairwise"]}, "subject_type must be a string"),
    "http": ({"sector_identifier_uri": "http://fintech.example.test/s"}, "must be an https URL"),
    "a fragment": ({"sector_identifier_uri": "https://fintech.example.test/s#x"}, "must not have a fragment"),
    "two hosts": ({"redirect_uris": [CALLBACK, SECOND]}, "have 2 hosts, not one"),
    "keys elsewhere": (
        {"grant_types": [*GRANTS, CIBA], "backchannel_token_delivery_mode": "poll", "jwks": None,
         "jwks_uri": "https://evil.example.test/keys"},
        "have 2 hosts, not one",
    ),
    "no jwks_uri": (
        {"grant_types": [*GRANTS, CIBA], "backchannel_token_delivery_mode": "poll"},
        "need jwks_uri, if tokens are not sent to a redirect URI",
    ),
    "no key is proven": (
        {"grant_types": [*GRANTS, CIBA], "backchannel_token_delivery_mode": "ping", "jwks": None,
         "jwks_uri": KEYS_HERE, "backchannel_client_notification_endpoint": NOTIFIED,
         "token_endpoint_auth_method": "client_secret_basic"},
        "that proves a key of its jwks_uri",
    ),
    "pushed elsewhere": (
        {"grant_types": [*GRANTS, CIBA], "backchannel_token_delivery_mode": "push",
         "backchannel_client_notification_endpoint": "https://evil.example.test/notified"},
        "have 2 hosts, not one",
    ),
    "a device beside pushes elsewhere": (
        {"grant_types": [*GRANTS, CIBA, DEVICE], "backchannel_token_delivery_mode": "push", "jwks": None,
         "jwks_uri": KEYS_HERE, "backchannel_client_notification_endpoint": "https://evil.example.test/notified"},
        "have 2 hosts, not one",
    ),
    "a device without a key": ({"grant_types": [*GRANTS, DEVICE]}, "need jwks_uri"),
    "logout tokens elsewhere": (
        {"backchannel_logout_uri": "https://evil.example.test/logout"},
        "need a backchannel_logout_uri on a host of the redirect URIs",
    ),
    "nothing of its own": (
        {"redirect_uris": [], "grant_types": ["client_credentials"], "sector_identifier_uri": "https://b.example.test/s"},
        "need a redirect URI",
    ),
}  # fmt: skip


@pytest.mark.spec("OIDC 8.1", "OIDC Registration 2", "OIDC Registration 5", "CIBA 4e")
@pytest.mark.parametrize("what", ASKED)
async def test_each_mistake_at_registration_has_its_own_error(tmp_path: Path, what: str) -> None:
    changes, said = ASKED[what]
    policy = {
        "scopes": ["openid", "accounts"],
        "grant_types": [*GRANTS, CIBA, DEVICE, "client_credentials"],
    }
    bank = an_open_bank(tmp_path, profile="oauth-2.1", registration=policy)
    status, code, described = refusal_in(await registered(bank, **changes))
    assert (status, code) == (400, "invalid_client_metadata")
    assert said in described


@pytest.mark.spec("CIBA 4e")
@pytest.mark.parametrize(
    "members",
    [
        {"backchannel_token_delivery_mode": "poll", "jwks": None, "jwks_uri": KEYS_HERE},
        {"backchannel_token_delivery_mode": "push", "backchannel_client_notification_endpoint": NOTIFIED},
    ],
)
async def test_ciba_clients_whose_uris_are_on_one_host_or_in_the_list(
    tmp_path: Path, web: Hosting, members: dict[str, Any]
) -> None:
    bank = an_open_bank(tmp_path, profile="oauth-2.1")
    ciba = {"grant_types": [*GRANTS, CIBA], "redirect_uris": None, "response_types": [], **members}
    assert (await registered(bank, **ciba)).status_code == 201
    refused = refusal_in(await registered(bank, **ciba, sector_identifier_uri=web.uri))
    named = "jwks_uri" if "jwks_uri" in members else "backchannel_client_notification_endpoint"
    assert f"does not have every URI of {named}" in refused[2]
    put(web, KEYS_HERE, NOTIFIED)
    assert (await registered(bank, **ciba, sector_identifier_uri=web.uri)).status_code == 201


@pytest.mark.spec("OIDC 8.1")
async def test_a_logout_token_goes_to_the_sector_or_to_a_host_of_its_list(
    tmp_path: Path, web: Hosting
) -> None:
    bank = an_open_bank(tmp_path)
    listed = {"redirect_uris": [CALLBACK, SECOND], "sector_identifier_uri": web.uri}
    for host in ("localhost", "fintech.example.test", "SECOND.example.test:8443"):
        answer = await registered(bank, **listed, backchannel_logout_uri=f"https://{host}/logout")
        assert answer.status_code == 201, answer.text
    taken = await registered(bank, **listed, backchannel_logout_uri="https://evil.example.test/logout")
    assert "backchannel_logout_uri on a host of the redirect URIs" in refusal_in(taken)[2]
    public = await registered(
        bank, subject_type="public", backchannel_logout_uri="https://evil.example.test/logout"
    )
    assert public.status_code == 201, "it learns what it learns in any case"


@pytest.mark.parametrize("uri", ["http://127.0.0.1/callback", "com.example.app:/callback"])
async def test_an_app_has_no_host_of_its_own_so_it_needs_a_list(
    tmp_path: Path, web: Hosting, uri: str
) -> None:
    policy = {"scopes": ["openid"], "token_endpoint_auth_methods": ["none"]}
    bank = an_open_bank(tmp_path, profile="oauth-2.1", registration=policy)
    app = {"token_endpoint_auth_method": "none", "jwks": None, "redirect_uris": [uri]}
    assert "no host that is the client's own" in refusal_in(await registered(bank, **app))[2]
    put(web, uri)
    assert (await registered(bank, **app, sector_identifier_uri=web.uri)).status_code == 201


async def test_what_the_policy_leaves_out_asks_for_no_key(tmp_path: Path) -> None:
    policy = {"scopes": ["openid", "accounts"]}
    bank = an_open_bank(tmp_path, profile="oauth-2.1", registration=policy)
    answer = await registered(bank, grant_types=[*GRANTS, DEVICE])
    assert (answer.status_code, answer.json()["grant_types"]) == (201, list(GRANTS))


async def test_a_bank_may_have_pairwise_subjects_only(tmp_path: Path) -> None:
    policy = {"scopes": ["openid", "accounts"], "subject_types": ["pairwise"]}
    earlier = an_open_bank(tmp_path, registration={"scopes": ["openid", "accounts"]})
    left_out = (await registered(earlier, subject_type=None)).json()
    public = (await registered(earlier, subject_type="public")).json()
    bank = an_open_bank(tmp_path, registration=policy)
    answer = await registered(bank, subject_type=None)
    assert (answer.status_code, answer.json()["subject_type"]) == (201, "pairwise")
    assert (
        "may not use this subject_type: use pairwise"
        in refusal_in(await registered(bank, subject_type="public"))[2]
    )
    changed = await update(bank, answer.json(), subject_type="public")
    assert refusal_in(changed)[1] == "invalid_client_metadata"
    later = AuthorizationServer(bank.config, store=earlier.store, clock=earlier.clock)
    assert (await later.core.clients.find(left_out["client_id"])).pairwise
    assert await later.core.clients.find(public["client_id"]) is None


@pytest.mark.parametrize(
    ("types", "said"),
    [(["pairwise"], "has 'pairwise', which is not one of: public"), ([], "is empty"), (["x"], "has 'x'")],
)
def test_types_that_nobody_could_have_are_refused(types: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"registration.subject_types {said}"):
        Bank(**{**OPEN, "registration": {"scopes": ["openid"], "subject_types": types}})


# What this server connects to


@pytest.mark.parametrize(
    "uri",
    [
        "https://localhost/s",
        "https://127.0.0.1/s",
        "https://[::1]/s",
        "https://10.0.0.8/s",
        "https://0x7f000001/s",
    ],
)
async def test_nobody_has_this_server_connect_to_its_neighbours(tmp_path: Path, uri: str) -> None:
    answer = await registered(an_open_bank(tmp_path, development_only=False), sector_identifier_uri=uri)
    assert "sector_identifier_uri must be an https URL with a host name" in refusal_in(answer)[2]


async def test_a_name_of_a_neighbour_is_not_connected_to(
    tmp_path: Path, web: Hosting, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def getaddrinfo(_host: str, port: int, **_: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    uri = f"https://sector.example.test:{urlsplit(web.uri).port}/sector.json"
    answer = await registered(an_open_bank(tmp_path, development_only=False), sector_identifier_uri=uri)
    assert answer.status_code == 503
    assert web.requests == []


# Which server has them


@pytest.mark.spec("OIDC Registration 2")
async def test_a_server_without_a_salt_refuses_the_type_and_serves_no_client_that_had_it(
    tmp_path: Path,
) -> None:
    assert "has public subjects only" in refusal_in(await registered(Bank(**OPEN)))[2]
    assert (await registered(Bank(**OPEN), subject_type="public")).status_code == 201
    bank = an_open_bank(tmp_path)
    client_id = (await registered(bank)).json()["client_id"]
    later = AuthorizationServer(Bank(**OPEN).config, store=bank.store, clock=bank.clock)
    assert await later.core.clients.find(client_id) is None, "it must not fall back to public subjects"


def test_a_client_of_the_settings_has_a_sector_too(tmp_path: Path) -> None:
    two = {**PAIRWISE, "redirect_uris": [CALLBACK, SECOND]}
    with pytest.raises(
        InvalidClientMetadata, match="client fintech: pairwise subjects need sector_identifier_uri"
    ):
        a_bank(tmp_path, two, OTHER)
    a_bank(tmp_path, {**two, "sector_identifier_uri": "https://group.example.test/s"}, OTHER)


async def test_a_metadata_document_is_held_to_the_same_list(tmp_path: Path, web: Hosting) -> None:
    async with hosting(path="/agent.json") as agent:
        document = {
            "client_id": agent.uri,
            "client_name": "The Agent",
            "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "none",
            "subject_type": "pairwise",
            "sector_identifier_uri": web.uri,
        }
        agent.body = json.dumps(document).encode()
        bank = Bank(
            profile="oauth-2.1",
            registration={"scopes": ["openid", "accounts"]},
            client_metadata_documents={"hosts": ["localhost"]},
            pairwise_salt_file=salt_file(tmp_path),
            http=TLS,
        )
        put(web, SECOND)
        query = PlainClient(http=bank.browser(), clock=bank.clock, client_id=agent.uri).request(
            client_id=agent.uri
        )
        refused = await bank.browser().get("/authorize", params=query)
        assert refused.status_code == 400
        put(web, CALLBACK)
        assert (await bank.browser().get("/authorize", params=query)).status_code == 200
