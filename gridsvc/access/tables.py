"""Accounts and the secrets people hold, as tables; only hashes are kept, and second factors sealed."""

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, Interval, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from gridsvc.core.db import Base

Instant = DateTime(timezone=True)


class Account(Base):
    """Somebody who may sign in, with the one role that decides what they may do, and where: `territory`, by prefixes."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    username: Mapped[str] = mapped_column(Text, unique=True)
    role: Mapped[str] = mapped_column(Text)
    department: Mapped[str | None] = mapped_column(Text)
    territory: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    password_hash: Mapped[str | None] = mapped_column(Text)
    password_changed_at: Mapped[datetime] = mapped_column(Instant, server_default=text("now()"))
    first_password_until: Mapped[datetime | None] = mapped_column(Instant)
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(Instant)
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=text("now()"))
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)


class Credential(Base):
    """A secret somebody holds, by its SHA-256: an API token (perhaps limited to `scopes` and `territory`), or the cookie of a sign-in."""

    __tablename__ = "credential"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    account: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text, server_default="")
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    territory: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=text("now()"))
    expires_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime] = mapped_column(Instant, server_default=text("now()"))
    idle: Mapped[timedelta | None] = mapped_column(Interval)
    address: Mapped[str | None] = mapped_column(Text)
    agent: Mapped[str | None] = mapped_column(Text)
    proof: Mapped[str | None] = mapped_column(Text)


class RecoveryCode(Base):
    """A code that opens the door once in place of the phone, by its SHA-256."""

    __tablename__ = "recovery_code"

    account: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class SignInFailure(Base):
    """A wrong answer at the door, by the hash of the name or of the address."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (Index("ix_sign_in_failure_subject", "subject", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    subject: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime] = mapped_column(Instant, index=True)
