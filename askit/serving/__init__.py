"""How `python -m askit` serves: who may connect, how long a request may take, how many files are open.

Where is ...? Which connection is closed when all are in use: `connections`. TLS: `listener`. Which client certificates
TLS takes: `handshake`. The limits of the HTTP parser and the deadlines of a request: `bounded_http`. How many may be
open: `open_files`, `server`.
"""
