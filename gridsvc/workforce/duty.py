"""Who answers for a grid: a grid and a moment in, the worker in charge out."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gridsvc.workforce.tables import Post


def responsible_for(session: Session, grid: str, at: datetime) -> str | None:
    """Name the responsible worker (责任网格员) of a grid at a moment, by staff number; None when nobody is."""
    return session.scalar(
        select(Post.worker).where(
            Post.grid == grid, Post.role == "responsible", Post.valid.op("@>")(func.timestamptz(at))
        )
    )
