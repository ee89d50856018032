"""A cell of the matrix in (an operation, who asks, where it is aimed), what is wrong with its answer out."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from httpx2 import Response

from gridsvc.access.permissions import ROLES
from tests.access.matrix.ground import Asker, Ground, Side
from tests.access.matrix.operations import OPERATIONS, Operation

ALL = frozenset(ROLES)
WHO_MAY = {
    "account.manage": {"admin"},
    "audit.read": {"admin"},
    "calendar.change": {"admin"},
    "webhook.manage": {"admin"},
    "export": {"admin", "planner", "dispatcher", "supervisor"},
    "import.boundaries": {"admin", "planner"},
    "contact.reveal": {"dispatcher", "intake", "supervisor"},
    "incident.report": ALL - {"viewer"},
    "incident.act": ALL - {"viewer", "planner"},
    **dict.fromkeys(("territory.read", "workforce.read", "patrol.read", "incident.read"), ALL),
}
"""The table of permissions as it is meant; not read from the program, so that a change of that is noticed."""

ASKERS = (*ROLES, "everywhere", "onlooker", "scoped", "stranger")
"""One of each role for a part of the town; two who see all of it; a token kept from all verbs but one; and nobody."""
SIDES = ("own", "sibling", "foreign")
DENIED = (401, 403)


@dataclass(frozen=True)
class Cell:
    """One question: an operation, who asks it, and the side it is aimed at."""

    label: str
    asker: str
    side: str

    @property
    def operation(self) -> Operation:
        """Give the operation."""
        return OPERATIONS[self.label]


def cells_of(label: str) -> Iterator[Cell]:
    """Give every cell of an operation: everybody asks, for every side where that makes a difference."""
    for asker in ASKERS:
        for side in SIDES if OPERATIONS[label].is_aimed else ("own",):
            yield Cell(label, asker, side)


def ask(ground: Ground, cell: Cell) -> Response:
    """Ask it."""
    asker, client = ground.askers[cell.asker], ground.client
    asked = cell.operation.request(cell.label, ground.sides[cell.side], asker, ground)
    headers = dict(asked.pop("headers", {}))
    client.cookies.clear()
    if cell.operation.sits and asker.cookie:
        headers |= {"Cookie": f"gridsvc_session={asker.cookie}", "Sec-Fetch-Site": "same-origin"}
    elif asker.token:
        headers["Authorization"] = f"Bearer {asker.token}"
    return client.request(**asked, headers=headers)


def fault(ground: Ground, cell: Cell) -> str | None:
    """Ask a cell, and tell what is wrong with the answer."""
    answer = ask(ground, cell)
    wrong = _fault(ground.askers[cell.asker], cell, answer.status_code) or _leak(ground, cell, answer)
    return f"{cell.asker} → {cell.side}: {answer.status_code}, {wrong}: {answer.text[:200]}" if wrong else None


def _fault(asker: Asker, cell: Cell, status: int) -> str | None:
    """Say what is wrong with a status."""
    operation = cell.operation
    if status >= 500:
        return "a fault"
    if operation.is_open:
        return "it is for everybody" if status in DENIED and operation.verb else None
    if asker.role is None:
        return None if status in DENIED else "nobody knows who asks"
    if operation.verb and not _may(asker, operation.verb):
        return None if status == 403 else f"{operation.verb} is not theirs"
    if operation.kind == "office" and not asker.everywhere:
        return None if status == 403 else "it concerns the whole office"
    return _aimed_fault(operation, asker, cell.side, status)


def _aimed_fault(operation: Operation, asker: Asker, side: str, status: int) -> str | None:
    theirs = side == "own" or (
        asker.everywhere and (operation.kind != "personal" or (operation.shared and asker.role == "admin"))
    )
    if operation.kind in ("thing", "personal") and not theirs:
        return None if status == 404 else "it is not theirs, and is to be as one that does not exist"
    if operation.kind == "grant" and not theirs:
        return None if status == 403 else "they give what they do not have"
    if operation.within is not None and asker.role not in operation.within:
        return None if status in (403, 412) else "the workflow has it for others"
    if status in DENIED or (status == 404 and not operation.lacks):
        return "it is theirs"
    if operation.kind in ("list", "report") and status not in (200, 201, 204):
        return "it is theirs"
    return None


def _may(asker: Asker, verb: str) -> bool:
    return asker.role in WHO_MAY[verb] and (asker.verbs is None or verb in asker.verbs)


def _leak(ground: Ground, cell: Cell, answer: Response) -> str | None:
    """Say which words of another side are in an answer, apart from those that were asked with."""
    asker, operation = ground.askers[cell.asker], cell.operation
    told = str(dict(answer.headers)).encode() + answer.content
    for echoed in (str(answer.request.url), quote(str(answer.request.url), safe="")):
        told = told.replace(echoed.encode(), b"")
    aimed: Side = ground.sides[cell.side]
    for key in aimed.keys.values():
        if answer.status_code == 404:
            told = told.replace(key.encode(), b"")
    if operation.kind == "report" and answer.status_code == 201:
        return None  # who reports somewhere knows of that place; what they are told of it is looked at elsewhere
    hidden = () if asker.everywhere else [side for side in SIDES if side != "own"]
    own = ground.sides["own"]
    words = {word for name in hidden for word in ground.sides[name].words}
    if asker.role is None or answer.status_code in DENIED:
        words |= own.words
    found = [word for word in sorted(words) if word.encode() in told]
    if found:
        return f"it tells of {', '.join(found)}"
    shows = (
        operation.kind == "list"
        and not operation.counts
        and answer.status_code == 200
        and _may(asker, str(operation.verb))
    )
    if shows and (not operation.filtered or cell.side == "own") and not any(w.encode() in told for w in own.words):
        return "it does not show what is theirs"
    return None
