"""Incidents and the catalogue they are filed under, as tables."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gridsvc.core.db import Base
from gridsvc.core.geo import column

Instant = DateTime(timezone=True)


class Catalogue(Base):
    """One version of the catalogue; exactly one is current, and none is ever deleted."""

    __tablename__ = "catalogue"
    __table_args__ = (Index("uq_catalogue_current", "current", unique=True, postgresql_where="current"),)

    version: Mapped[str] = mapped_column(Text, primary_key=True)
    scheme: Mapped[str] = mapped_column(Text)
    imported_at: Mapped[datetime] = mapped_column(Instant, server_default=text("now()"))
    current: Mapped[bool] = mapped_column(server_default="false")
    source: Mapped[str] = mapped_column(Text, server_default="")
    imported_by: Mapped[str] = mapped_column(Text, server_default="system")


class CatalogueClass(Base):
    """What a thing is (类别). The key carries the kind (`asset:01037`), because both kinds use the same numbers."""

    __tablename__ = "catalogue_class"

    version: Mapped[str] = mapped_column(ForeignKey("catalogue.version"), primary_key=True)
    class_: Mapped[str] = mapped_column("class", Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    major: Mapped[str] = mapped_column(Text, server_default="")
    minor: Mapped[str] = mapped_column(Text, server_default="")
    radius_m: Mapped[float] = mapped_column(server_default="30")


class CatalogueCondition(Base):
    """What exactly is wrong (立案条件): it sets the limit, the department and the closing condition (结案条件)."""

    __tablename__ = "catalogue_condition"
    __table_args__ = (
        ForeignKeyConstraint(
            ["version", "class"],
            ["catalogue_class.version", "catalogue_class.class"],
            name="fk_catalogue_condition_class",
        ),
    )

    version: Mapped[str] = mapped_column(Text, primary_key=True)
    class_: Mapped[str] = mapped_column("class", Text, primary_key=True)
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    text_en: Mapped[str] = mapped_column(Text)
    closing: Mapped[str] = mapped_column(Text)
    limit_count: Mapped[int]
    limit_unit: Mapped[str] = mapped_column(Text)
    department: Mapped[str] = mapped_column(Text)
    evidence: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")


class OfficeDay(Base):
    """A day that is not what its weekday says: a holiday, or a make-up working day (调休)."""

    __tablename__ = "office_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    worked: Mapped[bool]
    name: Mapped[str] = mapped_column(Text, server_default="")
    source: Mapped[str] = mapped_column(Text)


class OfficeHours(Base):
    """Office hours from a day of the year (MM-DD) on, as pairs of HH:MM:SS."""

    __tablename__ = "office_hours"

    begins: Mapped[str] = mapped_column(Text, primary_key=True)
    hours: Mapped[Any] = mapped_column(JSONB)


class CalendarState(Base):
    """The one row that says until when the calendar is known, and by a random number which one it is."""

    __tablename__ = "calendar"

    one: Mapped[bool] = mapped_column(primary_key=True, server_default="true")
    version: Mapped[int] = mapped_column(BigInteger)
    known_until: Mapped[date]
    changed_at: Mapped[datetime] = mapped_column(Instant, server_default=text("now()"))
    changed_by: Mapped[str] = mapped_column(Text, server_default="system")


class IncidentDay(Base):
    """From where of the one sequence the numbers of a day are counted."""

    __tablename__ = "incident_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    base: Mapped[int] = mapped_column(BigInteger)


class Incident(Base):
    """Something wrong at a place (事件/案件), with the owner it had when it was reported."""

    __tablename__ = "incident"
    __table_args__ = (
        ForeignKeyConstraint(
            ["catalogue", "class", "condition"],
            ["catalogue_condition.version", "catalogue_condition.class", "catalogue_condition.code"],
            name="fk_incident_condition",
        ),
        ForeignKeyConstraint(
            ["grid", "grid_version"], ["grid_version.grid", "grid_version.version"], name="fk_incident_grid"
        ),
        Index("ix_incident_geometry", "geometry", postgresql_using="gist"),
        Index("ix_incident_number", "number", postgresql_ops={"number": "text_pattern_ops"}),
        Index(
            "ix_incident_grid",
            "grid",
            "id",
            postgresql_where="closed_at is null",
            postgresql_include=["community", "reported_by", "assignee"],
        ),
        Index("ix_incident_condition", "catalogue", "class", "condition"),
        Index("ix_incident_open_place", "geometry", postgresql_using="gist", postgresql_where="closed_at is null"),
        Index("ix_incident_asset", "asset", postgresql_where="asset is not null and closed_at is null"),
        Index("ix_incident_due", "due_order", "id", postgresql_where="closed_at is null"),
        Index(
            "ix_incident_stage_due",
            "stage_due_at",
            postgresql_where="closed_at is null and stage_due_at is not null",
        ),
        Index("ix_incident_parent", "parent", postgresql_where="parent is not null"),
        Index("ix_incident_merged_into", "merged_into", postgresql_where="merged_into is not null"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[str] = mapped_column(Text, unique=True)
    catalogue: Mapped[str] = mapped_column(Text)
    class_: Mapped[str] = mapped_column("class", Text)
    condition: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text, server_default="")
    accuracy_m: Mapped[float | None]
    rule: Mapped[str] = mapped_column(Text)
    community: Mapped[str | None] = mapped_column(ForeignKey("community.code"))
    grid: Mapped[str | None] = mapped_column(Text)
    grid_version: Mapped[int | None]
    queue: Mapped[str | None] = mapped_column(Text)
    responsible: Mapped[str | None] = mapped_column(ForeignKey("worker.code"))
    assignee: Mapped[str | None] = mapped_column(ForeignKey("worker.code"))
    department: Mapped[str | None] = mapped_column(Text)
    reported_at: Mapped[datetime] = mapped_column(Instant, index=True)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    geometry: Mapped[Any] = mapped_column(column("POINT"))
    asset: Mapped[str | None] = mapped_column(ForeignKey("asset.code"))
    why: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    version: Mapped[int] = mapped_column(server_default="0")
    due_order: Mapped[datetime] = mapped_column(Instant, Computed("coalesce(due_at, '9999-01-01 00:00:00+00')"))
    due_uncertain: Mapped[bool] = mapped_column(server_default="false")
    stage_since: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    stage_due_at: Mapped[datetime | None] = mapped_column(Instant)
    waiting: Mapped[str | None] = mapped_column(Text)
    waiting_by: Mapped[str | None] = mapped_column(Text)
    returns: Mapped[int] = mapped_column(server_default="0")
    reworks: Mapped[int] = mapped_column(server_default="0")
    reopened: Mapped[int] = mapped_column(server_default="0")
    self_handled: Mapped[bool] = mapped_column(server_default="false")
    excluded: Mapped[bool] = mapped_column(server_default="false")
    grade: Mapped[int | None]
    merged_into: Mapped[str | None] = mapped_column(ForeignKey("incident.number"))
    parent: Mapped[str | None] = mapped_column(ForeignKey("incident.number"))
    reported_by: Mapped[str | None] = mapped_column(Text)
    # Kept by the database: the photos that are there, then those its log names and nobody has sent yet.
    photos: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")


class IncidentStep(Base):
    """One line of an incident's log: what was done, by whom, when, and what was said with it; never changed."""

    __tablename__ = "incident_step"

    incident: Mapped[int] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    worker: Mapped[str | None] = mapped_column(Text)
    department: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    reason: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    to: Mapped[str | None] = mapped_column(Text)
    queue: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    count: Mapped[int | None]
    passed: Mapped[bool | None]
    code: Mapped[str | None] = mapped_column(Text)
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)


