"""Requests without a token that use another method, or headers that other software trusts.

Spec: FAPI2-SP 5.3.4-1; RFC 6750 3 (N13 of the threats; CVE-2025-54576, CVE-2025-64484, CVE-2026-40575)
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.answer import Headers
from rskit.testing.attacks.attack import Attack, Came, Judge, Trial, is_not_served_without_token
from rskit.testing.attacks.declared import Family, Made, Maker, Row, request
from rskit.testing.attacks.families.proof_targets import OVERRIDES
from rskit.testing.attacks.forger import Forger

_METHODS: Final = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "TRACE",
    "QUERY",
    "PROPFIND",
    "HACK",
    "get",
    "Get",
)
_NO_ROUTE: Final = frozenset({404, 405, 501})


def _served_or_no_route(method: str) -> Judge:
    def judge(trial: Trial, tolerated: frozenset[int]) -> Came:
        status = trial.answers[-1].status
        if status in _NO_ROUTE and not trial.ran:
            return NotLookedAt(
                "methods without a route",
                f"{method} is answered with {status} before a token is required",
                "find_holes with each method that this URL has",
            )
        return is_not_served_without_token(trial, tolerated)

    return judge


def _by(method: str) -> Maker:
    def make(forger: Forger) -> Attack | None:
        if method == forger.method or method in forger.reach.open_methods:
            return None
        return forger.attack([], method=method, odd=True, judge=_served_or_no_route(method))

    return make


def _options(headers: Headers) -> Maker:
    def make(forger: Forger) -> Made | None:
        if "OPTIONS" in forger.reach.open_methods:
            return None
        if headers and not (forger.tells_answers or forger.reach.reached):
            return PREFLIGHT_UNSEEN
        return forger.attack(headers, method="OPTIONS", odd=True, judge=_reaches_the_endpoint)

    return make


def _reaches_the_endpoint(trial: Trial, tolerated: frozenset[int]) -> Came:
    """OPTIONS may be answered by a layer that lists the methods. That discloses nothing of the resource."""
    answer = trial.answers[-1]
    if trial.ran is None and answer.body is not None and answer.body != trial.honest.body:
        return None
    return is_not_served_without_token(trial, tolerated)


PREFLIGHT_UNSEEN: Final = NotLookedAt(
    "preflights",
    "send returns only the status, and a CORS layer may answer a preflight",
    "let send return the response",
)
_PREFLIGHT: Final = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "GET")]


def _method_rows() -> Iterator[Row]:
    for method in _METHODS:
        yield Row(f"no token, by {method}", f"a request by {method}, without a token", _by(method))
    yield Row("no token, by OPTIONS", "a request by OPTIONS, without a token", _options([]))
    yield Row("no token, as a preflight", "a request that looks like a CORS preflight", _options(_PREFLIGHT))
    for method in ("OPTIONS", "HEAD", "GET"):
        yield Row(
            f"no token, and a header that says {method}",
            f"the request without a token, with override headers that say {method}",
            _with([(name, method) for name in OVERRIDES]),
        )


def _with(headers: Headers) -> Maker:
    return request(lambda _: list(headers), judge=is_not_served_without_token)


def _head_without_scope(forger: Forger) -> Attack | None:
    """HEAD runs the same endpoint as GET, so it needs the same scope."""
    if forger.method != "GET" or not forger.granted.get("scope"):
        return None
    control = (forger.url, forger.headers(forger.token(), method="HEAD"))
    less = forger.headers(forger.token(scope=""), method="HEAD")
    return forger.attack(less, method="HEAD", control=control, unless=NO_HEAD)


NO_HEAD: Final = NotLookedAt(
    "HEAD without the scope",
    "an honest HEAD is not served here",
    "nothing, unless HEAD should be served where GET is",
)


METHODS: Final = Family(
    "other methods",
    means="A request without a token reads or changes protected data, by a method that was forgotten.",
    clause="FAPI2-SP 5.3.4-1",
    remedy="Protect the whole application for every method, and open single endpoints by name.",
    rows=(
        *_method_rows(),
        Row("a token without the scope, by HEAD", "a token without the scope, by HEAD", _head_without_scope),
    ),
)

_OPEN_PATHS: Final = (
    "/", "/health", "/healthz", "/status", "/metrics", "/docs", "/openapi.json", "/favicon.ico", "/login", "/public",
    "/static/app.js", "/.well-known/oauth-protected-resource",
)  # fmt: skip
_URL_HEADERS: Final = (
    "X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Forwarded-URI", "X-Forwarded-Path", "X-Envoy-Original-Path",
)  # fmt: skip
_INSIDERS: Final[tuple[tuple[str, Headers], ...]] = (
    (
        "an address inside",
        [
            ("X-Forwarded-For", "127.0.0.1"),
            ("X-Real-IP", "127.0.0.1"),
            ("True-Client-IP", "127.0.0.1"),
            ("X-Client-IP", "127.0.0.1"),
            ("X-Originating-IP", "127.0.0.1"),
            ("Forwarded", "for=127.0.0.1"),
        ],
    ),
    ("the host localhost", [("Host", "localhost"), ("X-Forwarded-Host", "localhost")]),
    (
        "a user",
        [
            ("X-Forwarded-User", "admin"),
            ("X-Remote-User", "admin"),
            ("Remote-User", "admin"),
            ("X-User", "admin"),
            ("X-User-Id", "1"),
            ("X-Authenticated-User", "admin"),
            ("X-Auth-Request-User", "admin"),
            ("X-Authenticated", "true"),
        ],
    ),
    ("a probe", [("User-Agent", "kube-probe/1.31"), ("X-Health-Check", "true")]),
    ("an internal call", [("X-Internal", "true"), ("X-Internal-Request", "1"), ("X-Debug", "1")]),
    (
        "its own middleware",
        [("X-Middleware-Subrequest", "middleware:middleware:middleware:middleware:middleware")],
    ),
)


def _insider_rows() -> Iterator[Row]:
    for path in _OPEN_PATHS:
        headers = [(name, path) for name in _URL_HEADERS]
        yield Row(
            f"no token, and headers that name {path}",
            f"the request without a token, with X-Original-URL and others that name {path}",
            _with(headers),
        )
    for name, headers in _INSIDERS:
        yield Row(
            f"no token, and headers that name {name}",
            f"the request without a token, with headers of {name}",
            _with(headers),
        )


def _routed_by_header(forger: Forger) -> Attack:
    """The router follows headers that the protecting layer does not read."""
    headers = [(name, forger.parts.path) for name in _URL_HEADERS]
    return forger.attack(headers, url=f"{forger.origin}/fapikit-nowhere", judge=is_not_served_without_token)


INSIDERS: Final = Family(
    "headers that only an insider would send",
    means="A request without a token is served, because a header names its user or the path to check.",
    clause="FAPI2-SP 5.3.4-1",
    remedy="Decide by the token and the routed path, and strip forwarded headers that no proxy of yours has set.",
    rows=(
        *_insider_rows(),
        Row(
            "no token, at a path that headers name",
            "a path that is nowhere, with X-Original-URL and others that name the protected one",
            _routed_by_header,
        ),
    ),
)


FAMILIES: Final = (METHODS, INSIDERS)
