"""Signed requests and answers: `message_signing` is the interface of a scheme, and each scheme is a module beside it.

`clients`: whose keys verify the requests. `exchange`: one request and its answer, for both middlewares.
"""