class IncidentContact(Base):
    """What somebody left to be called back about an incident, sealed; none any more once it was deleted."""

    __tablename__ = "incident_contact"
    __table_args__ = (
        CheckConstraint("(sealed is null) = (deleted_at is not null)", name="deleted"),
        Index("ix_incident_contact_kept", "incident", postgresql_where="deleted_at is null"),
    )

    incident: Mapped[int] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    deleted_at: Mapped[datetime | None] = mapped_column(Instant)


class IncidentWarning(Base):
    """What was told of an incident that falls due or is late: once for each rule and due date."""

    __tablename__ = "incident_warning"

    incident: Mapped[int] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    due_at: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))


class IncidentPhoto(Base):
    """A photo of an incident, by the SHA-256 of the bytes the device has, and the files that are kept of it."""

    __tablename__ = "incident_photo"

    incident: Mapped[int] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    stored: Mapped[str] = mapped_column(Text)
    thumbnail: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    by: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class Webhook(Base):
    """Another system that is told what happens to incidents; the secret of its signatures is sealed."""

    __tablename__ = "webhook"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class WebhookDelivery(Base):
    """One event on its way to a webhook."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("ix_webhook_delivery_webhook", "webhook", "id"),
        Index("ix_webhook_delivery_waiting", "next_at", "id", postgresql_where="done_at is null"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    webhook: Mapped[int] = mapped_column(ForeignKey("webhook.id"))
    event: Mapped[int] = mapped_column(ForeignKey("event.id"))
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    done_at: Mapped[datetime | None] = mapped_column(Instant)
    error: Mapped[str | None] = mapped_column(Text)
