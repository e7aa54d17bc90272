"""For Django REST framework under `wsgi_mw.django.ProtectMiddleware`: `TokenAuthentication`.

    REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["wsgi_mw.rest_framework.TokenAuthentication"]}

The middleware has checked the token; here the framework learns of it: `request.auth` is the token, `request.user` who
it speaks for. What a view needs it says with `AccessRequiredMixin` or `Access`, as any Django view does, or as a
permission: `permission_classes = [AccessPermission(Access("payments"))]`.

Spec: RFC 6750 3; RFC 9110 11.6.1
Role: RS
"""

from __future__ import annotations

from typing import Any, Final

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from fapikit.errors import FapiError
from rskit.errors import NoCredentials
from rskit.tokens.token import Token
from wsgi_mw.django_access import Access, checked_request_of, require


class TokenUser:
    """Who a token speaks for, as permissions and throttles ask after it: no row of a table, and no staff."""

    is_authenticated: Final = True
    is_anonymous: Final = False
    is_active: Final = True
    is_staff: Final = False

    def __init__(self, token: Token) -> None:
        self.token = token

    @property
    def pk(self) -> str:
        """`issuer#subject`. Raises LookupError where the server names no subject."""
        return self.token.identity

    @property
    def username(self) -> str:
        return self.token.display_name

    def __repr__(self) -> str:
        return f"TokenUser({self.token!r})"


class TokenAuthentication(BaseAuthentication):  # type: ignore[misc] # the framework has no types
    """The token that the middleware has let through. Override `user_of` for users of your own tables."""

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        """None without a token. Raises RuntimeError if ProtectMiddleware is not there."""
        token = checked_request_of(request).token
        return None if token is None else (self.user_of(token), token)

    def authenticate_header(self, request: Request) -> str:
        """The challenges, for a 401 that the framework is about to give; the middleware then sends its own in full."""
        checked = checked_request_of(request)
        error = NoCredentials("no access token came with the request")
        refusal = checked.refuse(error) or checked.server.refuse(error, checked.view, None)
        return ", ".join(value for name, value in refusal.headers if name == "www-authenticate")

    def user_of(self, token: Token) -> Any:
        """Who the token speaks for."""
        return TokenUser(token)


class AccessPermission(BasePermission):  # type: ignore[misc] # the framework has no types
    """An `Access` among `permission_classes`, of a view, an action or a project: what it refuses stays refused.

    It stands in a list and cannot be joined by `|` and `~`; of scopes one of which is enough, `any_of` speaks.
    """

    def __init__(self, access: Access) -> None:
        self.access = access

    def __call__(self) -> AccessPermission:
        """The framework makes one for each request."""
        return self

    def has_permission(self, request: Request, _view: Any) -> bool:
        checked = checked_request_of(request)
        try:
            require(checked, self.access, request)
        except FapiError as error:
            return checked.refuse(error) is None
        return True

    def __repr__(self) -> str:
        return f"AccessPermission({self.access!r})"
