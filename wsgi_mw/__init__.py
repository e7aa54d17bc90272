"""Around a WSGI app: `Protect`. For the routes: `wsgi_mw.flask`, `wsgi_mw.django` and `wsgi_mw.rest_framework`.

Where is ...? The outer layer: `protect`; Django's: `django`. How it reads an environ: `view`. Which view a request
would reach, and what would run around it: `flask_way`, `django_way`. What stops a request without a token from reaching
anything else: `gate`. Events of Shared Signals that are posted here: `receive_events`. Streams that end with their
token: `stream`.
"""

from typing import TYPE_CHECKING

from fapikit.late_names import late_names
from wsgi_mw.audit import audit
from wsgi_mw.protect import Protect

if TYPE_CHECKING:
    from wsgi_mw.receive_events import ReceiveEvents

__all__ = ["Protect", "ReceiveEvents", "audit"]

__getattr__ = late_names(globals(), {"ReceiveEvents": "wsgi_mw.receive_events"})
