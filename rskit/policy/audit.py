"""One route with its policy and its protection, in the form that the audits of both middlewares list it.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fapikit.errors import ConfigurationError
from rskit.access import Access
from rskit.policy.around_public import name_of
from rskit.policy.public_access import PublicAccess
from rskit.policy.way import Way


class RoutePolicy(NamedTuple):
    """`policy`: the route's Access, "public", a description, or None (any valid token).

    A public route may still be closed without a token, because application code runs around it. The policy names it.
    """

    methods: tuple[str, ...]
    path: str
    policy: Access | str | None

    def without_token(self, way: Way, public_accesses: Sequence[PublicAccess]) -> RoutePolicy:
        """The policy under these protections, from the outside in. `way` leads from the innermost one to the route."""
        policy = self.policy
        if not public_accesses or way.endpoint is None:
            return self
        if policy != "public":
            if not public_accesses[-1].public_routes.names(way.path):
                return self
            if policy is not None:
                raise ConfigurationError(
                    f"{way.path} is in public_routes= and has a rule of its own: remove one of the two"
                )
            policy = "public by name"
        closing = public_accesses[-1].around_public.missing(way.layers)
        if way.hides is not None and name_of(way.hides) not in closing:
            closing = (*closing, name_of(way.hides))
        if len(public_accesses) > 1:
            closing = (*closing, "the other Protect")
        closed = f", closed without a token by {', '.join(closing)}" if closing else ""
        return self._replace(policy=f"{policy}{closed}")

    def __str__(self) -> str:
        return f"{' '.join(self.methods):24} {self.path:40} {self.policy or 'any valid token'}"


class RouteTable(list[RoutePolicy]):
    """The routes. `protected_by`: the resource of each `Protect` that was found around them, from the outside in.

    Empty means that none was found around the audited object; the server that runs it may still add one. `outside`:
    the layers before the first Protect, which run for everybody. `around_public`: the names in around_public=.
    """

    def __init__(
        self,
        routes: Iterable[RoutePolicy],
        protected_by: Iterable[str],
        outside: Iterable[object] = (),
        public_accesses: Sequence[PublicAccess] = (),
    ) -> None:
        super().__init__(routes)
        self.protected_by = tuple(protected_by)
        self.outside = tuple(map(name_of, outside))
        self.around_public = tuple(
            name for public_access in public_accesses for name in public_access.around_public
        )
        self.public_accesses = tuple(public_accesses)

    @property
    def protected(self) -> bool:
        return bool(self.protected_by)

    def __str__(self) -> str:
        found = (
            f"protected by {' and '.join(self.protected_by)}" if self.protected_by else "NO Protect around it"
        )
        lines = [found]
        if self.protected and self.outside:
            lines.append(f"outside, for everybody: {', '.join(self.outside)}")
        if self.around_public:
            lines.append(f"around what is public: {', '.join(self.around_public)}")
        return "\n".join([*lines, *map(str, self)])


def checked(table: RouteTable, *, every_route_explicit: bool) -> RouteTable:
    """Return the table.

    Raises ConfigurationError if a resource is protected twice, a name matches no route, or a rule is missing.
    """
    for resource in table.protected_by:
        if table.protected_by.count(resource) > 1:
            raise ConfigurationError(
                f"two Protects for {resource}, one inside the other: a DPoP proof can be used in only one of them"
            )
    for public_access in table.public_accesses:
        if unused := public_access.public_routes.unused(route.path for route in table):
            raise ConfigurationError(f"public_routes= names paths that are no route: {', '.join(unused)}")
    silent = [route for route in table if route.policy is None]
    if every_route_explicit and silent:
        named = ", ".join(f"{' '.join(route.methods)} {route.path}" for route in silent)
        raise ConfigurationError(f"routes with neither Access nor public(): {named}", facts={"routes": named})
    return table
