"""Runs the scans of the library against a server or an API that is reached by its URL.

Spec: FAPI2-SP 5.3.2, 5.3.4
Role: AS, RS
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from askit.attacks import Party
from askit.attacks import find_holes as find_server_holes
from askit.attacks.visitor import visit, walk
from fapikit import client_context
from fapikit.scan_report import NotLookedAt, ScanReport
from fapikit.urls import is_loopback_host, origin_of
from fapikit_cli.client_file import ClientFile
from fapikit_cli.connecting import key_of, read_key
from fapikit_cli.exit_status import ExitStatus
from fapikit_cli.failing import WrongUsage
from fapikit_cli.printing import say, show_json, show_table, tell
from fapikit_cli.secret_input import read_secret
from rskit.attacks import find_holes as find_api_holes
from rskit.testing.mint import Mint


class NothingShown(Exception):
    """The honest request did not pass, so the scan shows nothing."""


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What a scan of an authorization server needs. `password`: its source."""

    issuer: str
    client: ClientFile
    other: ClientFile | None
    user: str
    password: str
    scope: str | None
    ca: Path | None


@dataclass(frozen=True, slots=True)
class ApiPlan:
    """What a scan of an API needs. `issuer_key`: a private key whose tokens the API takes, in a test environment."""

    url: str
    client: ClientFile
    issuer_key: Path | None
    method: str
    user: str
    scope: str | None
    acr: str | None
    ca: Path | None


