"""What an API, metadata or a browser may send to a client that means well: refused, bounded, never a crash."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest

from fapikit import HttpSettings, PrivateKeyJWT
from fapikit.errors import ConfigurationError, InsecureUrl, MalformedMessage, ResponseTooLarge
from fapikit.profiles import FAPI2_SECURITY
from rpkit import Client
from rpkit.errors import StepUpRequired
from rpkit.web.messages import WebRequest
from tests.keys import a_key
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.rpkit.logins import ORIGIN, api_of, signed_in


def challenging(bank: FakeBank, challenge: str, status: int = 401) -> None:
    bank.faults["api_accounts"] = lambda _: (status, {"www-authenticate": challenge}, {})


# --- a 401 stands, whatever its challenge points to ---------------------------------------------------


@pytest.mark.parametrize(
    "pointer",
    [
        "https://[",
        "https://bank.example:99999999/",
        "https://bank.example:x/",
        "//bank.example/metadata",
        "not a url",
    ],
)
def test_a_pointer_that_is_no_url_changes_nothing(pointer: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    challenging(bank, f'DPoP error="invalid_request", resource_metadata="{pointer}"')
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 401


@pytest.mark.parametrize("answer", ["404", "oauth error", "unreachable", "redirect", "too long"])
def test_metadata_that_cannot_be_had_changes_nothing(answer: str, clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    challenging(bank, f'DPoP error="invalid_request", resource_metadata="{ORIGIN}/pointed-to"')

    def unreachable(_: Any) -> Any:
        raise httpx.ConnectError("down")

    bank.faults["api_pointed-to"] = {
        "404": lambda _: (404, {}, {}),
        "oauth error": lambda _: (400, {}, {"error": "invalid_request"}),
        "unreachable": unreachable,
        "redirect": lambda _: (302, {"location": "https://inner.example/"}, {}),
        "too long": lambda _: (200, {}, b"x" * 600_000),
    }[answer]
    with api_of(client, bank, login.tokens) as api:
        assert api.get("/accounts").status_code == 401
    assert bank.calls("pointed-to")


def test_a_step_up_with_an_absurd_max_age_is_still_a_step_up(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    challenging(bank, f'DPoP error="insufficient_user_authentication", max_age="{"9" * 5000}"')
    with api_of(client, bank, login.tokens) as api, pytest.raises(StepUpRequired) as caught:
        api.get("/accounts")
    assert caught.value.max_age is None


# --- sizes ------------------------------------------------------------------------------------------


def packed_api(
    client: Any, bank: FakeBank, status: int, coding: str, chunks: list[bytes], **headers: str
) -> Any:
    """A client of an API that answers so, over a transport that leaves the body as it is on the wire."""
    login = signed_in(client, bank)
    given = {"content-encoding": coding, **{name.replace("_", "-"): value for name, value in headers.items()}}
    transport = httpx.MockTransport(lambda _: httpx.Response(status, headers=given, stream=_Stream(chunks)))
    return api_of(client, bank, login.tokens, transport=transport, max_bytes=100_000)


@pytest.mark.parametrize("status", [200, 201, 401])
@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_compressed_answer_cannot_slip_past_the_cap(
    status: int, coding: str, clients: Clients, bank: FakeBank
) -> None:
    bomb = gzip.compress(b"0" * 5_000_000)
    challenge = 'DPoP error="use_dpop_nonce"'
    api = packed_api(clients.of(bank), bank, status, coding, [bomb], www_authenticate=challenge)
    with api, pytest.raises(ResponseTooLarge) as refused:
        api.post("/payments", json={"amount": "1"})
    # Whether the payment was executed is known all the same.
    assert refused.value.outcome.status_code == status
    assert refused.value.facts["status"] == str(status)


def test_what_an_api_compressed_unasked_is_read(clients: Clients, bank: FakeBank) -> None:
    body = gzip.compress(b'{"paymentId": "p-1"}')
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    with packed_api(clients.of(bank), bank, 201, "gzip", pieces) as api:
        answer = api.post("/payments", json={"amount": "1"})
    assert (answer.status_code, answer.json()) == (201, {"paymentId": "p-1"})


_PACKED = gzip.compress(b'{"paymentId": "p-1"}')


@pytest.mark.parametrize(
    "body",
    [_PACKED[:-4], _PACKED[:-12], _PACKED[:-8] + bytes(8), _PACKED + b"junk"],
    ids=["cut in its end", "cut", "another checksum", "junk after it"],
)
def test_what_is_not_compressed_as_its_header_says_is_handed_over_in_the_error(
    body: bytes, clients: Clients, bank: FakeBank
) -> None:
    api = packed_api(clients.of(bank), bank, 201, "gzip", [body])
    with api, pytest.raises(MalformedMessage, match="not compressed as its content-encoding says") as refused:
        api.post("/payments", json={"amount": "1"})
    assert refused.value.outcome.status_code == 201


@pytest.mark.parametrize("coding", ["gzip", "identity, gzip"])
@pytest.mark.parametrize("body", [_PACKED, b'{"paymentId": "p-1"}'], ids=["packed", "plain"])
def test_a_wrong_name_of_the_coding_loses_no_body(
    coding: str, body: bytes, clients: Clients, bank: FakeBank
) -> None:
    with packed_api(clients.of(bank), bank, 201, coding, [body]) as api:
        assert api.post("/payments", json={"amount": "1"}).json() == {"paymentId": "p-1"}


@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_an_answer_without_a_body_may_be_called_whatever(
    coding: str, clients: Clients, bank: FakeBank
) -> None:
    with packed_api(clients.of(bank), bank, 204, coding, []) as api:
        assert api.delete("/consents/1").status_code == 204


def test_no_compression_is_asked_for_unless_the_application_does(clients: Clients, bank: FakeBank) -> None:
    client = clients.of(bank)
    login = signed_in(client, bank)
    with api_of(client, bank, login.tokens, headers={"x-own": "1"}) as api:
        api.get("/accounts")
    sent = bank.calls("accounts")[-1].headers
    assert (sent["accept-encoding"], sent["x-own"]) == ("identity", "1")


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Any:
        return iter(self._chunks)

    async def __aiter__(self) -> Any:
        for chunk in self._chunks:
            yield chunk


# --- nobody far away sends us to this machine -----------------------------------------------------------


@pytest.mark.spec("FAPI2-SP 5.2.1-1")
@pytest.mark.parametrize("endpoint", ["token_endpoint", "jwks_uri", "mtls_endpoint_aliases"])
def test_a_server_on_the_network_names_no_clear_text_endpoint_on_loopback(
    endpoint: str, clients: Clients, bank: FakeBank
) -> None:
    inner: Any = "http://127.0.0.1:2375/containers"
    if endpoint == "mtls_endpoint_aliases":
        inner = {"token_endpoint": inner}
    bank.faults["metadata"] = lambda honest: {**honest, endpoint: inner}
    with pytest.raises(InsecureUrl):
        clients.of(bank, use_mtls_endpoint_aliases=endpoint == "mtls_endpoint_aliases")


@pytest.mark.spec("RFC 6749 3.1")
def test_an_endpoint_with_a_fragment_is_refused(clients: Clients, bank: FakeBank) -> None:
    bank.faults["metadata"] = lambda m: {
        **m,
        "authorization_endpoint": f"{m['authorization_endpoint']}#here",
    }
    with pytest.raises(MalformedMessage) as caught:
        clients.of(bank)
    assert caught.value.facts["member"] == "authorization_endpoint"


def test_an_api_on_the_network_names_no_clear_text_issuer_on_loopback(bank: FakeBank) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        servers = ["http://localhost:2375/"]
        return httpx.Response(200, json={"resource": "https://api.example", "authorization_servers": servers})

    http = HttpSettings(client=httpx.Client(transport=httpx.MockTransport(answer)))
    with pytest.raises(InsecureUrl):
        Client.for_api("https://api.example", http=http, client_id="x", auth=None)
    assert len(asked) == 1


# --- TLS --------------------------------------------------------------------------------------------


@pytest.mark.spec("FAPI2-SP 5.2.2-2")
def test_without_settings_only_recommended_suites_are_offered() -> None:
    offered = HttpSettings().tls_context(FAPI2_SECURITY).get_ciphers()
    before_13 = {suite["name"] for suite in offered if suite["protocol"] != "TLSv1.3"}
    assert before_13 <= set(FAPI2_SECURITY.tls12_ciphers)


# --- callbacks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("callback", ["https://[evil/callback?code=x", "https://a]b/callback?code=x"])
def test_a_callback_that_is_no_url_is_refused_by_name(
    callback: str, clients: Clients, bank: FakeBank
) -> None:
    client = clients.of(bank)
    with pytest.raises(MalformedMessage):
        client.complete(callback, client.begin().transaction)


def test_a_form_of_a_web_framework_does_not_hide_duplicates(clients: Clients, bank: FakeBank) -> None:
    from starlette.datastructures import MultiDict as OfStarlette
    from werkzeug.datastructures import MultiDict as OfFlask

    client = clients.of(bank, profile="oauth-2.1", response_mode="form_post")
    for kind in (OfStarlette, OfFlask):
        start = client.begin()
        pairs = list(httpx.QueryParams(bank.authorize(start.url)).multi_items())
        with pytest.raises(MalformedMessage) as caught:
            client.complete(kind([("code", "another"), *pairs]), start.transaction)
        assert caught.value.facts["parameter"] == "code"
        assert client.complete(kind(pairs), start.transaction).tokens


# --- nothing secret where programs show values ----------------------------------------------------------


@pytest.mark.spec("FAPI2-SP 6.5")
def test_what_holds_a_secret_does_not_show_it() -> None:
    request = WebRequest("GET", "/callback?code=c0de&state=5tate", {}, {})
    assert "c0de" not in repr(request)
    assert "hunter2" not in repr(HttpSettings(proxy="http://proxy:hunter2@proxy.example:3128"))


def test_a_password_in_a_url_is_not_repeated(bank: FakeBank) -> None:
    with pytest.raises(InsecureUrl) as caught:
        Clients("sync").discover(
            "https://user:hunter2@bank.example", client_id="x", auth=PrivateKeyJWT(a_key())
        )
    assert "hunter2" not in str(caught.value) + str(caught.value.facts)


@pytest.mark.parametrize("octets", [b'{"access_token":"s3cret",}', b'{"access_token":"s3cret\xff"}'])
def test_a_malformed_token_answer_is_not_kept_in_the_error(octets: bytes, bank: FakeBank) -> None:
    client = Clients("sync").of(bank)
    bank.faults["token_answer"] = lambda _: (200, {}, octets)
    with pytest.raises(MalformedMessage) as caught:
        client.client_credentials(scope="accounts")
    link: BaseException | None = caught.value
    while link is not None:
        assert "s3cret" not in repr(link) + str(vars(link))
        assert not hasattr(link, "doc")
        link = link.__cause__ or link.__context__


def test_a_banks_words_forge_no_line_of_a_log(bank: FakeBank) -> None:
    forged = "x\nINFO all is well\x1b[2J"
    bank.faults["metadata"] = lambda m: {**m, "token_endpoint_auth_methods_supported": [forged]}
    with pytest.raises(ConfigurationError) as caught:
        Clients("sync").of(bank)
    assert str(caught.value).isprintable()
    del bank.faults["metadata"]
    bank.faults["token"] = lambda m: {**m, "authorization_details": [{"type": forged}]}
    asked = [{"type": "payment"}]
    report = signed_in(Clients("sync").of(bank), bank, authorization_details=asked).report
    assert [forged in check.detail for check in report.downgrades] == [False, True]
    assert len(str(report).splitlines()) == len(report)
    assert "\x1b" not in str(report)
