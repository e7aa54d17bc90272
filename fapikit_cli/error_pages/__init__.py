"""The page of each error: what it looks like, why it comes, what to do. `docs/errors` has them, and the wheel too.

A page is made of the docstring of the class, of what the error said in tests (`samples.json`, which `make samples`
writes), and of what people wrote (`prose/`, one file for each module of errors).

Role: RP, RS, AS
"""

from fapikit_cli.error_pages.catalogue import all_errors, index
from fapikit_cli.error_pages.lookup import named, short_name, similar
from fapikit_cli.error_pages.page import address, first_sentence, page_of
from fapikit_cli.error_pages.terminal import terminal_page_of

__all__ = [
    "address",
    "all_errors",
    "first_sentence",
    "index",
    "named",
    "page_of",
    "short_name",
    "similar",
    "terminal_page_of",
]
