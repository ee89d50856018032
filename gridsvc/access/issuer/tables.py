"""Who an account is at an issuer, and sign-ins there that have begun, as tables."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from gridsvc.access.tables import Instant
from gridsvc.core.db import Base


class Identity(Base):
    """What an account is called at an issuer: its `sub`, which never changes there."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("account", "issuer"),)

    issuer: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    account: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    linked_at: Mapped[datetime] = mapped_column(Instant, server_default=text("now()"))


class SignInAttempt(Base):
    """A sign-in that has begun, by the hashes of its state and of the browser's cookie; with an `account` a code is due."""

    __tablename__ = "sign_in_attempt"

    state: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    browser: Mapped[bytes] = mapped_column(LargeBinary)
    account: Mapped[int | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
