"""The prefix that a proxy strips counts only from the proxy that is trusted, and only where it is unambiguous."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from fapikit.certificates import CertificateHeader, ProxyTrust
from fapikit.errors import ConfigurationError
from rskit import ResourceServer
from tests.mothers.certificates import a_certificate
from tests.rskit.behind import SKINS, starlette_app
from tests.rskit.mothers import RESOURCE, a_proof, a_server, bound_token

NEAR, FAR = "10.0.3.7", "192.0.2.9"
TRUST = ProxyTrust.of(["10.0.3.0/24"])
FIELD = "x-forwarded-prefix"
SECRET = ("x-proxy-secret", "s" * 32)


@pytest.fixture(params=SKINS)
def skin(request: pytest.FixtureRequest) -> Any:
    return SKINS[request.param]


def behind(trust: ProxyTrust = TRUST, **settings: Any) -> ResourceServer:
    return a_server(forwarded_prefix=trust, **settings)


def proven(path: str) -> list[tuple[str, str]]:
    token = bound_token()
    return [("authorization", f"DPoP {token}"), ("dpop", a_proof(token, url=RESOURCE + path))]


@pytest.mark.spec("RFC 9449 4.3-9")
@pytest.mark.parametrize("value", ["/bank", "/bank/", "/bank/v1.2/~x_y-z"])
def test_the_trusted_proxy_names_what_it_has_stripped(skin: Any, value: str):
    ask = skin(behind())
    public = value.rstrip("/") + "/accounts"
    assert ask(NEAR, [*proven(public), (FIELD, value)]) == (200, [FIELD])
    assert ask(NEAR, [*proven("/accounts"), (FIELD, value)])[0] == 401
    assert ask(NEAR, [*proven(f"/other{public}"), (FIELD, value)])[0] == 401


@pytest.mark.parametrize("value", [None, "", "/"])
def test_no_prefix_is_stripped(skin: Any, value: str | None):
    fields = [] if value is None else [(FIELD, value)]
    assert skin(behind())(NEAR, [*proven("/accounts"), *fields])[0] == 200


@pytest.mark.spec("RFC 9449 4.3-9")
def test_from_anybody_else_it_counts_for_nothing_and_is_taken_out(skin: Any):
    ask = skin(behind())
    assert ask(FAR, [*proven("/bank/accounts"), (FIELD, "/bank")])[0] == 401
    assert ask(FAR, [*proven("/accounts"), (FIELD, "/bank")]) == (200, [])


REFUSED = {
    "twice": [(FIELD, "/bank"), (FIELD, "/bank")],
    "of two proxies": [(FIELD, "/a, /bank")],
    "without a slash": [(FIELD, "bank")],
    "with a host": [(FIELD, "//evil.example/bank")],
    "with a query": [(FIELD, "/bank?x=")],
    "with an escape": [(FIELD, "/b%61nk")],
    "too long": [(FIELD, "/" + "a" * 17_000)],
}


@pytest.mark.parametrize("fields", REFUSED.values(), ids=REFUSED)
def test_refuses(skin: Any, fields: list[tuple[str, str]], caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "rskit")
    assert skin(behind())(NEAR, [*proven("/bank/accounts"), *fields])[0] == 400
    assert "ForwardedPrefixRefused" in caplog.text


def test_the_spelling_with_underscores_is_another_header_to_asgi():
    fields = [*proven("/bank/accounts"), (FIELD, "/bank"), (FIELD.replace("-", "_"), "/bank")]
    assert starlette_app(behind())(NEAR, fields)[0] == 400


def test_beside_a_certificate_of_the_same_proxy_or_another(skin: Any):
    """Each has a rule of its own; the application sees neither what does not count nor the secret."""
    certificate = ("x-ssl-client-cert", quote(a_certificate().pem, safe=""))
    header = CertificateHeader("nginx", trust=ProxyTrust.of(secret=SECRET))
    ask = skin(behind(client_certificates=header))
    fields = [(FIELD, "/bank"), certificate]
    status, seen = ask(NEAR, [*proven("/bank/accounts"), *fields, SECRET])
    assert (status, sorted(seen)) == (200, [FIELD, certificate[0]])
    assert ask(NEAR, [*proven("/bank/accounts"), *fields]) == (200, [FIELD])
    assert ask(FAR, [*proven("/accounts"), *fields, SECRET]) == (200, [certificate[0]])


def test_a_trust_is_not_a_name():
    with pytest.raises(ConfigurationError, match="ProxyTrust"):
        behind("10.0.3.0/24")  # type: ignore[arg-type]
