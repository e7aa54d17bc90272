"""Around a WSGI app: `Protect`. For the routes: `wsgi_mw.flask`, `wsgi_mw.django` and `wsgi_mw.rest_framework`.

Where is ...? The outer layer: `protect`; Django's: `django`. What it reads of an environ: `view`. Which view a request
would reach, and what would run around it: `flask_way`, `django_way`; what holds a stranger to that: `gate`. Streams
that end with their token: `stream`.
"""

from wsgi_mw.audit import audit
from wsgi_mw.protect import Protect

__all__ = ["Protect", "audit"]
