"""Routes made public by their path, for pages that a team did not write: documents, logins, files of a framework.

A name is the path of a route as the audit lists it, such as `/static/{path}`, or `/admin/*` for all paths that begin
with `/admin/`. It is compared with the matched route, never with the path on the request line.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from fapikit.errors import ConfigurationError


class PublicRoutes:
    """Raises ConfigurationError for a name that is not a path."""

    def __init__(self, named: Collection[str] = ()) -> None:
        if isinstance(named, str) or not isinstance(named, Collection):
            raise ConfigurationError('public_routes= takes a collection of paths, such as ["/docs"]')
        for name in named:
            if not str(name).startswith("/"):
                raise ConfigurationError(
                    f"public_routes= takes the paths of routes as the audit lists them, not {name!r}"
                )
            if name == "/*":
                raise ConfigurationError(
                    'public_routes=["/*"] would make every route public: remove Protect instead'
                )
        self._named = frozenset(named)
        self._prefixes = tuple(name[:-1] for name in named if name.endswith("/*"))

    def names(self, path: str) -> bool:
        return path in self._named or path.startswith(self._prefixes)

    def unused(self, paths: Iterable[str]) -> tuple[str, ...]:
        """The names that match none of these paths."""
        paths = tuple(paths)
        used = {name for name in self._named if any(PublicRoutes([name]).names(path) for path in paths)}
        return tuple(sorted(self._named - used))

    def __repr__(self) -> str:
        return f"PublicRoutes({', '.join(sorted(self._named))})"
