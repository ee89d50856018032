"""What people said to the notice, as a table that is only added to."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gridsvc.core.db import Base


class Consent(Base):
    """Somebody agreed to a version of the notice, or withdrew; the last row of an account holds."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_account", "account", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    version: Mapped[str] = mapped_column(Text)
    agreed: Mapped[bool]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("clock_timestamp()"))
