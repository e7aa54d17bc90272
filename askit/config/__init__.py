"""The settings of one server: `settings` holds them, `file` and `table` read them, `values` defines their parts."""

from askit.config.settings import Config
from askit.config.values import Resource, TlsFiles, User

__all__ = ["Config", "Resource", "TlsFiles", "User"]
