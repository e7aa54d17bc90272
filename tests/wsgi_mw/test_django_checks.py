"""`manage.py check` of a project with `wsgi_mw` in INSTALLED_APPS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from tests.rskit.django_project import configure
from wsgi_mw.django import ProtectMiddleware
from wsgi_mw.django_checks import check_settings

configure()

OURS = "wsgi_mw.django.ProtectMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"


class OwnProtect(ProtectMiddleware):
    """A project's own subclass."""


def found(**settings: Any) -> list[tuple[str, str]]:
    with override_settings(**settings):
        return [(message.id, message.msg) for message in check_settings()]


@pytest.mark.parametrize("middleware", [[OURS, COMMON], [f"{__name__}.OwnProtect", COMMON]])
def test_nothing_is_said_of_a_good_project(middleware: list[str]):
    assert found(MIDDLEWARE=middleware) == []


@pytest.mark.parametrize(
    ("settings", "name", "said"),
    [
        ({"FAPIKIT_RESOURCE_SERVER": None}, "wsgi_mw.E001", "not a NoneType"),
        ({"FAPIKIT_RESOURCE_SERVER": "no_such_bank.server"}, "wsgi_mw.E001", "no_such_bank"),
        ({"FAPIKIT_RESOURCE_SERVER": "rskit.ResourceServer"}, "wsgi_mw.E001", "not its class"),
        ({"FAPIKIT_AROUND_PUBLIC": ["no_such_bank.Timing"]}, "wsgi_mw.E002", "no_such_bank"),
        ({"FAPIKIT_PUBLIC_ROUTES": "/accounts/login/"}, "wsgi_mw.E002", "collection"),
        ({"MIDDLEWARE": [OURS, "no_such_bank.Timing"]}, "wsgi_mw.E003", "no_such_bank"),
        ({"MIDDLEWARE": [COMMON]}, "wsgi_mw.E004", "no view requires a token"),
        ({"MIDDLEWARE": [OURS, COMMON, OURS]}, "wsgi_mw.E005", "2 times"),
        ({"MIDDLEWARE": [COMMON, OURS]}, "wsgi_mw.W001", COMMON),
    ],
)
def test_each_fault_is_told_by_its_own_check(settings: dict[str, Any], name: str, said: str):
    ((told, message),) = found(**settings)
    assert told == name
    assert said in message


PROJECT = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line

settings.configure(
    SECRET_KEY="only for tests", INSTALLED_APPS=["wsgi_mw"], ROOT_URLCONF="__main__", MIDDLEWARE=[],
    FAPIKIT_RESOURCE_SERVER="no_such_bank.server",
)
urlpatterns = []
execute_from_command_line(["manage.py", "check", *sys.argv[1:]])
"""


@pytest.mark.parametrize("tags", [(), ("--tag", "security")])
def test_the_command_fails_and_names_each_fault(tags: tuple[str, ...]):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROJECT, *tags],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "(wsgi_mw.E001) FAPIKIT_RESOURCE_SERVER names 'no_such_bank.server'" in done.stderr
    assert "(wsgi_mw.E004) ProtectMiddleware is not in MIDDLEWARE" in done.stderr
