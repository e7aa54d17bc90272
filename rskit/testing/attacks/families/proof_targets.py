"""DPoP proofs for another method or another URL, in many spellings that resemble the right one.

Spec: RFC 9449 4.3-8, -9 (RS-12; node-oauth2-jwt-bearer#244, CVE-2026-48710)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from rskit.testing.attacks.attack import Attack
from rskit.testing.attacks.declared import Family, Maker, Row, needs_proofs, proof
from rskit.testing.attacks.forger import NULL, Forger

_METHODS: Final[tuple[tuple[str, Any], ...]] = (
    ("a proof for another method", lambda forger: forger.other_method),
    ("a proof for a method in other letters", lambda forger: forger.method.swapcase()),
    ("a proof for HEAD", lambda forger: "HEAD" if forger.method != "HEAD" else "GET"),
    ("a proof for a longer method", lambda forger: f"{forger.method}X"),
    ("a proof for a part of the method", lambda forger: forger.method[:-1]),
    ("a proof for methods in a list", lambda forger: [forger.method]),
    ("a proof for several methods", lambda forger: f"{forger.other_method},{forger.method}"),
    ("a proof for any method", "*"),
    ("a proof for an empty method", ""),
    ("a proof without a method", None),
    ("a proof whose method is null", NULL),
)

METHODS: Final = Family(
    "proofs for another method",
    means="A proof that was made for reading is used to pay.",
    clause="RFC 9449 4.3-8",
    remedy="Compare htm with the method of the request line, letter for letter, never with an override header.",
    rows=tuple(
        Row(name, f"a good token with {name}", proof(claims={"htm": value})) for name, value in _METHODS
    ),
    needs=needs_proofs,
)


def _origin(forger: Forger) -> tuple[str, str]:
    """The origin, and the rest of the URL."""
    return forger.origin, forger.parts.path or "/"


def _host(change: Callable[[str], str]) -> Callable[[Forger], str]:
    def htu(forger: Forger) -> str:
        _, path = _origin(forger)
        return f"{forger.parts.scheme}://{change(forger.parts.netloc)}{path}"

    return htu


def _path(change: Callable[[str], str | None]) -> Callable[[Forger], str | None]:
    """None if this path cannot be changed in this way."""

    def htu(forger: Forger) -> str | None:
        origin, path = _origin(forger)
        changed = change(path)
        return None if changed is None or changed == path else f"{origin}{changed}"

    return htu


def _parent(path: str) -> str | None:
    head, _, last = path.rstrip("/").rpartition("/")
    return f"{head}/" if last else None


def _other_scheme(forger: Forger) -> str:
    scheme = "http" if forger.parts.scheme == "https" else "https"
    origin, path = _origin(forger)
    return f"{scheme}{origin.removeprefix(forger.parts.scheme)}{path}"


def _other_port(forger: Forger) -> tuple[str, str]:
    """The port, and the URL with it."""
    host = forger.parts.netloc.removesuffix(f":{forger.parts.port}")
    port = "8443" if forger.parts.port != 8443 else "9443"
    return port, f"{forger.parts.scheme}://{host}:{port}{_origin(forger)[1]}"


def _escaped_slash(path: str) -> str | None:
    head, _, last = path.rpartition("/")
    return f"{head}%2F{last}" if head and last else None


def _at_root(forger: Forger) -> str | None:
    """The origin alone. It is the honest URL if the path is only a slash."""
    origin, path = _origin(forger)
    return None if path == "/" else origin


_URLS: Final[tuple[tuple[str, Callable[[Forger], Any]], ...]] = (
    ("a proof for another path", _path(lambda path: f"{path.rstrip('/')}/elsewhere")),
    ("a proof for a path beside", _path(lambda path: f"{path.rstrip('/')}-elsewhere")),
    ("a proof for the path above", _path(_parent)),
    ("a proof for the root", _path(lambda _: "/")),
    ("a proof for a part of the path", _path(lambda path: path[:-1] if len(path) > 2 else None)),
    ("a proof for the path in other letters", _path(str.swapcase)),
    ("a proof for the path with a slash more", _path(lambda path: f"{path}/")),
    ("a proof for the path with its slash doubled", _path(lambda path: f"/{path}")),
    ("a proof for the path with a slash escaped", _path(_escaped_slash)),
    ("a proof for the path with ;", _path(lambda path: f"{path};x=1")),
    ("a proof for another host", _host(lambda _: "evil.example")),
    ("a proof for a host whose name begins as this one's", _host(lambda host: f"{host}.evil.example")),
    ("a proof for a host whose name ends as this one's", _host(lambda host: f"evil-{host}")),
    ("a proof for a host behind this one's name", _host(lambda host: f"{host}@evil.example")),
    ("a proof for another port", lambda forger: _other_port(forger)[1]),
    ("a proof for another scheme", _other_scheme),
    ("a proof for a URL that holds this one", lambda forger: f"https://evil.example/{forger.url}"),
    ("a proof for a URL with this one in its query", lambda forger: f"https://evil.example/?{forger.url}"),
    ("a proof for a URL with this one in its fragment", lambda forger: f"https://evil.example/#{forger.url}"),
    ("a proof for the path alone", lambda forger: _origin(forger)[1]),
    ("a proof for the origin alone", _at_root),
    ("a proof for URLs in a list", lambda forger: [forger.url.partition("?")[0]]),
    ("a proof for any URL", lambda _: "*"),
    ("a proof for an empty URL", lambda _: ""),
    ("a proof whose URL is null", lambda _: NULL),
)


def _for_url(write: Callable[[Forger], Any]) -> Maker:
    def make(forger: Forger) -> Attack | None:
        htu = write(forger)
        if htu is None:
            return None
        token = forger.token()
        return forger.attack(forger.headers(token, forger.proof(token, claims={"htu": htu})))

    return make


def _url_rows() -> Iterator[Row]:
    for name, write in _URLS:
        yield Row(name, f"a good token with {name}", _for_url(write))
    yield Row("a proof without a URL", "a good token with a proof without htu", proof(claims={"htu": None}))


URLS: Final = Family(
    "proofs for another URL",
    means="A proof that was made for one endpoint, or for the attacker's own server, is used at this one.",
    clause="RFC 9449 4.3-9",
    remedy="Compare htu, without query and fragment, with the configured origin and the raw path of the request.",
    rows=tuple(_url_rows()),
    needs=needs_proofs,
)


def _named(write: Callable[[Forger], list[tuple[str, str]]], htu: Callable[[Forger], str]) -> Maker:
    """A proof for a URL that the request's own headers name."""

    def make(forger: Forger) -> Attack:
        token = forger.token()
        return forger.attack(
            [*write(forger), *forger.headers(token, forger.proof(token, claims={"htu": htu(forger)}))]
        )

    return make


