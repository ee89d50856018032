"""The palette every page shares: a count or a state in, its colour (and letter) out, legible without colour vision.

The tint is one hue that only darkens, so it survives grey printing. The states take the hues of Okabe and Ito
("Color Universal Design", 2008), which the common kinds of colour blindness keep apart, and each carries a letter too.
"""

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True)
class State:
    """How one state of an incident is shown: letter and name in both languages, disc and ink colours as #rrggbb."""

    code: str
    letter: dict[Language, str]
    name: dict[Language, str]
    disc: str
    ink: str
    is_open: bool = True


STATES: tuple[State, ...] = (
    State("reported", {"zh": "报", "en": "R"}, {"zh": "已上报", "en": "reported"}, "#bf4f00", "#ffffff"),
    State("verifying", {"zh": "核", "en": "V"}, {"zh": "核查中", "en": "verifying"}, "#a35a00", "#ffffff"),
    State("filed", {"zh": "立", "en": "F"}, {"zh": "已立案", "en": "filed"}, "#e69f00", "#1f2933"),
    State("dispatched", {"zh": "派", "en": "D"}, {"zh": "已派遣", "en": "dispatched"}, "#f0e442", "#1f2933"),
    State("handling", {"zh": "处", "en": "H"}, {"zh": "处理中", "en": "handling"}, "#0072b2", "#ffffff"),
    State("suspended", {"zh": "挂", "en": "S"}, {"zh": "已挂账", "en": "suspended"}, "#5b4b8a", "#ffffff"),
    State("feedback", {"zh": "馈", "en": "B"}, {"zh": "已反馈", "en": "feedback"}, "#007f5f", "#ffffff"),
    State("checking", {"zh": "实", "en": "K"}, {"zh": "核实中", "en": "checking"}, "#56b4e9", "#1f2933"),
    State("closed", {"zh": "结", "en": "C"}, {"zh": "已结案", "en": "closed"}, "#6b7785", "#ffffff", is_open=False),
    State(
        "rejected", {"zh": "退", "en": "X"}, {"zh": "不予立案", "en": "rejected"}, "#ffffff", "#4a5560", is_open=False
    ),
    State("merged", {"zh": "并", "en": "M"}, {"zh": "已并案", "en": "merged"}, "#dfe4e8", "#4a5560", is_open=False),
)
UNKNOWN = State("", {"zh": "?", "en": "?"}, {"zh": "其他", "en": "other"}, "#ffffff", "#1f2933")
"""What a state without a line above looks like: still on the map, and plainly not one of the known."""

OPEN_TINTS: tuple[tuple[int, str], ...] = (
    (0, "#f3f6f8"),
    (1, "#d8e6f0"),
    (3, "#b3cfe3"),
    (6, "#8db6d5"),
    (11, "#659bc4"),
)
"""Fill of a grid by its open incidents: (lowest count of the step, #rrggbb), lightest first."""

OUTLINES = {
    "communities": "#233a5e",
    "grids": "#5b7ba1",
    "buildings": "#9aa3ad",
    "streets": "#c9b79b",
    "routes": "#8a2a6b",
}
"""Line colours of the layers, as #rrggbb."""

BUILDING_FILL = "#d9d4cb"


def tint(open_incidents: int) -> str:
    """Return the fill (#rrggbb) of a grid with so many open incidents."""
    return max(step for step in OPEN_TINTS if step[0] <= max(open_incidents, 0))[1]


def tint_steps() -> list[tuple[str, str]]:
    """Return the steps of the tint for a legend: (range of counts as text, #rrggbb)."""
    starts = [low for low, _ in OPEN_TINTS]
    ends = [low - 1 for low in starts[1:]]
    ranges = [f"{low}" if low == end else f"{low}–{end}" for low, end in zip(starts, ends, strict=False)]
    return list(zip([*ranges, f"≥ {starts[-1]}"], (colour for _, colour in OPEN_TINTS), strict=True))


def state_of(code: str) -> State:
    """Return how the state with this code is shown; a code nobody knows is shown as `UNKNOWN`."""
    return next((state for state in STATES if state.code == code), UNKNOWN)
