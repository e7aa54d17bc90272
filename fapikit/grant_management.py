"""The words of grant management that client and server share: its actions, and the scopes of its endpoint.

Spec: GM 5.2, 6.1, 7.1
Role: C, AS
"""

from __future__ import annotations

from typing import Final

CREATE: Final = "create"
MERGE: Final = "merge"
REPLACE: Final = "replace"
QUERY: Final = "query"
REVOKE: Final = "revoke"
ACTIONS: Final = (CREATE, MERGE, REPLACE, QUERY, REVOKE)
SCOPES: Final = {QUERY: "grant_management_query", REVOKE: "grant_management_revoke"}
"""The scope that a token needs for each action at the grant management endpoint."""
