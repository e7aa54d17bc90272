"""One login: the request (`authorization_request`, `par`), the response (`callback`), and the result (`complete`)."""
