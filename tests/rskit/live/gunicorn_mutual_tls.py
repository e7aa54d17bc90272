"""gunicorn's settings as the guide shows them: it asks for the client certificates that a file names."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from typing import Any

from fapikit import ask_for_client_certificates, read_certificates, server_context


def ssl_context(config: Any, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    context = server_context(config.certfile, config.keyfile)
    ask_for_client_certificates(context, read_certificates(os.environ["CLIENT_CERTIFICATES"]))
    return context
