"""How `python -m askit` serves: who may connect, how long a request may take, how much is written to the log.

Where is ...? Which connection gives way: `connections`. TLS for each of them: `listener`. The HTTP parser's bounds and
the deadlines of a request: `bounded_http`. How many may be open: `open_files`, `server`.
"""
