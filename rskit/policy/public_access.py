"""Which requests pass without a token: those for a public endpoint around which only named application code runs.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fapikit.errors import ConfigurationError
from rskit.access import is_public
from rskit.answers.cors import Cors
from rskit.answers.trace import LOGGER
from rskit.policy.around_public import AroundPublic, name_of
from rskit.policy.public_routes import PublicRoutes
from rskit.policy.way import Way


class PublicAccess:
    """The rule of one Protect. If something keeps a public endpoint closed, the log says so once for each."""

    def __init__(
        self,
        around_public: Collection[object] = (),
        public_routes: Collection[str] = (),
        cors: Cors | None = None,
    ) -> None:
        self.around_public = AroundPublic(around_public)
        self.public_routes = PublicRoutes(public_routes)
        if not isinstance(cors, Cors | None):
            raise ConfigurationError("cors= must be Cors(origins={...})")
        self._said: set[tuple[str, str]] = set()

    def is_public(self, endpoint: Any, path: str) -> bool:
        """Whether an endpoint is marked as public, or its route is named in public_routes=."""
        return is_public(endpoint) or self.public_routes.names(path)

    def allows(self, way: Way) -> bool:
        if not way.public:
            return False
        missing = self.around_public.missing(way.layers)
        if missing:
            self._say(way, ", ".join(missing), "would run around it, and is not named in around_public=")
        elif way.hides is not None:
            self._say(way, name_of(way.hides), "has no attribute app that shows what it calls")
        return not missing and way.hides is None

    def _say(self, way: Way, layers: str, why: str) -> None:
        if (layers, why) not in self._said:
            self._said.add((layers, why))
            LOGGER.warning(
                "%s is closed without a token: %s %s. Put code that cannot be named outside of the protection",
                "the application" if way.endpoint is None else f"{way.path} is public and",
                layers,
                why,
            )

    def warn_of_preflight(self, origin: str) -> None:
        """Without a policy, preflights are refused. The browser's console only says that the preflight failed."""
        if ("preflight", "") not in self._said:
            self._said.add(("preflight", ""))
            LOGGER.warning(
                "a preflight from a page of %s was refused, so the page cannot call this API: set "
                "cors=Cors(origins={...}), or handle CORS outside of the protection",
                ascii(origin[:100]),
            )

    def __repr__(self) -> str:
        return f"PublicAccess({self.around_public!r}, {self.public_routes!r})"
