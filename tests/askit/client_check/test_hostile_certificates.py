"""What strangers show behind a proxy, and say of themselves: it does not fail the server, and does not fill its log."""

from __future__ import annotations

import base64
import logging
from urllib.parse import quote

import pytest
from cryptography.x509.oid import NameOID

from tests.askit.bank import OTHER, Bank
from tests.askit.client_check.test_client_certificates import (
    APIS,
    DN,
    OWN,
    PROXY,
    ask,
    field,
    known_by,
    refused,
    self_signed,
)
from tests.mothers.certificates import UNREADABLE, a_certificate, a_name, unreadable

pytestmark = pytest.mark.anyio


async def test_the_line_in_the_log_does_not_grow_with_the_certificate(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = known_by("tls_client_auth", tls_client_auth_subject_dn=DN)
    bank = Bank(clients=[client, OTHER, *APIS], client_certificates=PROXY)
    long = a_name(*[(NameOID.COMMON_NAME, "forged\nline" + "x" * 50)] * 50)
    with caplog.at_level(logging.INFO, "askit"):
        told = await refused(bank, headers=[field(a_certificate(subject=long)), ("x-verify", "SUCCESS")])
    assert "tls_client_auth_subject_dn" in told
    line = next(each.getMessage() for each in caplog.records if each.name == "askit")
    assert "forged" in line
    assert "\n" not in line
    assert len(line) < 1000


@pytest.mark.spec("RFC 9440 4")
async def test_nobody_becomes_the_proxy_by_saying_so() -> None:
    """Some servers write the address of X-Forwarded-For over the peer's."""
    bank = self_signed(OWN, client_certificates=PROXY)
    assert (await ask(bank, headers=[field(OWN)])).status_code == 200
    for told in ("10.0.3.7:123", "192.0.2.9, 10.0.3.7:123"):
        assert "the connection has none" in await refused(
            bank, headers=[field(OWN), ("x-forwarded-for", told)]
        )


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_a_certificate_that_cannot_be_read_is_no_failure_of_the_server(kind: str) -> None:
    """Proxies hand on whatever a stranger shows."""
    bank = self_signed(OWN, client_certificates=PROXY)
    der = base64.b64encode(unreadable(kind, OWN.der)).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n"
    answer = await ask(bank, headers=[("x-ssl-client-cert", quote(pem))])
    assert answer.status_code in (400, 401), answer.text
    assert answer.json()["error"] in ("invalid_request", "invalid_client")
