"""The board over HTTP: what is open and late, now or as of any moment, and how well the stages go."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from gridsvc.access.guard import Caller, allowed
from gridsvc.core.errors import Invalid
from gridsvc.core.http import InTransaction, Moment
from gridsvc.core.settings import settings
from gridsvc.incidents.actions import actor_of
from gridsvc.incidents.board.boards import View, board, stages

router = APIRouter(tags=["incidents"])
PERIOD = timedelta(days=30)
Part = Annotated[str | None, Query(min_length=1, max_length=100)]


class BoardQuery(BaseModel):
    """Which part of the town, as of when, and the period of the figures."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    grid: Part = None
    community: Part = None
    department: Part = None
    at: Annotated[Moment | None, Query(description="As of this moment, rebuilt from the logs; now when left out")] = (
        None
    )
    from_: Annotated[
        Moment | None, Query(alias="from", description="Figures of incidents reported from then; 30 days ago")
    ] = None
    to: Annotated[Moment | None, Query(description="Figures of incidents reported before then")] = None
    limit: Annotated[int, Query(ge=0, le=200, description="Rows of each list")] = 20


@router.get("/board")
def read_board(
    session: InTransaction,
    caller: Annotated[Caller, Depends(allowed("incident.read"))],
    asked: Annotated[BoardQuery, Query()],
) -> dict[str, Any]:
    """Read the board: overdue, due soon, one's own, waiting for one's approval, late in their stage, in a queue.

    `stages` are the figures (立案率, 按期率, 返工率, 回退率, medians), each with the rule it is counted by and what is left out.
    """
    now = datetime.now(UTC)
    at = asked.at or now
    if at > now:
        raise Invalid("The board is of now or of a moment that has been.")
    view = View(actor_of(session, caller), at, asked.at is not None, asked.grid, asked.community, asked.department)
    since, until = asked.from_ or at - PERIOD, asked.to or at
    if since >= until:
        raise Invalid("The period of the figures must begin before it ends.")
    shown = board(session, view, settings(), asked.limit)
    return shown | {"stages": stages(session, view, settings(), since, until)}