def _evil(forger: Forger) -> str:
    return f"{forger.parts.scheme}://evil.example{forger.parts.path}"


def _elsewhere(forger: Forger) -> str:
    return f"{forger.origin}/elsewhere"


_HOSTS: Final = (
    "X-Forwarded-Host",
    "X-Forwarded-Server",
    "X-Original-Host",
    "X-Host",
    "X-HTTP-Host-Override",
)
_URL_HEADERS: Final = (
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Forwarded-URI",
    "X-Envoy-Original-Path",
    "X-Forwarded-Path",
)

OVERRIDES: Final = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method")


def _overridden(forger: Forger) -> Attack:
    token, method = forger.token(), forger.other_method
    named = [(name, method) for name in OVERRIDES]
    return forger.attack([*named, *forger.headers(token, forger.proof(token, claims={"htm": method}))])


NAMED: Final = Family(
    "proofs for what the request's own headers name",
    means="The sender decides what the proof must contain, so a proof made for any server works here.",
    clause="RFC 9449 4.3-9",
    remedy="Take origin and prefix from the configuration, and method and path from the request line, never from Host "
    "or forwarded headers.",
    rows=(
        Row(
            "a proof for the host that the request names",
            "a proof for another host, which Host names",
            _named(lambda _: [("Host", "evil.example")], _evil),
        ),
        Row(
            "a proof for the host that the request says was forwarded",
            "a proof for another host, which X-Forwarded-Host and others name",
            _named(lambda _: [(name, "evil.example") for name in _HOSTS], _evil),
        ),
        Row(
            "a proof for the host in Forwarded",
            "a proof for another host, which Forwarded names",
            _named(lambda _: [("Forwarded", "host=evil.example;proto=https")], _evil),
        ),
        Row(
            "a proof for the scheme that the request says was forwarded",
            "a proof for http, which X-Forwarded-Proto names",
            _named(
                lambda forger: [("X-Forwarded-Proto", _other_scheme(forger).partition(":")[0])], _other_scheme
            ),
        ),
        Row(
            "a proof for the port that the request says was forwarded",
            "a proof for another port, which X-Forwarded-Port names",
            _named(
                lambda forger: [("X-Forwarded-Port", _other_port(forger)[0])],
                lambda forger: _other_port(forger)[1],
            ),
        ),
        Row(
            "a proof for the prefix that the request says was forwarded",
            "a proof for a longer path, whose beginning X-Forwarded-Prefix names",
            _named(
                lambda _: [("X-Forwarded-Prefix", "/evil"), ("X-Script-Name", "/evil")],
                lambda forger: f"{forger.origin}/evil{forger.parts.path}",
            ),
        ),
        Row(
            "a proof for the URL that the request says was the first",
            "a proof for another path, which X-Original-URL and others name",
            _named(lambda _: [(name, "/elsewhere") for name in _URL_HEADERS], _elsewhere),
        ),
        Row(
            "a proof for a path in Host",
            "a proof for another path, which stands in Host with a ? behind it",
            _named(lambda forger: [("Host", f"{forger.parts.netloc}/elsewhere?")], _elsewhere),
        ),
        Row(
            "a proof for the method in an override header",
            "a proof for another method, which X-HTTP-Method-Override and others name",
            _overridden,
            clause="RFC 9449 4.3-8",
        ),
    ),
    needs=needs_proofs,
)

FAMILIES: Final = (METHODS, URLS, NAMED)
