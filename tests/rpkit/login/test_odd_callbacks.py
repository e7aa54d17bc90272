"""Whatever a browser, or somebody in its place, brings back: a typed error or the right answer, and nothing else."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fapikit import FapiError
from fapikit.stores.sealed import Seal
from rpkit.web.browser_logins import COOKIE, returned
from rpkit.web.messages import WebRequest
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import REDIRECT_URI, FakeBank

NAMES = st.sampled_from(["code", "state", "iss", "error", "response", "id_token", "error_description", "x"])
VALUES = st.one_of(st.text(max_size=20), st.sampled_from(["access_denied", "a.b.c", "e30.e30.AA", ""]))
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
PLACES = st.sampled_from(["?{}", "#{}", "?{}#{}", "{}", "?{}&{}"])

SEAL = Seal([b"k" * 32])
BANK = FakeBank()
CLIENTS = {
    mode: Clients("sync").of(BANK, response_mode=mode) for mode in ("query", "fragment", "form_post", "jwt")
}
STARTS = {mode: client.begin() for mode, client in CLIENTS.items()}


@given(
    mode=st.sampled_from(sorted(CLIENTS)),
    place=PLACES,
    pairs=PAIRS,
    raw=st.text(alphabet=st.characters(codec="ascii"), max_size=40),
    as_form=st.booleans(),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_odd_callback_reaches_the_token_endpoint(
    mode: str, place: str, pairs: list[tuple[str, str]], raw: str, as_form: bool
) -> None:
    text = urlencode(pairs)
    callback: str | bytes = REDIRECT_URI + place.format(text, raw)
    if as_form:
        callback = f"{text}&{raw}".encode()
    with pytest.raises(FapiError) as caught:
        CLIENTS[mode].complete(callback, STARTS[mode].transaction)
    assert caught.value.clause
    assert not BANK.calls("token")


@given(
    method=st.sampled_from(["GET", "POST"]),
    query=st.text(alphabet=st.characters(codec="ascii"), max_size=60),
    body=st.binary(max_size=60),
    cookies=st.dictionaries(st.sampled_from([f"{COOKIE}x", f"{COOKIE}x.1", "other"]), st.text(max_size=20)),
)
@settings(max_examples=120, deadline=None)
def test_no_odd_request_finds_a_transaction(
    method: str, query: str, body: bytes, cookies: dict[str, str]
) -> None:
    request = WebRequest(method, f"/callback?{quote(query, safe='=&.%')}", {}, cookies, body)
    with pytest.raises(FapiError):
        returned(request, REDIRECT_URI, seal=SEAL)