def require_permission(url: str, allowed: str | None) -> None:
    """Ask before a host is attacked that is not this machine. Raises WrongUsage without a yes."""
    host = urlsplit(url).hostname
    if not host:
        raise WrongUsage(
            f"{url} is no URL", "write the issuer of the server, or https://HOST/PATH of the API"
        )
    if is_loopback_host(host) or host == allowed:
        return
    if allowed is not None:
        raise WrongUsage(
            f"--allow names {allowed}, and the URL is one of {host}", "name the host that is attacked"
        )
    if not sys.stdin.isatty():
        raise WrongUsage(
            f"{host} is not this machine, and stdin is no terminal to ask at",
            f"if {host} is yours and is there for tests, give --allow {host}",
        )
    tell(
        f"{host} is not this machine. Some hundred requests will be sent to it, each of them an attack. Go on only if"
        " it is yours or its owner has agreed, and if it serves no customers.",
        style="bad",
    )
    sys.stderr.write("Type the host to go on, or anything else to stop: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != host:
        raise WrongUsage("nothing was attacked", "type the host, letter by letter")


def is_server(url: str, ca: Path | None) -> bool:
    """Whether the URL is an issuer that publishes its metadata. Raises Unreachable."""
    parts = urlsplit(url)
    path = f"/.well-known/oauth-authorization-server{parts.path.rstrip('/')}"
    with _http(ca) as http:
        answer = http.get(f"{parts.scheme}://{parts.netloc}{path}")
    if answer.status_code != 200:
        return False
    try:
        return bool(answer.json().get("issuer") == url)
    except (ValueError, AttributeError):
        return False


def attack_server(plan: ServerPlan) -> ScanReport:
    """Raises WrongUsage, FapiError; NothingShown if the honest login does not pass."""
    password = read_secret(plan.password, f"the password of {plan.user}")

    def sign_in(browser: httpx.Client, url: str) -> str | Mapping[str, str]:
        steps = walk(
            url, issuer=plan.issuer, username=plan.user, password=password.reveal(), decision="approve"
        )
        return visit(browser, steps)

    other = None if plan.other is None else _party(plan.other, plan.scope)
    with _http(plan.ca) as http, _quiet():
        party = _party(plan.client, plan.scope)
        return _shown(lambda: find_server_holes(plan.issuer, party, sign_in, http=http, other=other))


def attack_api(plan: ApiPlan) -> ScanReport:
    """Raises WrongUsage, FapiError; NothingShown if the honest request does not pass."""
    if plan.issuer_key is None:
        raise WrongUsage(
            f"{plan.url} is an API, and there is no key to make tokens with",
            "give --issuer-key FILE: the private key of an issuer that this API trusts in your test environment."
            " `fapikit askit` prints the one of its bank",
        )
    with _http(plan.ca) as http, _quiet():
        described = _description(http, plan.url)
        mint = Mint(plan.client.issuer)
        mint.issuer_key = read_key(plan.issuer_key)
        mint.resource = str(described.get("resource") or plan.client.api or origin_of(plan.url))
        claims = {"sub": plan.user, "scope": plan.scope or _scope_of_api(plan.client), "acr": plan.acr}
        asked: dict[str, Any] = {name: value for name, value in claims.items() if value}

        def send(method: str, url: str, headers: list[tuple[str, str]], body: bytes = b"") -> httpx.Response:
            # Servers do not see white space at the end of a value (RFC 9110 5.5), and httpx does not send it.
            sent = [(name, value.strip(" \t")) for name, value in headers]
            return http.request(method, url, headers=sent, content=body)

        return _shown(lambda: find_api_holes(send, mint, plan.method, plan.url, **asked))


def show(report: ScanReport, *, as_json: bool) -> ExitStatus:
    """The report, and the exit status."""
    status = ExitStatus.REFUSED if report else ExitStatus.GOOD
    if as_json:
        show_json(
            {
                "target": report.target,
                "attacks": report.attacks,
                "requests": report.requests,
                "holes": [finding._asdict() for finding in report.findings],
                "not_looked_at": [item._asdict() for item in report.not_looked_at],
            }
        )
        return status
    report.not_looked_at = tuple(_for_a_terminal(item) for item in report.not_looked_at)
    if report.outcomes:
        show_table(
            ["attack", "what came", "clause"],
            [(outcome.attack, outcome.came, outcome.clause) for outcome in report.outcomes],
            styles=["good" if outcome.came == outcome.expected else "bad" for outcome in report.outcomes],
        )
    say(report.text(), style="bad" if report else "good")
    return status


_OPTIONS: Final = {
    "what another client may do": "--other-client FILE",
    "wider scopes": "--scope 'openid accounts', or what else this client may have",
    "scopes": "--scope SCOPE for a route that needs one",
    "how the user signed in": "--acr LEVEL for a route that needs one",
}
"""What a person types to have it looked at. The reports themselves speak to those who write Python."""

_PYTHON: Final = re.compile(
    r"\b(?:Reach|Party|Mint|find_holes|afind_holes|ResourceServer)\(|Sender\b|\bsend\b|\bsign_in\b"
)


def _for_a_terminal(item: NotLookedAt) -> NotLookedAt:
    option = _OPTIONS.get(item.what)
    if option is None and _PYTHON.search(item.enable):
        option = f"in Python, {item.enable}"
    return item if option is None else item._replace(enable=option)


def _party(file: ClientFile, scope: str | None) -> Party:
    if file.auth != "private_key_jwt" or file.redirect_uri is None:
        raise WrongUsage(
            f"{file.path}: the attacks need a client with auth private_key_jwt and a redirect_uri",
            'add a line  redirect_uri = "https://..."  with one that is registered; nothing needs to answer there',
        )
    further = {"response_mode": "jwt"} if file.options.get("response_mode") == "jwt" else {}
    return Party(
        file.client_id,
        key_of(file),
        file.redirect_uri,
        scope=scope or file.scope,
        further=further,
        signs_requests=file.profile == "fapi2-message-signing",
    )


def _scope_of_api(file: ClientFile) -> str:
    return " ".join(word for word in file.scope.split() if word != "openid")


def _description(http: httpx.Client, url: str) -> dict[str, Any]:
    """The metadata of the API (RFC 9728) at its origin; empty if it publishes none."""
    try:
        answer = http.get(f"{origin_of(url)}/.well-known/oauth-protected-resource")
        found = answer.json() if answer.status_code == 200 else {}
    except (ValueError, httpx.HTTPError):
        return {}
    return found if isinstance(found, dict) else {}


def _shown(scan: Callable[[], ScanReport]) -> ScanReport:
    try:
        return scan()
    except AssertionError as error:
        raise NothingShown(str(error)) from error


@contextmanager
def _http(ca: Path | None) -> Iterator[httpx.Client]:
    from fapikit.errors import Unreachable

    try:
        with httpx.Client(verify=client_context(ca=ca), trust_env=False) as http:
            yield http
    except httpx.TransportError as error:
        raise Unreachable(f"it does not answer: {type(error).__name__}: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """The scans also write their report to the log, for tests."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
