"""The scanner sees whether an API reads the status lists of its issuer."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from fapikit.flow import run_pure
from fapikit.jose.purposes import STATUS_LIST
from fapikit.jose.sign import sign_jwt
from fapikit.status_list import INVALID, MEDIA_TYPE, StatusList, StatusReference
from rskit import Issuer, StatusLists
from rskit.testing import Mint
from tests.keys import claims_of
from tests.rskit.testing import guarded
from tests.rskit.testing.guarded import Guarded

TTL = 10


class ListingMint(Mint):
    """Each of its tokens has an entry in a list that a real server serves."""

    def __init__(self, server: HTTPServer, *, read: bool, **settings: Any) -> None:
        super().__init__(server.url_for("").rstrip("/"), **settings)
        self.uri = server.url_for("/status_lists/1")
        self.ended: set[int] = set()
        self._read = read
        self._next = itertools.count()
        server.expect_request("/status_lists/1").respond_with_handler(self._serve)

    def issuer(self) -> Issuer:
        return replace(super().issuer(), status_lists=StatusLists() if self._read else None)

    def token(self, **claims: Any) -> str:
        reference = StatusReference(next(self._next), self.uri)
        return super().token(**{"status": reference.claim(), **claims})

    def _serve(self, _: Request) -> Response:
        statuses = StatusList.of(dict.fromkeys(self.ended, INVALID), size=10_000).member()
        claims = {"sub": self.uri, "iat": self.now(), "ttl": TTL, "status_list": statuses}
        return Response(run_pure(sign_jwt(claims, STATUS_LIST, self.issuer_key)), content_type=MEDIA_TYPE)

    def end(self, token: str) -> None:
        self.ended.add(claims_of(token)["status"]["status_list"]["idx"])


def scanned(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, *, read: bool) -> list[str]:
    def a_mint(*issuer: str, clock: Any, opaque: bool = False) -> Mint:
        return Mint(*issuer, clock=clock) if issuer else ListingMint(httpserver, read=read, clock=clock)

    monkeypatch.setattr(guarded, "Mint", a_mint)
    api = Guarded("wsgi", profile="fapi2-security")

    def revoke(token: str) -> None:
        assert isinstance(api.mint, ListingMint)
        api.mint.end(token)
        api.clock.advance(TTL)

    api.reach["revoke"] = revoke
    return [finding.attack for finding in api.scan().findings]


def test_an_api_that_reads_the_lists_has_no_hole(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch):
    assert scanned(httpserver, monkeypatch, read=True) == []


def test_an_api_that_does_not_read_them_lets_a_revoked_token_pass(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
):
    assert scanned(httpserver, monkeypatch, read=False) == ["a token that was revoked"]
