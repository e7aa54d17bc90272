"""The stores under test."""

from tests.fapikit.stores.subject import subject

__all__ = ["subject"]
