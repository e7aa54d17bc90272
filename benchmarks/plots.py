"""Draws plots as SVG: bars side by side, and curves over powers of ten. They can be read on light and on dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

Points = Sequence[tuple[float, float]]

_WIDTH, _LABEL, _BAR = 760, 290, 22
_LEFT, _TOP, _RIGHT, _BOTTOM, _HEIGHT = 70, 40, 20, 50, 360
_COLOURS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f")
_INK = "#6b7280"


def bars(title: str, unit: str, values: Mapping[str, float], *, ours: int = 1) -> str:
    """Horizontal bars, in the order given. The first `ours` are ours."""
    most = max(values.values())
    room = _WIDTH - _LABEL - 90
    parts = []
    for number, (name, value) in enumerate(values.items()):
        y = _TOP + number * (_BAR + 8)
        length = max(room * value / most, 1)
        colour = _COLOURS[0 if number < ours else 1]
        parts += [
            _text(_LABEL - 8, y + 16, name, anchor="end"),
            f'<rect x="{_LABEL}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>',
            _text(_LABEL + length + 6, y + 16, f"{_figure(value)} {unit}"),
        ]
    return _svg(title, _TOP + len(values) * (_BAR + 8) + 10, parts)


def lines(title: str, across: str, up: str, curves: Mapping[str, Points]) -> str:
    """Curves. Both axes are logarithmic, so something that stays the same is a level line."""
    xs = [x for points in curves.values() for x, _ in points]
    ys = [y for points in curves.values() for _, y in points]
    left, right = floor(log10(min(xs))), ceil(log10(max(xs)))
    low, high = floor(log10(min(ys))), ceil(log10(max(ys)))
    right, high = max(right, left + 1), max(high, low + 1)

    def at(x: float, y: float) -> tuple[float, float]:
        over = (log10(x) - left) / (right - left)
        above = (log10(y) - low) / (high - low)
        return (
            _LEFT + over * (_WIDTH - _LEFT - _RIGHT - 150),
            _HEIGHT - _BOTTOM - above * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = []
    for power in range(left, right + 1):
        x, y = at(10.0**power, 10.0**low)
        parts += [_rule(x, _TOP, x, y), _text(x, y + 18, _number(10.0**power), anchor="middle")]
    for power in range(low, high + 1):
        x, y = at(10.0**left, 10.0**power)
        end, _ = at(10.0**right, 1.0)
        parts += [_rule(x, y, end, y), _text(x - 8, y + 4, _number(10.0**power), anchor="end")]
    parts += [_text(_LEFT, _HEIGHT - 10, across), _text(4, _TOP - 8, up)]
    for number, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [at(x, y) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        parts.append(_text(_WIDTH - 155, _TOP + 10 + 20 * number, name, colour=colour))
    return _svg(title, _HEIGHT, parts)


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img"'
        ' font-family="system-ui, sans-serif" font-size="13">'
    )
    heading = [f"<title>{escape(title)}</title>", _text(4, 18, title, size=15)]
    return "\n".join([opening, *heading, *parts, "</svg>\n"])


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", colour: str = _INK, size: int = 13
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">'
        f"{escape(words)}</text>"
    )


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{_INK}" stroke-opacity="0.25"/>'


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
