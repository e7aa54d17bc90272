"""Nothing of a Django project runs for a stranger but what is public, and by name what is after ProtectMiddleware."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.test import override_settings
from django.urls import include, path, register_converter
from django.urls.converters import StringConverter

from fapikit.errors import ConfigurationError
from tests.rskit.django_project import CALLS, SERVERS, configure
from tests.rskit.door import PREFLIGHT, Ran
from tests.rskit.mothers import a_server, a_token
from wsgi_mw.django import ProtectMiddleware, public
from wsgi_mw.django_audit import audit
from wsgi_mw.django_way import layers_inside

configure()
# rest_framework reads the settings when it is imported.
from rest_framework.response import Response  # noqa: E402
from rest_framework.routers import DefaultRouter  # noqa: E402
from rest_framework.viewsets import ViewSet  # noqa: E402

RAN = Ran()
WITH_TOKEN = {"Authorization": f"Bearer {a_token()}"}
OURS = "wsgi_mw.django.ProtectMiddleware"
FORMAT = "rest_framework.urlpatterns._get_format_path_converter.<locals>.FormatSuffixConverter"
"""The converter that a DefaultRouter adds, as the log said it."""
TEMPLATE = (Path(django.__file__).parent / "conf/project_template/project_name/settings.py-tpl").read_text()
STARTPROJECT = re.findall(r"'([\w.]+)'", TEMPLATE.partition("MIDDLEWARE = [")[2].partition("]")[0])


@public()
def health(request: HttpRequest) -> HttpResponse:
    RAN("health")
    return HttpResponse("up")


@public()
async def page(request: HttpRequest, name: str) -> HttpResponse:
    RAN("page")
    return HttpResponse(name)


@public()
def failing(request: HttpRequest) -> HttpResponse:
    RAN("failing")
    raise PermissionDenied


def accounts(request: HttpRequest) -> HttpResponse:
    RAN("accounts")
    return HttpResponse("SECRET")


urlpatterns = [
    path("health", health),
    path("failing", failing),
    path("accounts", accounts),
    path("in/", include([path("accounts", accounts), path("health", health)])),
    path("pages/<path:name>", page),
]


# --- what may stand after ours ---


class Layer:
    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        RAN(type(self).__name__)
        self.change(request)
        return self.get_response(request)

    def change(self, request: HttpRequest) -> None: ...


class Timing(Layer):
    """Watches, and hands on."""


class Rewriting(Layer):
    def change(self, request: HttpRequest) -> None:
        request.path_info = request.path_info.replace("/pages/accounts", "/accounts")


class OtherUrls(Layer):
    def change(self, request: HttpRequest) -> None:
        request.urlconf = Others  # type: ignore[attr-defined]


class Overriding(Layer):
    def change(self, request: HttpRequest) -> None:
        request.method = request.headers.get("x-http-method-override", request.method)


class Metrics(Layer):
    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info == "/pages/metrics":
            RAN("Metrics")
            return HttpResponse("SECRET")
        return super().__call__(request)


class Limiting(Layer):
    def __call__(self, request: HttpRequest) -> Any:
        return HttpResponse("later", status=429)


class BeforeTheView(Layer):
    def process_view(self, request: HttpRequest, *_: Any) -> None:
        RAN("process_view")


class AtErrors(Layer):
    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        RAN("process_exception")


def timing(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        RAN("timing")
        return get_response(request)

    return middleware


@pytest.fixture(autouse=True)
def _urls() -> Iterator[None]:
    RAN.clear()
    SERVERS[0] = a_server()
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Any:
    return CALLS[request.param]


def inside(*layers: Any, **settings: Any) -> Any:
    """The project's settings with these layers after ours."""
    names = [layer if isinstance(layer, str) else f"{__name__}.{layer.__name__}" for layer in layers]
    return override_settings(MIDDLEWARE=[OURS, *names], **settings)


# --- the rule ---


