"""The paths of the endpoints, and the form of their refusals: JSON for programs, a page for people.

A new endpoint is a file in `endpoints/` and a line here.

Spec: RFC 8414 3; OIDC Discovery 4; FAPI2-SP 5.3.2.2-10
Role: AS
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from askit import wire_errors
from askit.browser_origins import open_to
from askit.core import Core
from askit.endpoints import (
    authentication_device,
    authorize,
    backchannel_authentication,
    decision,
    device,
    device_authorization,
    end_session,
    event_poll,
    event_stream_state,
    event_streams,
    grant_management,
    grants,
    intents,
    introspect,
    jwks,
    login,
    manage_registration,
    metadata,
    par,
    probes,
    register,
    revoke,
    signals_metadata,
    status_lists,
    step_up,
    token,
    userinfo,
)
from askit.errors import NoSuchEndpoint
from askit.messages import see_other
from askit.pages.languages import prefer_header
from askit.refusal_pages import refusal_page
from askit.requests.known_client import known_client
from fapikit.clauses import cite_what_is_in_force
from fapikit.errors import ConfigurationError
from fapikit.tracebacks import bare

Endpoint: TypeAlias = Callable[[Core, Request], Awaitable[Response]]
Answer: TypeAlias = Callable[[Request], Awaitable[Response]]


_STATIC: Final = {"cache-control": "public, max-age=3600", "content-security-policy": "default-src 'none'"}


def build_routes(core: Core) -> list[Route]:
    """All routes, below the path of the issuer."""
    base = core.path

    def api(endpoint: Endpoint) -> Answer:
        return _answering_in_json(core, endpoint)

    def page(endpoint: Endpoint) -> Answer:
        return _answering_by_pages(core, endpoint)

    async def style(_request: Request) -> Response:
        return Response(core.pages.templates.style, headers=dict(_STATIC), media_type="text/css")

    async def icon(_request: Request) -> Response:
        return Response(core.pages.templates.icon, headers=dict(_STATIC), media_type="image/svg+xml")

    async def static(request: Request) -> Response:
        found = core.pages.templates.static.get(request.path_params["name"])
        if found is None:
            return Response(status_code=404)
        octets, media_type = found
        return Response(octets, headers=dict(_STATIC), media_type=media_type)

    def shared(path: str, endpoint: Endpoint, *methods: str, document: bool = False) -> Route:
        """An endpoint that pages of other origins may call, if the settings allow it."""
        middleware = open_to(core.config.origins_let_in, methods, document=document)
        preflights = ["OPTIONS"] if middleware else []
        return Route(path, api(endpoint), methods=[*methods, *preflights], middleware=middleware)

    own = [
        shared(f"/.well-known/oauth-authorization-server{base}", metadata.metadata, "GET", document=True),
        shared(f"{base}/.well-known/openid-configuration", metadata.metadata, "GET", document=True),
        shared(f"{base}/jwks", jwks.jwks, "GET", document=True),
        *(
            ()
            if core.config.status_list_ttl is None
            else (
                shared(f"{base}/status_lists", status_lists.aggregation, "GET", document=True),
                shared(f"{base}/status_lists/{{name}}", status_lists.status_list, "GET", document=True),
            )
        ),
        *(() if core.config.shared_signals is None else _signals(core, api)),
        Route(f"{base}/healthz", api(probes.live)),
        Route(f"{base}/readyz", api(probes.Readiness().ready)),
        shared(f"{base}/par", par.par, "POST"),
        shared(f"{base}/token", token.token, "POST"),
        shared(f"{base}/revoke", revoke.revoke, "POST"),
        shared(f"{base}/userinfo", userinfo.userinfo, "GET", "POST"),
        shared(f"{base}/register", register.register, "POST"),
        Route(
            f"{base}/device_authorization", api(device_authorization.device_authorization), methods=["POST"]
        ),
        Route(
            f"{base}/backchannel_authentication",
            api(backchannel_authentication.backchannel_authentication),
            methods=["POST"],
        ),
        Route(f"{base}/grant_management/{{grant_id}}", api(grant_management.query)),
        Route(f"{base}/grant_management/{{grant_id}}", api(grant_management.revoke), methods=["DELETE"]),
        Route(f"{base}/introspect", api(introspect.introspect), methods=["POST"]),
        Route(f"{base}/register/{{client_id}}", api(manage_registration.read)),
        Route(f"{base}/register/{{client_id}}", api(manage_registration.change), methods=["PUT"]),
        Route(f"{base}/register/{{client_id}}", api(manage_registration.end), methods=["DELETE"]),
        _without_head(Route(f"{base}/authorize", page(authorize.authorize), methods=["GET", "POST"])),
        _without_head(Route(f"{base}/interaction", page(authorize.interaction))),
        Route(f"{base}/login", page(login.login), methods=["POST"]),
        Route(f"{base}/step_up", page(step_up.step_up), methods=["POST"]),
        Route(f"{base}/decision", page(decision.decision), methods=["POST"]),
        Route(f"{base}/device", page(device.device)),
        Route(f"{base}/device", page(device.typed), methods=["POST"]),
        Route(f"{base}/device/confirm", page(device.confirm), methods=["POST"]),
        Route(f"{base}/authentication_device", page(authentication_device.authentication_device)),
        *(
            _to_own_page(core, f"{base}/{form}", "grants")
            for form in ("login", "step_up", "decision", "logout", "grants/end")
        ),
        _to_own_page(core, f"{base}/device/confirm", "device"),
        _without_head(Route(f"{base}/end_session", page(end_session.end_session), methods=["GET", "POST"])),
        Route(f"{base}/logout", page(end_session.logout), methods=["POST"]),
        Route(f"{base}/grants", page(grants.list_grants)),
        Route(f"{base}/grants/end", page(grants.end_grant), methods=["POST"]),
        Route(f"{base}/style.css", style),
        Route(f"{base}/icon.svg", icon),
        Route(f"{base}/static/{{name}}", static),
    ]
    return [*own, *_intents(core, api, {_first_part(route.path, base) for route in own})]


def _first_part(path: str, base: str) -> str:
    return path.removeprefix(base).split("/")[1]


def _intents(core: Core, api: Callable[[Endpoint], Answer], taken: set[str]) -> Iterator[Route]:
    """The consent resources that are configured. `taken`: how the other paths begin. Raises ConfigurationError."""
    for known, lodging in core.config.lodgings:
        if _first_part(lodging.path, "") in taken:
            raise ConfigurationError(
                f"authorization_details_types ({known.type}): lodged.path = {lodging.path!r} belongs to an endpoint of"
                " this server: choose another path",
                facts={"setting": "authorization_details_types.lodged.path"},
            )
        path = f"{core.path}{lodging.path}"
        yield Route(path, api(intents.lodge_at(known, lodging)), methods=["POST"])
        yield Route(f"{path}/{{intent_id}}", api(intents.read_at(known, lodging)))
        if lodging.shape.deletable:
            yield Route(f"{path}/{{intent_id}}", api(intents.end_at(known, lodging)), methods=["DELETE"])


def _signals(core: Core, api: Callable[[Endpoint], Answer]) -> list[Route]:
    """The endpoints for receivers of Shared Signals."""
    base = core.path
    streams = f"{base}/event_streams"
    return [
        Route(f"/.well-known/ssf-configuration{base}", api(signals_metadata.signals_metadata)),
        Route(streams, api(event_streams.create), methods=["POST"]),
        Route(streams, api(event_streams.read)),
        Route(streams, api(event_streams.change), methods=["PATCH", "PUT"]),
        Route(streams, api(event_streams.delete), methods=["DELETE"]),
        Route(f"{streams}/status", api(event_stream_state.read_status)),
        Route(f"{streams}/status", api(event_stream_state.change_status), methods=["POST"]),
        Route(f"{streams}/add_subject", api(event_stream_state.add_subject), methods=["POST"]),
        Route(f"{streams}/remove_subject", api(event_stream_state.remove_subject), methods=["POST"]),
        Route(f"{streams}/verification", api(event_stream_state.verify), methods=["POST"]),
        Route(f"{streams}/{{stream_id}}/poll", api(event_poll.poll), methods=["POST"]),
    ]


def _answering_in_json(core: Core, endpoint: Endpoint) -> Answer:
    """An endpoint whose refusals are JSON."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(core, request)
        except Exception as raised:  # noqa: BLE001 - no traceback may leave the server
            cite_what_is_in_force(raised, core.profile)
            place = wire_errors.place_of(request)
            error = wire_errors.refusal_of(raised, place, core.log, known_client(request))
            return wire_errors.error_answer(error, basic="authorization" in request.headers)
        except BaseException as ended:  # the request was cancelled, or the server stops
            bare(ended)
            raise

    return answer


