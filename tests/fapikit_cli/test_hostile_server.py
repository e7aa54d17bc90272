"""What a hostile server answers to `fapikit doctor`: it ends no examination, and sends it nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import profile_of
from fapikit.http_message import HttpResponse
from fapikit.metadata import ServerMetadata
from fapikit_cli.doctor.answers import _front_channel
from fapikit_cli.doctor.host import MOST_HOSTS, hosts_of
from fapikit_cli.doctor.registration import _fits
from fapikit_cli.doctor.row import Rules, Verdict
from fapikit_cli.failing import telling_failures

BANK = "https://bank.example"
RULES = Rules(BANK, profile_of("fapi2-security"))


class Hostile:
    """A caller whose server answers with these headers."""

    def __init__(self, *headers: tuple[str, str]) -> None:
        self._headers = headers

    def browse(self, url: str, _headers: object) -> HttpResponse:
        return HttpResponse(303, self._headers, b"", url)


def test_metadata_send_the_doctor_to_few_hosts() -> None:
    aliases = {f"of_{number}": f"https://victim-{number}.example/" for number in range(5000)}
    hosts = hosts_of(BANK, ServerMetadata(BANK, {"mtls_endpoint_aliases": aliases}))
    assert [host.name for host in hosts] == ["bank.example"]
    many = {name: f"https://{name.replace('_', '-')}.example/" for name in _ENDPOINTS}
    assert len(hosts_of(BANK, ServerMetadata(BANK, many))) == MOST_HOSTS


_ENDPOINTS = (
    "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "revocation_endpoint",
    "introspection_endpoint", "pushed_authorization_request_endpoint", "registration_endpoint",
    "device_authorization_endpoint", "backchannel_authentication_endpoint", "end_session_endpoint",
)  # fmt: skip


@pytest.mark.parametrize(
    ("header", "rule", "verdict"),
    [
        (("strict-transport-security", f"max-age={'9' * 5000}"), "answers.hsts", Verdict.WARNS),
        (("strict-transport-security", "max-age=\u00b2"), "answers.hsts", Verdict.WARNS),
        (("location", "http://["), "answers.authorization", Verdict.FAILS),
        (("location", "/sign-in"), "answers.authorization", Verdict.HOLDS),
    ],
)
def test_no_header_ends_the_examination(header: tuple[str, str], rule: str, verdict: Verdict) -> None:
    caller: Any = Hostile(header)
    rows = {row.rule: row for row in _front_channel(f"{BANK}/authorize", RULES, caller)}
    assert rows[rule].verdict is verdict


@pytest.mark.parametrize(
    "members",
    [
        {"token_endpoint_auth_method": ["x"]}, {"redirect_uris": 5}, {"redirect_uris": None},
        {"redirect_uris": ["http://["], "jwks": {"keys": None}}, {"jwks": {"keys": 5}},
    ],
)  # fmt: skip
def test_no_registration_ends_the_examination(members: dict[str, Any]) -> None:
    assert {"registration.auth-method", "registration.redirect-uris"} <= {
        row.rule for row in _fits(members, RULES)
    }


def test_the_text_of_a_defect_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), telling_failures():
        raise ValueError("\x1b]0;taken\x07")
    assert "\x1b" not in capsys.readouterr().err
