"""The Django application `wsgi_mw`: `manage.py check` judges the settings of `ProtectMiddleware` if it is installed.

Spec: FAPI2-SP 5.3.4-4
Role: RS
"""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from wsgi_mw.django_checks import check_settings


class WsgiMwConfig(AppConfig):  # type: ignore[misc] # Django has no types
    """Registers the checks. It has no models."""

    name = "wsgi_mw"
    verbose_name = "fapikit resource server"

    def ready(self) -> None:
        register(check_settings, Tags.security)
