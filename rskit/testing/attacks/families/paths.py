"""Other spellings of the protected path: each must lead nowhere, or be protected too.

Spec: FAPI2-SP 5.3.4-1, 5.3.4-4 (N13 of the threats; CVE-2019-9901, CVE-2026-48710)
Role: RS
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from fapikit.scan_report import NotLookedAt
from rskit.testing.attacks.attack import Attack, is_not_served_without_token, spelled_otherwise_is_refused
from rskit.testing.attacks.declared import Family, Made, Maker, Row
from rskit.testing.attacks.forger import Forger


def _letter(path: str, escape: str = "%") -> str:
    """The first letter is escaped."""
    return f"/{escape}{ord(path[1]):02x}{path[2:]}" if len(path) > 1 else "/%2f"


def _last_slash(path: str, instead: str) -> str:
    head, _, last = path.rpartition("/")
    return f"{head}{instead}{last}" if head else f"/{instead}{last}"


SPELLINGS: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("its first slash doubled", lambda path: f"/{path}"),
    ("three slashes", lambda path: f"//{path}"),
    ("a slash at the end", lambda path: f"{path}/"),
    ("two slashes at the end", lambda path: f"{path}//"),
    ("a dot in front", lambda path: f"/.{path}"),
    ("a dot behind", lambda path: f"{path}/."),
    ("an escaped dot in front", lambda path: f"/%2e{path}"),
    ("dots", lambda path: f"/x/..{path}"),
    ("escaped dots", lambda path: f"/x/%2e%2e{path}"),
    ("escaped dots and slash", lambda path: f"/x/%2e%2e%2f{path[1:]}"),
    ("dots behind ;", lambda path: f"/x/..;{path}"),
    ("; behind", lambda path: f"{path};x=1"),
    ("; and a slash behind", lambda path: f"{path};/"),
    ("; in front", lambda path: f"/;x=1{path}"),
    ("capitals", str.upper),
    ("one capital", lambda path: path[:1] + path[1:2].upper() + path[2:]),
    ("a letter escaped", _letter),
    ("a letter escaped twice", lambda path: _letter(path, "%25")),
    ("its last slash escaped", lambda path: _last_slash(path, "%2F")),
    ("its last slash escaped twice", lambda path: _last_slash(path, "%252F")),
    ("a backslash", lambda path: _last_slash(path, "\\")),
    ("an escaped backslash", lambda path: _last_slash(path, "%5C")),
    ("an escaped slash behind", lambda path: f"{path}%2F"),
    ("a null octet", lambda path: f"{path}%00"),
    ("a null octet and an extension", lambda path: f"{path}%00.css"),
    ("an escaped space", lambda path: f"{path}%20"),
    ("an escaped tab", lambda path: f"{path}%09"),
    ("an escaped line break", lambda path: f"{path}%0a"),
    ("an escaped question mark", lambda path: f"{path}%3F"),
    ("an escaped hash", lambda path: f"{path}%23"),
    ("an extension", lambda path: f"{path}.json"),
    ("an extension of static files", lambda path: f"{path}.css"),
    ("a static file below", lambda path: f"{path}/x.css"),
    ("a static file behind ;", lambda path: f"{path};x.css"),
    ("dots out of /.well-known", lambda path: f"/.well-known/oauth-protected-resource/../..{path}"),
    ("dots out of /health", lambda path: f"/health/..{path}"),
    ("dots out of /static", lambda path: f"/static/..{path}"),
    ("escaped dots out of /public", lambda path: f"/public/%2e%2e{path}"),
    ("/.well-known behind", lambda path: f"{path}/.well-known/oauth-protected-resource"),
    ("/health behind", lambda path: f"{path}/health"),
)
"""Name, and the path spelled so."""

_QUERIES: Final = (
    "/health",
    "x=/.well-known/oauth-protected-resource",
    "x=.css",
    "public=true",
    "debug=true",
    "_method=OPTIONS",
)


def _spelled(forger: Forger, spell: Callable[[str], str]) -> str | None:
    path = forger.parts.path or "/"
    changed = spell(path)
    query = f"?{forger.parts.query}" if forger.parts.query else ""
    return None if changed == path else f"{forger.origin}{changed}{query}"


def _without_token(spell: Callable[[str], str]) -> Maker:
    def make(forger: Forger) -> Attack | None:
        url = _spelled(forger, spell)
        return (
            None if url is None else forger.attack([], url=url, odd=True, judge=is_not_served_without_token)
        )

    return make


def _without_scope(spell: Callable[[str], str]) -> Maker:
    """A spelling that serves a token with the scope must not serve one without it."""

    def make(forger: Forger) -> Attack | None:
        url = _spelled(forger, spell)
        if url is None or not forger.granted.get("scope"):
            return None
        control = (url, forger.headers(forger.token(), url=url))
        return forger.attack(
            forger.headers(forger.token(scope=""), url=url),
            url=url,
            control=control,
            odd=True,
            judge=spelled_otherwise_is_refused,
        )

    return make


def _queried(query: str) -> Maker:
    def make(forger: Forger) -> Attack:
        url = f"{forger.url}{'&' if '?' in forger.url else '?'}{query}"
        return forger.attack([], url=url, odd=True, judge=is_not_served_without_token)

    return make


def _rows() -> Iterator[Row]:
    for name, spell in SPELLINGS:
        yield Row(
            f"no token, at the path with {name}",
            f"the path with {name}, without a token",
            _without_token(spell),
        )
    for query in _QUERIES:
        yield Row(
            f"no token, with the query {query}",
            f"the request without a token, with the query {query}",
            _queried(query),
        )


PATHS: Final = Family(
    "other spellings of the path",
    means="A request without a token is served, because guard and router read the path differently.",
    clause="FAPI2-SP 5.3.4-1",
    remedy="Attach the policy to the endpoint that the router found, and protect everything else by default.",
    rows=tuple(_rows()),
)

PATHS_WITHOUT_SCOPE: Final = Family(
    "other spellings of the path, without the scope",
    means="A token for something else works here, because the scope is looked up by a differently spelled path.",
    clause="FAPI2-SP 5.3.4-4",
    remedy="Attach the scope to the endpoint that the router found.",
    rows=tuple(
        Row(
            f"a token without the scope, at the path with {name}",
            f"the path with {name}, with a token without the scope",
            _without_scope(spell),
        )
        for name, spell in SPELLINGS
    ),
)


def _target(write: Callable[[Forger], str]) -> Maker:
    def make(forger: Forger) -> Made:
        if forger.reach.target is None:
            return NO_TARGETS
        attack = forger.attack([], url=write(forger), odd=True, judge=is_not_served_without_token)
        return attack._replace(via=(TARGET,))

    return make


TARGET: Final = -1
"""Used instead of a worker's number: `Reach.target`."""
NO_TARGETS: Final = NotLookedAt(
    "request targets as they are written",
    "a client may correct a URL before it sends it: then odd spellings of the path were sent in the normal one",
    "AsgiSender, WsgiSender, or Reach(target=...)",
)


