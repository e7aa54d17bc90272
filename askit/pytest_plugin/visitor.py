"""The user of a test, under the name that tests import: see `askit.attacks.visitor`."""

from askit.attacks.visitor import Callback, Steps, avisit, visit, walk, walk_ciba, walk_device

__all__ = ["Callback", "Steps", "avisit", "visit", "walk", "walk_ciba", "walk_device"]
