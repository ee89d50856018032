"""The ground as tables: divisions, communities and grids with dated versions, buildings, streets, assets.

A community or grid is a code that never changes and never comes back; what it is called and where it lies are its
versions, each with the range of time (half-open, UTC) in which it held.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Computed, DateTime, ForeignKey, ForeignKeyConstraint, Identity, Index, Text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from gridsvc.core.db import Base
from gridsvc.core.geo import column


class Division(Base):
    """A county or street (行政区划) by its national 12-digit code."""

    __tablename__ = "division"
    __table_args__ = (Index("ix_division_geometry", "geometry", postgresql_using="gist"),)

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    parent: Mapped[str | None] = mapped_column(ForeignKey("division.code"))
    geometry: Mapped[Any | None] = mapped_column(column("MULTIPOLYGON"))


class Community(Base):
    """The identity of a community (社区): its 12-digit code, and the street it belongs to."""

    __tablename__ = "community"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    street: Mapped[str | None] = mapped_column(ForeignKey("division.code"), index=True)


class CommunityVersion(Base):
    """What a community was called and where it lay during `valid`; two versions at once are impossible."""

    __tablename__ = "community_version"
    __table_args__ = (
        ExcludeConstraint(("community", "="), ("valid", "&&"), name="ex_community_version_valid", using="gist"),
        Index("ix_community_version_geometry", "geometry", postgresql_using="gist"),
    )

    community: Mapped[str] = mapped_column(ForeignKey("community.code"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    valid: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    area_m2: Mapped[float]
    geometry: Mapped[Any] = mapped_column(column("MULTIPOLYGON"))


class Grid(Base):
    """The identity of a grid (网格): its 15-digit code, whose first twelve digits are its community."""

    __tablename__ = "grid"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    community: Mapped[str] = mapped_column(
        ForeignKey("community.code"), Computed("left(code, 12)", persisted=True), index=True
    )


class GridVersion(Base):
    """What a grid was called and where it lay during `valid`; two versions at once are impossible."""

    __tablename__ = "grid_version"
    __table_args__ = (
        ExcludeConstraint(("grid", "="), ("valid", "&&"), name="ex_grid_version_valid", using="gist"),
        Index("ix_grid_version_geometry", "geometry", postgresql_using="gist"),
    )

    grid: Mapped[str] = mapped_column(ForeignKey("grid.code"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    valid: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    area_m2: Mapped[float]
    geometry: Mapped[Any] = mapped_column(column("POLYGON"))


class Lineage(Base):
    """What became of what at a redraw: one row for each old and new version that share ground."""

    __tablename__ = "lineage"
    __table_args__ = (
        ForeignKeyConstraint(
            ["from_grid", "from_version"], ["grid_version.grid", "grid_version.version"], name="fk_lineage_from"
        ),
        ForeignKeyConstraint(
            ["to_grid", "to_version"], ["grid_version.grid", "grid_version.version"], name="fk_lineage_to"
        ),
        Index("ix_lineage_from_grid", "from_grid", "at"),
        Index("ix_lineage_to_grid", "to_grid", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    kind: Mapped[str] = mapped_column(Text)
    from_grid: Mapped[str | None] = mapped_column(Text)
    from_version: Mapped[int | None]
    to_grid: Mapped[str | None] = mapped_column(Text)
    to_version: Mapped[int | None]
    area_share: Mapped[float]
    building_share: Mapped[float]
    household_share: Mapped[float]


class PartitionDue(Base):
    """A community whose partition is proved before the running transaction ends; written by triggers alone."""

    __tablename__ = "partition_due"

    community: Mapped[str] = mapped_column(Text, primary_key=True)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Building(Base):
    """A building (楼栋): footprint, address and *counts* of households and inhabitants, never who lives there."""

    __tablename__ = "building"
    __table_args__ = (
        Index("ix_building_geometry", "geometry", postgresql_using="gist"),
        Index("ix_building_point", "point", postgresql_using="gist"),
        Index("ix_building_grid", "grid", "code"),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str | None] = mapped_column(Text)
    number: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    use: Mapped[str] = mapped_column(Text, server_default="unknown")
    levels: Mapped[int | None]
    households: Mapped[int | None]
    households_source: Mapped[str | None] = mapped_column(Text)
    inhabitants: Mapped[int | None]
    grid: Mapped[str | None] = mapped_column(ForeignKey("grid.code"))
    geometry: Mapped[Any] = mapped_column(column("MULTIPOLYGON"))
    # The point inside the footprint that decides which grid owns the building.
    point: Mapped[Any] = mapped_column(column("POINT"), Computed("st_pointonsurface(geometry)", persisted=True))


class Street(Base):
    """A piece of street (街道路段) as surveyed; bridges and tunnels do not meet what they cross."""

    __tablename__ = "street"
    __table_args__ = (Index("ix_street_geometry", "geometry", postgresql_using="gist"),)

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str | None] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    bridge: Mapped[bool]
    tunnel: Mapped[bool]
    layer: Mapped[int]
    oneway: Mapped[bool]
    foot: Mapped[str | None] = mapped_column(Text)
    length_m: Mapped[float]
    geometry: Mapped[Any] = mapped_column(column("MULTILINESTRING"))


class Asset(Base):
    """A public asset (部件): a lamp, a manhole cover, a bin, by class and state."""

    __tablename__ = "asset"
    __table_args__ = (
        Index("ix_asset_geometry", "geometry", postgresql_using="gist"),
        Index("ix_asset_grid", "grid", "code"),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    class_: Mapped[str] = mapped_column("class", Text)
    name: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="intact")
    grid: Mapped[str | None] = mapped_column(ForeignKey("grid.code"))
    geometry: Mapped[Any] = mapped_column(column("POINT"))
