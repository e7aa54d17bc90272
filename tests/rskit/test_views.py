"""What each middleware hands the check of a request: as it stood on the wire, and no certificate but a proven one."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from asgi_mw.view import view_of as asgi_view
from rskit.request_view import RequestView
from tests.rskit.streams import a_scope
from wsgi_mw.django_view import view_of as django_view
from wsgi_mw.view import view_of as wsgi_view


def in_asgi(**changes: Any) -> RequestView:
    scope = {name: value for name, value in {**a_scope(), **changes}.items() if value is not None}
    return asgi_view(scope, str)


def in_wsgi(**changes: Any) -> RequestView:
    return wsgi_view({"REQUEST_METHOD": "GET", "PATH_INFO": "/a/b", **changes}, str)


def in_django_under_asgi(**changes: Any) -> RequestView:
    scope = {name: value for name, value in {**a_scope(), **changes}.items() if value is not None}
    request: Any = SimpleNamespace(method="GET", META={}, scope=scope)
    return django_view(request, str)


def test_the_path_is_that_of_the_request_line():
    assert in_asgi(path="/a/b", raw_path=b"/a%2Fb").path == "/a%2Fb"
    assert in_asgi(path="/a b", raw_path=None).path == "/a%20b"
    assert in_wsgi(RAW_URI="/a%2Fb?c=/d#e").path == "/a%2Fb"
    assert in_wsgi(REQUEST_URI="/a%2Fb").path == "/a%2Fb"
    assert in_wsgi(PATH_INFO="/a b").path == "/a%20b"


@pytest.mark.parametrize(
    ("given", "path"), [("https://evil.example/a?b", "/a"), ("https://evil.example", "/"), ("*", "*")]
)
def test_an_absolute_target_is_known_by_its_path(given: str, path: str):
    assert in_wsgi(RAW_URI=given).path == path


def test_query_and_headers_are_those_of_the_request():
    headers = [(b"authorization", b"1"), (b"authorization", b"2"), (b"dpop", b"3"), (b"dpop", b"4")]
    view = in_asgi(query_string=b"access_token=x", headers=headers, method="PUT")
    assert (view.method, view.query, view.cross_origin) == ("PUT", "access_token=x", False)
    assert (list(view.authorization), list(view.dpop)) == (["1", "2"], ["3", "4"])
    assert in_asgi(headers=[(b"origin", b"null")]).cross_origin
    assert in_asgi(headers=[(b"x-fapi-interaction-id", b"5")]).interaction_id == "5"
    assert in_asgi(query_string=None, method=None)[:3:2] == ("GET", "")
    given = {"HTTP_AUTHORIZATION": "1", "HTTP_DPOP": "2", "HTTP_X_FAPI_INTERACTION_ID": "3"}
    view = in_wsgi(**given, REQUEST_METHOD="PUT", QUERY_STRING="access_token=x")
    assert (view.method, view.query, view.cross_origin) == ("PUT", "access_token=x", False)
    assert (view.authorization, view.dpop, view.interaction_id) == (("1",), ("2",), "3")
    assert in_wsgi(HTTP_ORIGIN="null").cross_origin
    assert (in_wsgi().authorization, in_wsgi().dpop, in_wsgi().query) == ((), (), "")


@pytest.mark.parametrize("in_asgi", [in_asgi, in_django_under_asgi])
def test_a_certificate_is_the_leaf_of_the_handshake(in_asgi: Callable[..., RequestView]):
    pem = trustme.CA().issue_cert("client.example").cert_chain_pems[0].bytes().decode()
    der = ssl.PEM_cert_to_DER_cert(pem)

    def shown(*chain: str) -> bytes | None:
        return in_asgi(extensions={"tls": {"client_cert_chain": chain}}).certificate()

    assert shown(pem, "another") == der
    assert shown() is None
    assert shown("-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----") is None
    for extensions in (
        None,
        {},
        {"http.response.debug": {}},
        {"tls": {}},
        {"tls": {"client_cert_chain": None}},
    ):
        assert in_asgi(extensions=extensions).certificate() is None

    class Socket:
        def __init__(self, certificate: Any) -> None:
            self._certificate = certificate

        def getpeercert(self, binary: bool) -> Any:
            return self._certificate if binary else {}

    assert in_wsgi(**{"gunicorn.socket": Socket(der)}).certificate() == der
    for socket in (Socket(None), Socket(b""), Socket({}), object(), None):
        assert in_wsgi(**{"gunicorn.socket": socket}).certificate() is None
    assert in_wsgi(HTTP_X_CLIENT_CERT=pem, SSL_CLIENT_CERT=pem).certificate() is None
