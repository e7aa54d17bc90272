"""Class-based views and REST framework under ProtectMiddleware: rules by method, the user, and CSRF."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, JsonResponse
from django.test import override_settings
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from fapikit.errors import ConfigurationError
from tests.rskit.django_project import CALLS, SERVERS, configure
from tests.rskit.mothers import RESOURCE, a_server, a_token, a_view, allowed
from wsgi_mw.django import Access, AccessRequiredMixin, public, token_of
from wsgi_mw.django_audit import audit

configure()

from rest_framework.decorators import action, api_view  # noqa: E402 - reads the settings when it is imported
from rest_framework.permissions import IsAdminUser, IsAuthenticated  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.throttling import UserRateThrottle  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework.viewsets import ViewSet  # noqa: E402

from wsgi_mw.rest_framework import AccessPermission, TokenUser  # noqa: E402


class Notes(AccessRequiredMixin, View):
    access = {"GET": Access("accounts"), "POST": Access("payments", fresh=True)}

    def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({"of": request.auth.subject})  # type: ignore[attr-defined]

    def post(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({"written": True})


async def a_note(request: HttpRequest) -> dict[str, str]:
    return {"type": "note"}


class AsyncNotes(AccessRequiredMixin, View):
    access = Access("admin", details=a_note)

    async def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({"admin": True})


@public()
class Open(View):
    def post(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({"posted": True})


class Whoami(APIView):
    def get(self, request: Request) -> Response:
        user: TokenUser = request.user
        assert request.auth is request._request.auth
        assert (user.is_authenticated, user.is_anonymous, user.is_active) == (True, False, True)
        return Response([user.username, user.pk])


@public()
class Members(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        return Response("a member")


class Staff(APIView):
    permission_classes = (IsAdminUser,)

    def get(self, request: Request) -> Response:
        return Response("never")


class Ruled(AccessRequiredMixin, APIView):
    access = Access("admin")

    def get(self, request: Request) -> Response:
        return Response("admin")


class Often(UserRateThrottle):
    rate = "1/min"

    def get_cache_key(self, request: Request, view: Any) -> Any:
        assert super().get_cache_key(request, view).endswith("https://as.example#alice")
        return None  # nothing is counted


class Throttled(APIView):
    throttle_classes = (Often,)

    def get(self, request: Request) -> Response:
        return Response("in time")


class Things(AccessRequiredMixin, ViewSet):
    access = {"GET": Access("accounts")}

    def list(self, request: Request) -> Response:
        return Response([])

    def create(self, request: Request) -> Response:
        return Response("made")


@method_decorator(Access("admin"), name="dispatch")
class Decorated(View):
    def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({})


@api_view(["GET"])
@Access("admin")
def below(request: Request) -> Response:
    return Response(request.auth.subject)


def of_data(request: Request) -> dict[str, str]:
    return {"type": request.data["type"]}


class Payments(ViewSet):
    @Access("payments", details=of_data, fresh=True)
    def create(self, request: Request) -> Response:
        return Response(token_of(request).subject)

    @action(detail=False)
    @method_decorator(Access("admin"))
    def closed(self, request: Request) -> Response:
        return Response("closed")

    @action(detail=False, permission_classes=[AccessPermission(Access("admin"))])
    def late(self, request: Request) -> Response:
        return Response("late")


class Permitted(APIView):
    permission_classes = (AccessPermission(Access("admin")),)

    def get(self, request: Request) -> Response:
        return Response("permitted")


class OnMethods(View):
    @Access("admin")
    def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({})


class OnAsyncMethods(View):
    @Access("admin")
    async def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({})


@public()
class News(ViewSet):
    def list(self, request: Request) -> Response:
        return Response("news")


@Access("admin")
@api_view(["GET"])
def function(request: Request) -> Response:
    return Response("admin")


urlpatterns = [
    path("notes", Notes.as_view()),
    path("async", AsyncNotes.as_view()),
    path("open", Open.as_view()),
    path("whoami", Whoami.as_view()),
    path("members", Members.as_view()),
    path("staff", Staff.as_view()),
    path("ruled", Ruled.as_view()),
    path("throttled", Throttled.as_view()),
    path("things", Things.as_view({"get": "list", "post": "create"})),
    path("function", function),
    path("below", below),
    path("made", Payments.as_view({"post": "create"})),
    path("closed", Payments.as_view({"get": "closed"})),
    path(
        "late",
        Payments.as_view({"get": "late"}, permission_classes=Payments.late.kwargs["permission_classes"]),
    ),
    path("permitted", Permitted.as_view()),
    path("on-methods", OnMethods.as_view()),
    path("on-async-methods", OnAsyncMethods.as_view()),
    path("news", News.as_view({"get": "list"})),
    path("inner/", include([path("decorated", Decorated.as_view())])),
]


@pytest.fixture(scope="module", autouse=True)
def _urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Any:
    SERVERS[0] = a_server()
    return CALLS[request.param]


def bearer(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {a_token(**claims)}"}


def test_each_method_has_its_rule(call: Any):
    reader, payer = bearer(scope="accounts"), bearer(scope="payments")
    assert call("GET", "/notes", reader)[0] == 200
    assert call("HEAD", "/notes", reader)[0] == 200
    status, headers, _ = call("POST", "/notes", reader)
    assert (status, 'scope="payments"' in headers["www-authenticate"]) == (403, True)
    assert call("GET", "/notes", payer)[0] == 403
    assert call("HEAD", "/notes", payer)[0] == 403
    assert call("POST", "/notes", payer)[0] == 200
    assert call("DELETE", "/notes", reader)[0] == 405
    assert call("OPTIONS", "/notes", payer)[0] == 200
    assert call("GET", "/notes", {})[0] == 401


def test_async_views_have_rules_too(call: Any):
    assert call("GET", "/async", bearer())[0] == 403
    assert call("GET", "/async", bearer(scope="admin"))[0] == 403
    granted = [{"type": "note"}]
    status, _, body = call("GET", "/async", bearer(scope="admin", authorization_details=granted))
    assert (status, json.loads(body)) == (200, {"admin": True})


def test_a_class_whose_rules_leave_a_method_out_fails_when_the_urls_are_loaded():
    class Forgetful(AccessRequiredMixin, View):
        access = {"GET": Access("accounts")}

        def get(self, request: HttpRequest) -> None: ...

        def post(self, request: HttpRequest) -> None: ...

    with pytest.raises(ConfigurationError, match="Forgetful has no rule for POST"):
        Forgetful.as_view()

    class Silent(AccessRequiredMixin, View):
        def get(self, request: HttpRequest) -> None: ...

    with pytest.raises(ConfigurationError, match="Silent has no rule for GET"):
        Silent.as_view()

    with pytest.raises(ConfigurationError, match="public or has an access, not both"):
        public()(type("Both", (Notes,), {})).as_view()


@pytest.mark.filterwarnings("ignore")
def test_csrf_protection_is_lifted_by_a_token_alone(call: Any):
    assert call("POST", "/open", {})[0] == 403
    assert call("POST", "/open", bearer())[0] == 200
    # Nor by a token that does not hold.
    assert call("POST", "/open", bearer(exp=1))[0] == 401


def test_rest_framework_learns_who_calls(call: Any):
    status, _, body = call("GET", "/whoami", bearer())
    assert (status, json.loads(body)) == (200, ["alice", "https://as.example#alice"])
    assert call("GET", "/whoami", {})[0] == 401
    assert call("GET", "/throttled", bearer())[0] == 200
    assert call("GET", "/staff", bearer())[0] == 403


@pytest.mark.spec("RFC 6750 3")
def test_a_401_of_rest_framework_s_own_carries_the_challenges(call: Any):
    assert call("GET", "/members", bearer())[0] == 200
    status, headers, body = call("GET", "/members", {})
    values = (
        headers.getlist("www-authenticate") if hasattr(headers, "getlist") else [headers["www-authenticate"]]
    )
    sent = ", ".join(values)
    assert (status, body) == (401, b"")
    assert f'resource_metadata="{RESOURCE}/.well-known/oauth-protected-resource"' in sent
    assert sent.startswith("DPoP algs=")
    assert ", Bearer resource_metadata=" in sent
    assert headers["cache-control"] == "no-store"


def test_rest_framework_s_views_take_the_same_rules(call: Any):
    for target in (
        *(
            "/ruled",
            "/function",
            "/below",
            "/closed",
            "/late",
            "/permitted",
            "/on-methods",
            "/on-async-methods",
        ),
    ):
        status, headers, _ = call("GET", target, bearer())
        assert (status, 'scope="admin"' in headers["www-authenticate"]) == (403, True)
        assert call("GET", target, bearer(scope="admin"))[0] == 200


@pytest.mark.parametrize("access", ["payments", None, Access])
def test_a_permission_without_an_access_is_refused_where_it_is_written(access: Any):
    with pytest.raises(ConfigurationError, match=r"give it an Access"):
        AccessPermission(access)


def test_an_action_reads_its_details_from_the_framework_s_request(call: Any):
    granted = bearer(scope="payments", authorization_details=[{"type": "payment"}])
    headers = {**granted, "Content-Type": "application/json"}
    status, _, body = call("POST", "/made", headers, b'{"type": "payment"}')
    assert (status, json.loads(body)) == (200, "alice")
    assert call("POST", "/made", headers, b'{"type": "account"}')[0] == 403
    status, _, body = call("POST", "/made", headers, b"{}")
    assert (status, json.loads(body)["error"]) == (400, "invalid_request")
    assert json.loads(body)["error_description"].endswith("of_data raised KeyError")
    assert call("POST", "/made", headers, b"{")[0] == 400


def test_access_on_what_takes_no_request_says_so():
    with pytest.raises(TypeError, match="Access must decorate a function that takes a request"):
        Access("admin")(len)([])


def test_a_view_set_may_be_public(call: Any):
    assert call("GET", "/news", {})[0] == 200
    assert call("GET", "/things", {})[0] == 401


def test_a_view_set_whose_rules_leave_a_method_out_answers_nothing_on_it():
    SERVERS[0] = a_server()
    call = CALLS["wsgi"]
    assert call("GET", "/things", bearer())[0] == 200
    with pytest.raises(ConfigurationError, match="Things has no rule for POST"):
        raise_what_django_hides(lambda: call("POST", "/things", bearer()))


def raise_what_django_hides(run: Any) -> None:
    with override_settings(DEBUG_PROPAGATE_EXCEPTIONS=True):
        run()


def test_without_the_middleware_it_authenticates_nobody():
    from django.test import RequestFactory

    with pytest.raises(RuntimeError, match="ProtectMiddleware is not in MIDDLEWARE"):
        Whoami.as_view()(RequestFactory().get("/whoami"))


def test_the_repr_of_a_user_shows_no_claims():
    token = allowed(a_server(), a_view(f"Bearer {a_token()}"))
    assert "alice" not in repr(TokenUser(token))


def test_the_audit_lists_the_routes_of_the_project():
    SERVERS[0] = a_server()
    table = audit()
    found = {route.path: (route.methods, str(route.policy)) for route in table}
    assert table.protected_by == (RESOURCE,)
    assert found["/notes"] == (
        ("GET", "POST"),
        "GET: Access('accounts'), POST: Access('payments', fresh=True)",
    )
    assert found["/async"] == (("GET",), "Access('admin', details=...)")
    assert found["/open"] == (("POST",), "public")
    assert found["/things"] == (("GET", "POST"), "GET: Access('accounts')")
    assert found["/news"] == (("GET",), "public")
    assert found["/function"][1] == "Access('admin')"
    assert found["/late"][1] == found["/permitted"][1] == "Access('admin')"
    assert found["/made"][1] == "POST: Access('payments', details=..., fresh=True)"
    assert found["/closed"][1] == found["/on-methods"][1] == "GET: Access('admin')"
    assert found["/inner/decorated"] == (("GET",), "Access('admin')")
    assert found["/whoami"] == (("GET",), "None")
    # What stands below @api_view cannot be seen from outside of it.
    with pytest.raises(
        ConfigurationError, match=r"public\(\): GET /whoami, GET /staff, GET /throttled, GET /below\n"
    ):
        audit(every_route_explicit=True)


@pytest.mark.parametrize("layers", [[], ["django.middleware.csrf.CsrfViewMiddleware"]])
def test_the_audit_says_where_the_middleware_is_missing(layers: list[str]):
    with override_settings(MIDDLEWARE=layers):
        assert audit().protected is False
