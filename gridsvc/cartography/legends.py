"""The parts around a map: titles, counts, palette and attribution in, escaped pieces of HTML out."""

from collections.abc import Iterable
from datetime import datetime
from html import escape

from gridsvc.cartography.colours import BUILDING_FILL, OUTLINES, STATES, Language, tint_steps
from gridsvc.cartography.words import WORDS

OSM_ATTRIBUTION = "© OpenStreetMap contributors (ODbL)"

NORTH_ARROW = (
    '<svg class="north" viewBox="0 0 24 34" width="24" height="34" role="img" aria-label="N">'
    '<path d="M12 11 L19 32 L12 27 L5 32 Z" fill="#233a5e"/><path d="M12 11 L12 27 L5 32 Z" fill="#ffffff"/>'
    '<path d="M12 11 L19 32 L12 27 L5 32 Z" fill="none" stroke="#233a5e"/>'
    '<text x="12" y="9" text-anchor="middle" font-size="10" font-weight="700" fill="#233a5e">N</text></svg>'
)
"""Web Mercator is north-up everywhere, so the arrow never turns."""

LINE_SAMPLES = (("communities", 3.0, ""), ("streets", 2.5, ""), ("routes", 2.5, "6 4"))
"""Layers shown by a line in the legend: layer, width in px, SVG dashes."""


def title_block(title: str, made_at: datetime, version: str, language: Language) -> str:
    """Write the heading: title, when the data was read (with its zone), which version of gridsvc drew it."""
    words = WORDS[language]
    moment = f"{made_at:%Y-%m-%d %H:%M} {made_at.tzname() or ''}".strip()
    return (
        f'<header class="title"><h1>{escape(title)}</h1>'
        f"<p>{words['made_at']} <time>{escape(moment)}</time></p><p>gridsvc {escape(version)}</p></header>"
    )


def key_figures(figures: Iterable[tuple[str, int]]) -> str:
    """Write the counts of the town, as (what, how many)."""
    rows = "".join(f"<div><dt>{escape(what)}</dt><dd>{number:,}</dd></div>" for what, number in figures)
    return f'<dl class="figures">{rows}</dl>'


def notices(sentences: Iterable[str]) -> str:
    """Write what a reader must know about the page, such as a layer left out; nothing when there is nothing to say."""
    lines = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return f'<div class="notices" role="note">{lines}</div>' if lines else ""


def legend(language: Language) -> str:
    """Write the legend: tint steps, line samples, buildings, and the states with colour and letter."""
    words = WORDS[language]
    tints = "".join(f"<li>{_box(colour)}{escape(counts)}</li>" for counts, colour in tint_steps())
    lines = "".join(
        f"<li>{_line(OUTLINES[layer], width, dashes)}{words[layer]}</li>" for layer, width, dashes in LINE_SAMPLES
    )
    buildings = f"<li>{_box(BUILDING_FILL)}{words['buildings']}</li>"
    states = "".join(
        f'<li><span class="disc" style="background:{state.disc};color:{state.ink}">{state.letter[language]}</span>'
        f"{state.name[language]}</li>"
        for state in STATES
    )
    return (
        f'<section class="legend"><h2>{words["tint"]}</h2><ul class="tints">{tints}</ul>'
        f"<h2>{words['incidents']}</h2><ul>{states}</ul><h2>{words['ground']}</h2><ul>{lines}{buildings}</ul></section>"
    )


def attribution(text: str) -> str:
    """Write whose data this is, as plain text: an offline page links nowhere."""
    return f'<footer class="attribution">{escape(text)}</footer>'


def _box(colour: str) -> str:
    return f'<span class="box" style="background:{colour}"></span>'


def _line(colour: str, width_px: float, dashes: str) -> str:
    return (
        '<svg class="line" width="26" height="10" aria-hidden="true">'
        f'<line x1="1" y1="5" x2="25" y2="5" stroke="{colour}" stroke-width="{width_px}" stroke-dasharray="{dashes}"/></svg>'
    )
