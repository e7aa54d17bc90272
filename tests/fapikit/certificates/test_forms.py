"""Each proxy's way to write a certificate: read as its documentation says, and nothing else."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

import pytest

from fapikit.certificates.certificate import ClientCertificate
from fapikit.certificates.forms import FORMS
from fapikit.certificates.forms.form import Forwarded
from tests.fapikit.certificates.vectors import (
    RFC8705_BASE64,
    RFC8705_DER,
    RFC8705_THUMBPRINT,
    RFC9440_BASE64,
    RFC9440_DER,
    pem,
    written_by,
)

NAMES = sorted(FORMS)


@pytest.mark.spec("RFC 8705 3.1")
def test_the_thumbprint_of_rfc_8705_appendix_a() -> None:
    assert ClientCertificate.from_der(RFC8705_DER).thumbprint == RFC8705_THUMBPRINT


@pytest.mark.parametrize("form", NAMES)
@pytest.mark.parametrize(("body", "der"), [(RFC8705_BASE64, RFC8705_DER), (RFC9440_BASE64, RFC9440_DER)])
def test_reads_what_the_proxy_writes(form: str, body: str, der: bytes) -> None:
    assert FORMS[form].decode(written_by(form, body)).leaf == der


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("nginx", pem(RFC8705_BASE64, line="\n\t")),
        ("nginx", pem(RFC8705_BASE64, line=" ")),
        ("nginx", pem(RFC8705_BASE64, line="\r\n")),
        ("apache", pem(RFC8705_BASE64)),
        ("traefik", quote(RFC8705_BASE64, safe="")),
        ("cloudflare", RFC8705_BASE64),
        ("envoy", f"cert={quote(pem(RFC8705_BASE64), safe='')}"),
    ],
    ids=["old nginx, folded", "old nginx, joined", "nginx, CRLF", "apache, lines kept", "old traefik", "managed",
         "envoy, unquoted and in small letters"],
)  # fmt: skip
def test_reads_the_other_ways_in_which_a_proxy_writes(form: str, value: str) -> None:
    assert FORMS[form].decode(value).leaf == RFC8705_DER


@pytest.mark.spec("RFC 9440 2.2")
def test_reads_the_field_of_rfc_9440_appendix_a() -> None:
    assert FORMS["rfc9440"].decode(f":{RFC9440_BASE64}:") == Forwarded(RFC9440_DER)


def chain_of(form: str) -> tuple[bytes, ...]:
    both = pem(RFC8705_BASE64) + pem(RFC9440_BASE64)
    value = {
        "nginx": quote(both, safe=""),
        "aws-alb-passthrough": quote(both, safe="+=/"),
        "traefik": f"{RFC8705_BASE64},{RFC9440_BASE64}",
        "envoy": f'Chain="{quote(both, safe="")}"',
    }[form]
    found = FORMS[form].decode(value)
    assert found.leaf == RFC8705_DER
    return found.chain


@pytest.mark.parametrize("form", ["nginx", "aws-alb-passthrough", "traefik", "envoy"])
def test_the_first_certificate_is_the_client_s(form: str) -> None:
    assert chain_of(form) == (RFC9440_DER,)


@pytest.mark.spec("RFC 9440 2.3")
def test_reads_the_chain_of_rfc_9440() -> None:
    decode_chain = FORMS["rfc9440"].decode_chain
    assert decode_chain is not None
    assert decode_chain(f":{RFC9440_BASE64}: , :{RFC8705_BASE64}:") == (RFC9440_DER, RFC8705_DER)


def test_envoy_may_give_the_hash_alone() -> None:
    digest = hashlib.sha256(RFC8705_DER)
    found = FORMS["envoy"].decode(f"By=x;Hash={digest.hexdigest()}")
    assert found == Forwarded(None, (), digest.digest())


BROKEN = {
    "no pem": ("nginx", "MIIB"),
    "text before it": ("nginx", "x" + pem(RFC8705_BASE64)),
    "text after it": ("apache", pem(RFC8705_BASE64, line=" ") + " x"),
    "a key in place of a certificate": ("nginx", pem(RFC8705_BASE64).replace("CERTIFICATE", "PRIVATE KEY")),
    "not base64": ("nginx", pem(RFC8705_BASE64.replace("M", "*", 1))),
    "padding in the middle": ("haproxy", RFC8705_BASE64[:-1] + "==="),
    "not utf-8": ("nginx", "%ff" + quote(pem(RFC8705_BASE64), safe="")),
    "a plus that became a space": ("rfc9440", f":{RFC8705_BASE64.replace('+', ' ')}:"),
    "no colons": ("rfc9440", RFC8705_BASE64),
    "two sequences": ("rfc9440", f":{RFC8705_BASE64}:, :{RFC8705_BASE64}:"),
    "no padding": ("rfc9440", f":{RFC8705_BASE64.rstrip('=')}:"),
    "bits left over": ("rfc9440", f":{RFC8705_BASE64[:-2]}Z=:"),
    "base64url": ("haproxy", RFC8705_BASE64.replace("+", "-").replace("/", "_")),
    "empty among several": ("traefik", f"{RFC8705_BASE64},"),
    "two elements": ("envoy", f"{written_by('envoy', RFC8705_BASE64)},By=y;Hash={'0' * 64}"),
    "nothing of use": ("envoy", "By=x;URI=y"),
    "cert twice": ("envoy", 2 * f"Cert={quote(pem(RFC8705_BASE64), safe='')};" + "By=x"),
    "two certificates as one": ("envoy", f"Cert={quote(pem(RFC8705_BASE64) + pem(RFC9440_BASE64), safe='')}"),
    "a hash that is none": ("envoy", "Hash=abc"),
    "an open quote": ("envoy", 'Subject="CN=a;Hash=' + "0" * 64),
    "text after a quote": ("envoy", 'Subject="CN=a"x;Hash=' + "0" * 64),
}


@pytest.mark.parametrize(("form", "value"), BROKEN.values(), ids=BROKEN)
def test_refuses_what_no_such_proxy_writes(form: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        FORMS[form].decode(value)


def test_a_chain_of_rfc_9440_that_is_no_list() -> None:
    decode_chain = FORMS["rfc9440"].decode_chain
    assert decode_chain is not None
    with pytest.raises(ValueError, match="list"):
        decode_chain(f":{RFC9440_BASE64}: :{RFC8705_BASE64}:")
