"""Who is let in without a token: a request for a public endpoint, with nothing unnamed of the application on its way.

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


class Door:
    """The rule of one Protect. What stands in the way of a public endpoint is said in the log, once for each."""

    def __init__(
        self,
        around_public: Collection[object] = (),
        public_routes: Collection[str] = (),
        cors: Cors | None = None,
    ) -> None:
        self.around_public = AroundPublic(around_public)
        self.public_routes = PublicRoutes(public_routes)
        if not isinstance(cors, Cors | None):
            raise ConfigurationError("cors= takes Cors(origins={...})")
        self._said: set[tuple[str, str]] = set()

    def is_public(self, endpoint: Any, path: str) -> bool:
        """Whether an endpoint says so itself, or its route is named."""
        return is_public(endpoint) or self.public_routes.names(path)

    def opens_to(self, way: Way) -> bool:
        if not way.public:
            return False
        missing = self.around_public.missing(way.layers)
        if missing:
            self._say(way, ", ".join(missing), "would run around it, and around_public= does not name that")
        elif way.hides is not None:
            self._say(way, name_of(way.hides), "does not show by an attribute app what it leads to")
        return not missing and way.hides is None

    def _say(self, way: Way, layers: str, why: str) -> None:
        if (layers, why) not in self._said:
            self._said.add((layers, why))
            LOGGER.warning(
                "%s answers no stranger: %s %s. What cannot be named goes outside of the protection",
                "the application" if way.endpoint is None else f"{way.path} is public and",
                layers,
                why,
            )

    def say_preflight(self, origin: str) -> None:
        """Without a policy nobody here answers one; the page's console says no more than that it failed."""
        if ("preflight", "") not in self._said:
            self._said.add(("preflight", ""))
            LOGGER.warning(
                "a preflight of a page of %s was refused, so that it may not call: give cors=Cors(origins={...}), "
                "or put CORS handling outside of the protection",
                ascii(origin[:100]),
            )

    def __repr__(self) -> str:
        return f"Door({self.around_public!r}, {self.public_routes!r})"
