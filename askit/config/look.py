"""The look of the pages: the bank's colour, on light and on dark pages, and its logo.

A colour in which nobody can read is refused: text and buttons have it, so its contrast to the pages must be 4.5 or
more (WCAG 2.2, success criterion 1.4.3).

Role: AS
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from askit.config.table import Table
from fapikit.errors import ConfigurationError

_Colour: TypeAlias = tuple[int, int, int]

LIGHT: Final = ("#ffffff", "#f4f6f8")
DARK: Final = ("#19222c", "#10161d")
"""What the accent stands on, on light pages and on dark ones: `--card` and `--paper` of style.css."""
_ENOUGH: Final = 4.5
_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
_WHITE: Final = (255, 255, 255)
_LOGOS: Final = (".jpeg", ".jpg", ".png", ".svg", ".webp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The table `[look]`. `accent`, `accent_dark`: colours as `#rrggbb`. `logo`: an image file.

    Without `accent_dark`, dark pages have the accent made lighter, as far as it is needed to read it.
    """

    accent: str | None = None
    accent_dark: str | None = None
    logo: Path | None = None

    @classmethod
    def read(cls, table: Table, base: Path) -> Look:
        """`base`: the directory of the logo. Raises ConfigurationError."""
        logo = table.optional_string("logo")
        look = cls(
            accent=table.optional_string("accent"),
            accent_dark=table.optional_string("accent_dark"),
            logo=None if logo is None else base / logo,
        )
        table.require_nothing_else()
        return look

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        if self.accent is not None:
            _require_contrast("accent", self.accent, LIGHT, "darker")
        if self.accent_dark is not None:
            _require_contrast("accent_dark", self.accent_dark, DARK, "lighter")
            if self.accent is None:
                raise _refused("accent_dark", "belongs to look.accent, which is not there: give both")
        if self.logo is not None and self.logo.suffix.lower() not in _LOGOS:
            raise _refused(
                "logo", f"= {self.logo.name!r} is not an image: its name ends in {', '.join(_LOGOS)}"
            )

    @property
    def style(self) -> str:
        """The style sheet's end, which sets the colours; empty without an accent."""
        if self.accent is None:
            return ""
        dark = self.accent_dark or _readable(self.accent, DARK)
        return (
            f"\n:root {{ --accent: {self.accent}; --on-accent: {LIGHT[0]}; }}\n"
            "@media (prefers-color-scheme: dark) {\n"
            f"  :root {{ --accent: {dark}; --on-accent: {DARK[1]}; }}\n}}\n"
        )


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2), from 1 to 21."""
    low, high = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (high + 0.05) / (low + 0.05)


def _require_contrast(name: str, colour: str, pages: tuple[str, ...], towards: str) -> None:
    if not _HEX.fullmatch(colour):
        raise _refused(name, f"= {colour!r} is not a colour: write it as #rrggbb, such as #0b5d4e")
    least = min(pages, key=lambda page: contrast(colour, page))
    if (found := contrast(colour, least)) < _ENOUGH:
        raise _refused(
            name,
            f"= {colour!r} cannot be read well on {least}: its contrast is {found:.1f}, and {_ENOUGH} is needed."
            f" Take a {towards} colour",
        )


def _readable(colour: str, pages: tuple[str, ...]) -> str:
    """The colour with as much white as is needed to read it on these pages."""
    mixed = (_mixed(colour, tenth / 10) for tenth in range(11))
    return next(each for each in mixed if all(contrast(each, page) >= _ENOUGH for page in pages))


def _mixed(colour: str, white: float) -> str:
    parts = zip(_rgb(colour), _WHITE, strict=True)
    return "#" + "".join(f"{round(own + (full - own) * white):02x}" for own, full in parts)


def _rgb(colour: str) -> _Colour:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _luminance(colour: _Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (octet / 255 for octet in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _refused(name: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"look.{name} {what}", facts={"setting": f"look.{name}"})
