"""The page of each error: what it looks like, why it comes, what to do. `docs/errors` has them, and the wheel too.

Role: RP, RS, AS
"""

from fapikit_cli.error_pages.catalogue import all_errors, index
from fapikit_cli.error_pages.page import address, first_sentence, page_of

__all__ = ["address", "all_errors", "first_sentence", "index", "page_of"]
