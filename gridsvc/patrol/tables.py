"""The planned walks as tables: routes over streets, and the checkpoints along them."""

from typing import Any

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from gridsvc.core.db import Base
from gridsvc.core.geo import column


class Route(Base):
    """A patrol route (巡查路线) of a grid; `worker` is set only when it is somebody else's than the responsible's."""

    __tablename__ = "route"
    __table_args__ = (Index("ix_route_geometry", "geometry", postgresql_using="gist"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    grid: Mapped[str] = mapped_column(ForeignKey("grid.code"), index=True)
    worker: Mapped[str | None] = mapped_column(ForeignKey("worker.code"))
    length_m: Mapped[float]
    geometry: Mapped[Any] = mapped_column(column("MULTILINESTRING"))


class Checkpoint(Base):
    """A stop (巡查点) on a route, in walking order from 1."""

    __tablename__ = "checkpoint"
    __table_args__ = (Index("ix_checkpoint_geometry", "geometry", postgresql_using="gist"),)

    route: Mapped[str] = mapped_column(ForeignKey("route.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    geometry: Mapped[Any] = mapped_column(column("POINT"))
