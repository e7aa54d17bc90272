"""A QR code of a verification URI, as text and as an image. It needs the extra `qr`.

Spec: RFC 8628 3.3.1a
Role: C
"""

from __future__ import annotations

from io import BytesIO, StringIO
from typing import Any

from fapikit.errors import ConfigurationError


def qr_text(uri: str) -> str:
    """Lines of half blocks, for a terminal with a dark background. Raises ConfigurationError without the extra."""
    out = StringIO()
    _code_of(uri).terminal(out, compact=True)
    return out.getvalue()


def qr_png(uri: str) -> bytes:
    """The octets of a PNG image. Raises ConfigurationError without the extra."""
    out = BytesIO()
    _code_of(uri).save(out, kind="png", scale=8)
    return out.getvalue()


def _code_of(uri: str) -> Any:
    try:
        import segno
    except ImportError:
        raise ConfigurationError(
            "a QR code needs the package segno: install fapikit[qr], or show verification_uri and user_code alone",
            clause="RFC 8628 3.3.1a",
        ) from None
    return segno.make(uri, error="m", micro=False)
