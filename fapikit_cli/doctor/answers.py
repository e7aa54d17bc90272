"""How a server answers: its clock, its redirects, its headers, and what it says to a request without anything in it.

An empty request changes nothing: no client signs in, and no token is named.

Spec: RFC 9110 6.6.1; FAPI2-SP 5.2.3-1, -3, 5.3.2.1-13; RFC 6749 5.2; RFC 9700 4.11
Role: C
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin

from fapikit.errors import TransportError, UnexpectedRedirect
from fapikit.http_message import read_http_date
from fapikit.metadata import ServerMetadata
from fapikit.urls import origin_of
from fapikit_cli.doctor.host import split_url
from fapikit_cli.doctor.row import Row, Rules, Verdict
from fapikit_cli.server.caller import Answer, Caller

_CLOCKS_MAY_DIFFER: Final = 10.0
_BACK_CHANNEL: Final = (
    "token_endpoint",
    "pushed_authorization_request_endpoint",
    "backchannel_authentication_endpoint",
    "device_authorization_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
)
_SECONDS: Final = re.compile(r"[0-9]{1,20}")
_STRANGER: Final = "https://stranger.example"


def examine_clock(answer: Answer, rules: Rules) -> Row:
    """The clock of the server beside the clock of this machine."""
    requirement = "its clock and the clock of this machine agree"
    date = read_http_date(answer.response.header("date") or "")
    if date is None:
        return rules.row(
            "clock", False, "RFC 9110 6.6.1", "its answers have a Date", answer.response.header("date") or "none",
            "let the server or its proxy send the header Date", otherwise=Verdict.WARNS,
        )  # fmt: skip
    ahead = date.timestamp() + 0.5 - answer.now  # a Date has whole seconds
    beyond = max(0.0, abs(ahead) - 0.5 - answer.took / 2)
    return rules.row(
        "clock",
        beyond <= _CLOCKS_MAY_DIFFER,
        "FAPI2-SP 5.3.2.1-13",
        requirement,
        f"it is {beyond:.0f} s {'ahead' if ahead > 0 else 'behind'}"
        if beyond >= 1
        else "less than 1 s apart",
        f"set both by NTP: a server may refuse a JWT that is {_CLOCKS_MAY_DIFFER:.0f} s ahead of its clock",
    )


def examine_answers(metadata: ServerMetadata, rules: Rules, caller: Caller) -> Iterator[Row]:
    """What the endpoints say to a request without anything in it."""
    for name in _BACK_CHANNEL:
        if isinstance(url := metadata.raw.get(name), str):
            yield _back_channel(name, url, Rules(url, rules.profile), caller)
    if isinstance(url := metadata.raw.get("authorization_endpoint"), str):
        yield from _front_channel(url, Rules(url, rules.profile), caller)


def _back_channel(name: str, url: str, rules: Rules, caller: Caller) -> Row:
    rule = f"answers.{name.removesuffix('_endpoint')}"
    requirement = "an empty request is refused with an error in JSON"
    try:
        response = caller.post(url).response
    except UnexpectedRedirect as error:
        return rules.failed(
            rule, error, "it does not redirect",
            advice=f"list the final URL of {name} in the metadata: clients follow no redirect here",
        )  # fmt: skip
    except TransportError as error:
        return rules.failed(rule, error, requirement, undecided=True)
    found = f"status {response.status}, {response.media_type or 'no content type'}"
    if response.status in (429, 503):
        return rules.row(rule, None, "RFC 6749 5.2", requirement, found, "try again later")
    return rules.row(
        rule,
        400 <= response.status < 500 and response.media_type == "application/json",
        "RFC 6749 5.2",
        requirement,
        found,
        "answer with status 400 or 401 and application/json, so that a client learns what is wrong",
        otherwise=Verdict.FAILS if response.success or response.status >= 500 else Verdict.WARNS,
    )


def _front_channel(url: str, rules: Rules, caller: Caller) -> Iterator[Row]:
    requirement = "the authorization endpoint answers"
    try:
        response = caller.browse(url, {"accept": "text/html", "origin": _STRANGER})
    except TransportError as error:
        yield rules.failed("answers.authorization", error, requirement, undecided=True)
        return
    allowed = response.header("access-control-allow-origin")
    yield rules.row(
        "answers.cors",
        allowed is None,
        "FAPI2-SP 5.2.3-3",
        "no script of another origin may read the authorization endpoint (CORS)",
        "no CORS" if allowed is None else f"Access-Control-Allow-Origin: {allowed}",
        "send no CORS headers here: the browser goes to it, and no script",
    )
    lasting = _max_age(response.header("strict-transport-security") or "")
    yield rules.row(
        "answers.hsts",
        lasting > 0,
        "FAPI2-SP 5.2.3-1",
        "browsers are told to use TLS only (HSTS)",
        f"max-age {lasting}" if lasting else "no Strict-Transport-Security",
        "send Strict-Transport-Security: max-age=31536000",
        otherwise=Verdict.WARNS,  # it may be preloaded, and DNS may tell it
    )
    goes_to = response.header("location")
    if 300 <= response.status < 400 and goes_to is not None:
        there = split_url(goes_to)
        yield rules.row(
            "answers.authorization",
            there is not None and there.scheme in ("", "https"),
            "FAPI2-SP 5.2.1-1",
            "a redirect of the authorization endpoint stays on TLS",
            f"status {response.status} to "
            + ("what is no URL" if there is None else origin_of(urljoin(url, goes_to))),
            "redirect to https only",
        )


def _max_age(header: str) -> int:
    for directive in header.split(";"):
        name, _, value = directive.strip().partition("=")
        if name.lower() == "max-age" and _SECONDS.fullmatch(value.strip('"')):
            return int(value.strip('"'))
    return 0
