"""Around a WSGI app: `Protect`. For the routes: `wsgi_mw.flask` and `wsgi_mw.django`.

Where is ...? The outer layer: `protect`. What it reads of an environ: `view`. Which view a request would
reach: `routes`.
"""

from wsgi_mw.audit import audit
from wsgi_mw.protect import Protect

__all__ = ["Protect", "audit"]