def test_the_plain_project_needs_no_settings(call: Any):
    tried = [name for name in STARTPROJECT if ".auth." not in name]  # which needs a database
    assert len(tried) == 6
    with inside(*tried, SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"):
        assert call("GET", "/health", {})[0] == 200
        assert call("GET", "/pages/x", {})[2] == b"x"
        assert call("GET", "/failing", {})[0] == 403
        for target in ("/accounts", "/in/accounts", "/nowhere", "/health/"):
            for method in ("GET", "HEAD", "POST", "OPTIONS"):
                assert call(method, target, {})[0] == 401
                assert call(method, target, PREFLIGHT)[0] == 401
        assert RAN == ["health", "page", "failing"]
        assert call("GET", "/accounts", WITH_TOKEN)[2] == b"SECRET"
        assert {route.path: route.policy for route in audit()}["/in/health"] == "public"


@pytest.mark.parametrize("layer", [Timing, timing, BeforeTheView, AtErrors])
def test_what_stands_after_ours_is_named_or_closes_what_is_public(
    call: Any, layer: Any, caplog: pytest.LogCaptureFixture
):
    name = f"{__name__}.{layer.__name__}"
    with inside(layer):
        for target in ("/health", "/failing", "/accounts", "/nowhere"):
            assert call("GET", target, {})[0] == 401
        assert RAN == []
        assert f"{name} would run around it" in caplog.text
        assert f"public, closed without a token by {name}" in str(audit())
        assert call("GET", "/accounts", WITH_TOKEN)[2] == b"SECRET"
        assert layer.__name__ in RAN
    RAN.clear()
    for named in (name, layer):
        with inside(layer, FAPIKIT_AROUND_PUBLIC=[named]):
            assert call("GET", "/health", {})[0] == 200
            assert layer.__name__ in RAN
            assert {route.path: route.policy for route in audit()}["/health"] == "public"
            RAN.clear()
            for target in ("/accounts", "/nowhere"):
                assert call("GET", target, {})[0] == 401
            assert RAN == []


@pytest.mark.parametrize(
    ("layer", "target"),
    [
        (Rewriting, "/pages/accounts"),
        (OtherUrls, "/health"),
        (Overriding, "/health"),
        (Metrics, "/pages/metrics"),
    ],
)
def test_what_is_named_does_not_lead_a_stranger_elsewhere(call: Any, layer: Any, target: str):
    with inside(layer, FAPIKIT_AROUND_PUBLIC=[layer]):
        status, headers, body = call("GET", target, {"x-http-method-override": "POST"})
    assert (status, body) == (401, b"")
    assert "www-authenticate" in headers
    assert [layer.__name__] == RAN


class Others:
    """Another URLconf: the same path, and another view."""

    urlpatterns = [path("health", accounts)]


def test_what_is_named_may_refuse(call: Any):
    with inside(Limiting, FAPIKIT_AROUND_PUBLIC=[Limiting]):
        assert call("GET", "/health", {})[2] == b"later"
        assert call("GET", "/accounts", {})[0] == 401


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    RAN("refused")
    return HttpResponse("handled", status=403)


class WithHandler:
    urlpatterns = urlpatterns
    handler403 = staticmethod(refused)


class OwnConverter(StringConverter):
    def to_python(self, value: str) -> str:
        RAN("to_python")
        return value


class WithConverter:
    register_converter(OwnConverter, "of_the_door")
    urlpatterns = [*urlpatterns, path("own/<of_the_door:name>", page)]


@pytest.mark.parametrize(
    ("urls", "layer", "target", "ran"),
    [
        (WithHandler, refused, "/failing", ["failing", "refused"]),
        (WithConverter, OwnConverter, "/own/x", ["to_python", "to_python", "page"]),
    ],
)
def test_handlers_and_converters_are_named_too(call: Any, urls: Any, layer: Any, target: str, ran: list[str]):
    with inside(ROOT_URLCONF=urls):
        assert call("GET", target, {})[0] == 401
        assert RAN == []
        assert f"closed without a token by {__name__}.{layer.__name__}" in str(audit())
    with inside(ROOT_URLCONF=urls, FAPIKIT_AROUND_PUBLIC=[layer]):
        assert call("GET", target, {})[0] in (200, 403)
        assert ran == RAN


class ListOfAccounts(ViewSet):
    def list(self, request: Any, format: str | None = None) -> Response:  # noqa: A002 - rest_framework's name
        return Response(["SECRET"])


class WithRouter:
    router = DefaultRouter()
    router.register("router", ListOfAccounts, basename="router")
    urlpatterns = [*urlpatterns, path("", include(router.urls))]


@pytest.mark.parametrize("named", [[], [FORMAT]])
def test_a_router_of_rest_framework_closes_no_public_page(call: Any, named: list[str]):
    with inside(ROOT_URLCONF=WithRouter, FAPIKIT_AROUND_PUBLIC=named):
        assert call("GET", "/health", {})[0] == 200
        assert {route.path: route.policy for route in audit()}["/health"] == "public"
        for target in ("/router/", "/router.json", "/"):
            assert call("GET", target, {})[0] == 401
            assert call("GET", target, WITH_TOKEN)[0] == 200


def test_what_stands_before_ours_is_listed_as_outside():
    with override_settings(MIDDLEWARE=[f"{__name__}.Timing", OURS]):
        assert audit().outside == (f"{__name__}.Timing",)


def test_one_that_is_not_in_the_list_lets_no_stranger_in(caplog: pytest.LogCaptureFixture):
    with override_settings(MIDDLEWARE=[]):
        middleware = ProtectMiddleware(lambda request: RAN("inner"))  # type: ignore[arg-type, func-returns-value]
    assert "is not in MIDDLEWARE exactly once" in caplog.text
    request = HttpRequest()
    request.method, request.path_info = "GET", "/health"
    request.META = {"PATH_INFO": "/health"}
    assert middleware(request).status_code == 401  # type: ignore[union-attr]
    assert RAN == []


def test_names_that_name_nothing_are_refused_when_the_project_starts():
    with (
        override_settings(FAPIKIT_AROUND_PUBLIC="bank.Timing"),
        pytest.raises(ConfigurationError, match="around_public= takes a collection"),
    ):
        ProtectMiddleware(lambda request: HttpResponse())
    for setting in (
        {"FAPIKIT_AROUND_PUBLIC": ["no_such_bank.Timing"]},
        {"FAPIKIT_RESOURCE_SERVER": "no_such_bank.server"},
    ):
        with override_settings(**setting), pytest.raises(ConfigurationError, match="no_such_bank"):
            ProtectMiddleware(lambda request: HttpResponse())


def test_what_startproject_puts_in_is_django_s_own():
    with override_settings(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"]):
        with inside(*STARTPROJECT):
            assert layers_inside(ProtectMiddleware) == ()
        with inside("django.middleware.gzip.GZipMiddleware", *STARTPROJECT):
            assert layers_inside(ProtectMiddleware) == (GZipMiddleware,)
        with inside(*STARTPROJECT, OURS):
            assert layers_inside(ProtectMiddleware) is None
