"""The people on duty as tables: workers, and their dated posts on grids."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from gridsvc.core.db import Base


class Worker(Base):
    """A grid worker (网格员): staff, by staff number. The phone leaves the database masked, but for who calls workers."""

    __tablename__ = "worker"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    department: Mapped[str | None] = mapped_column(Text)
    account: Mapped[int | None] = mapped_column(ForeignKey("account.id"), unique=True)


class Post(Base):
    """A worker's post on a grid during `valid`; at most one responsible (责任) on a grid at any moment."""

    __tablename__ = "post"
    __table_args__ = (
        ExcludeConstraint(
            ("grid", "="), ("valid", "&&"), name="ex_post_responsible", using="gist", where="role = 'responsible'"
        ),
        ExcludeConstraint(
            ("grid", "="), ("worker", "="), ("role", "="), ("valid", "&&"), name="ex_post_same", using="gist"
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    grid: Mapped[str] = mapped_column(ForeignKey("grid.code"))
    worker: Mapped[str] = mapped_column(ForeignKey("worker.code"), index=True)
    role: Mapped[str] = mapped_column(Text)
    valid: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
