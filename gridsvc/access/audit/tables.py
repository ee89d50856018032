"""The chain over the events as tables: a seal for each event, and how far the chain is."""

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from gridsvc.core.db import Base


class EventSeal(Base):
    """The hash over one event and the seal before it."""

    __tablename__ = "event_seal"

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event: Mapped[int] = mapped_column(BigInteger, unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class EventChain(Base):
    """How far the chain is (one row), and below which id nothing can come any more."""

    __tablename__ = "event_chain"
    __table_args__ = (CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    length: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    head: Mapped[bytes] = mapped_column(LargeBinary, server_default=text("sha256('gridsvc')"))
    settled: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    mark: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    writing: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
