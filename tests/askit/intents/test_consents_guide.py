"""The settings in docs/consents.md, as they stand."""

from __future__ import annotations

import tomllib

from askit import Config
from fapikit.lodged_intents import SHAPES
from tests.askit.bank import settings
from tests.askit.intents.lodging import PATHS
from tests.pages.blocks import read_page

GUIDE = read_page("docs/consents.md")


def test_the_settings_of_the_guide_are_valid() -> None:
    found = GUIDE.in_language("toml")
    config = Config.from_mapping(settings(**tomllib.loads(*found)))
    assert [known.type for known, _ in config.lodgings] == ["account_access", "transfer"]


def test_the_guide_names_every_shape_its_path_and_its_words() -> None:
    assert set(PATHS) == set(SHAPES)
    for shape, path in PATHS.items():
        assert f"| `{shape}` | `{path}` |" in GUIDE.text
        for word in SHAPES[shape].words.values():
            assert f"`{word}`" in GUIDE.text
