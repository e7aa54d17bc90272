"""UserInfo about somebody else.

Spec: OIDC 5.3.2, 5.3.4
Role: C
"""

from typing import Final

from rpkit.testing.changes import longer, without
from rpkit.testing.lie import Lie

_MEANS: Final = "The account of one user is shown to, or merged with that of, another."

LIES: Final = (
    Lie(
        "UserInfo about another user",
        "userinfo",
        longer("sub"),
        "sub is another than that of the ID token.",
        _MEANS,
        "OIDC 5.3.2",
        "Compare sub with that of the ID token.",
    ),
    Lie(
        "UserInfo about nobody",
        "userinfo",
        without("sub"),
        "There is no sub.",
        _MEANS,
        "OIDC 5.3.2",
        "Demand sub.",
    ),
)
