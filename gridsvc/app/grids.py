"""One grid with all that hangs on it: its people, its routes and its open incidents, from one query."""

from fastapi import APIRouter, Depends, Response

from gridsvc.access.guard import allowed
from gridsvc.core.browse import answer_item
from gridsvc.core.http import Hot
from gridsvc.territory.layers import GRIDS
from gridsvc.territory.schemas import At, Grid
from gridsvc.workforce.schemas import Person

router = APIRouter(tags=["territory"], dependencies=[Depends(allowed("territory.read"))])

WHOLE_GRID = GRIDS.extended(
    {
        "responsible": "on_post(v.grid, 'responsible', %(at)s)",
        "backup": "on_post(v.grid, 'backup', %(at)s)",
        "routes": "(select count(*) from route r where r.grid = v.grid)",
        "open_incidents": "(select count(*) from incident i where i.grid = v.grid and i.closed_at is null)",
    }
)


class WholeGrid(Grid):
    """A grid and what hangs on it; `routes` and `open_incidents` are counts, to be listed by their own endpoints."""

    responsible: Person | None
    backup: Person | None
    routes: int
    open_incidents: int


@router.get("/grids/{code}", responses={200: {"model": WholeGrid}})
async def read_grid(database: Hot, code: str, at: At = None) -> Response:
    """Read one grid (网格) as of a moment, with its people, and how many routes and open incidents it has."""
    return await answer_item(database, WHOLE_GRID, code, at)
