"""For Django REST framework under `wsgi_mw.django.ProtectMiddleware`: `TokenAuthentication`.

    REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["wsgi_mw.rest_framework.TokenAuthentication"]}

The middleware has checked the token. This class passes it to the framework: `request.auth` is the token, `request.user`
is its subject. A view states what it requires with `AccessRequiredMixin` or `Access`, as any Django view does, or as a
permission: `permission_classes = [AccessPermission(Access("payments"))]`.

Spec: RFC 6750 3; RFC 9110 11.6.1
Role: RS
"""

from __future__ import annotations

from typing import Any, Final

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from fapikit.errors import ConfigurationError, FapiError
from rskit import access as rules
from rskit.errors import NoCredentials
from rskit.tokens.token import Token
from wsgi_mw.django_access import Access, checked_request_of, require


class TokenUser:
    """The subject of a token, for permissions and throttles. It is not in any table, and is not staff."""

    is_authenticated: Final = True
    is_anonymous: Final = False
    is_active: Final = True
    is_staff: Final = False

    def __init__(self, token: Token) -> None:
        self.token = token

    @property
    def pk(self) -> str:
        """`issuer#subject`. Raises LookupError if the token has no subject."""
        return self.token.identity

    @property
    def username(self) -> str:
        return self.token.display_name

    def __repr__(self) -> str:
        return f"TokenUser({self.token!r})"


class TokenAuthentication(BaseAuthentication):  # type: ignore[misc] # the framework has no types
    """Authenticates by the token that the middleware has checked. Override `user_of` to use your own user tables."""

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        """None without a token. Raises RuntimeError without ProtectMiddleware."""
        token = checked_request_of(request).token
        return None if token is None else (self.user_of(token), token)

    def authenticate_header(self, request: Request) -> str:
        """The challenges for a 401 that the framework is about to send. The middleware then sends its own full one."""
        checked = checked_request_of(request)
        error = NoCredentials("no access token came with the request")
        refusal = checked.refuse(error) or checked.server.refuse(error, checked.view, None)
        return ", ".join(value for name, value in refusal.headers if name == "www-authenticate")

    def user_of(self, token: Token) -> Any:
        """The user for a token."""
        return TokenUser(token)


class AccessPermission(BasePermission):  # type: ignore[misc] # the framework has no types
    """An `Access` in the `permission_classes` of a view, an action or a project. What it refuses stays refused.

    It cannot be combined with `|` and `~`. For scopes of which one is enough, use `any_of`.
    """

    def __init__(self, access: Access) -> None:
        """Raises ConfigurationError for anything but an `Access`."""
        if not isinstance(access, rules.Access):
            raise ConfigurationError(
                f"AccessPermission has {access!r}: give it an Access, as in AccessPermission(Access('payments'))"
            )
        self.access = access

    def __call__(self) -> AccessPermission:
        """The framework calls this once for each request."""
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
