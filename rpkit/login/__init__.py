"""One login: the request out (`authorization_request`, `par`), the answer back (`callback`), its end (`complete`)."""