def _answering_by_pages(core: Core, endpoint: Endpoint) -> Answer:
    """An endpoint whose refusals are pages, each with a reference that is in the log too."""

    async def answer(request: Request) -> Response:
        prefer_header(request.headers.get("accept-language", ""))
        try:
            return await endpoint(core, request)
        except Exception as raised:  # noqa: BLE001 - as above
            cite_what_is_in_force(raised, core.profile)
            reference = core.random_bytes(4).hex()
            place = f"{wire_errors.place_of(request)} (reference {reference})"
            error = wire_errors.refusal_of(raised, place, core.log, known_client(request))
            return await refusal_page(core, request, error, reference)
        except BaseException as ended:
            bare(ended)
            raise

    return answer


async def no_route(core: Core, request: Request, status: int) -> Response:
    """The refusal where no route fits: a page for a browser that shows pages, JSON for everybody else."""

    async def refuse(_core: Core, _request: Request) -> Response:
        raise NoSuchEndpoint(status)

    wants_page = "text/html" in request.headers.get("accept", "")
    return await (_answering_by_pages if wants_page else _answering_in_json)(core, refuse)(request)


def _to_own_page(core: Core, path: str, page: str) -> Route:
    """The address of a form, loaded with GET by Back, Reload or a bookmark: redirects to a page."""

    async def lead_on(_request: Request) -> Response:
        return see_other(core.endpoint(page))

    return Route(path, lead_on)


def _without_head(route: Route) -> Route:
    """The route without the HEAD that Starlette adds to GET: a link preview must not answer a prompt=none request."""
    if route.methods is not None:
        route.methods.discard("HEAD")
    return route