def _path(forger: Forger) -> str:
    return forger.parts.path or "/"


TARGETS: Final = Family(
    "request targets that are no path",
    means="A request without a token is served, because guard and router read the request line differently.",
    clause="FAPI2-SP 5.3.4-1",
    remedy="Take the path from an absolute target, refuse every other form, and attach the policy to the endpoint.",
    rows=(
        Row("no token, by a whole URL", "the URL as the request target", _target(lambda forger: forger.url)),
        Row(
            "no token, by a whole URL of another host",
            "a URL of another host as the request target",
            _target(lambda forger: f"http://localhost{_path(forger)}"),
        ),
        Row(
            "no token, by a whole URL of an open path",
            "a URL whose host holds an open path",
            _target(lambda forger: f"http://localhost/health/..{_path(forger)}"),
        ),
        Row(
            "no token, by a path without a slash",
            "the path without its first slash",
            _target(lambda forger: _path(forger)[1:] or "x"),
        ),
        Row("no token, by *", "a star as the request target", _target(lambda _: "*")),
        Row(
            "no token, by a host and a path",
            "two slashes, a host and the path",
            _target(lambda forger: f"//{forger.parts.netloc}{_path(forger)}"),
        ),
    ),
)

FAMILIES: Final = (PATHS, PATHS_WITHOUT_SCOPE, TARGETS)
