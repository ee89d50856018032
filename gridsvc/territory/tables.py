"""The ground as tables: divisions, communities and grids with dated versions, buildings, streets, assets.

A community or grid is a code that never changes and never comes back; what it is called and where it lies are its
versions, each with the range of time (half-open, UTC) in which it held.
"""

from datetime import datetime
from typing import Any

from geoalchemy2 import Geography
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column

from gridsvc.core.db import Base
from gridsvc.core.geo import column


def known_since() -> MappedColumn[datetime]:
    """Declare from when a row holds: as long as nobody says otherwise, from ever."""
    return mapped_column(DateTime(timezone=True), server_default=func.known_since())


class Division(Base):
    """A county or street (行政区划) by its national 12-digit code."""

    __tablename__ = "division"
    __table_args__ = (
        Index("ix_division_geometry", "geometry", postgresql_using="gist"),
        Index("ix_division_code", "code", postgresql_ops={"code": "text_pattern_ops"}),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    parent: Mapped[str | None] = mapped_column(ForeignKey("division.code"))
    geometry: Mapped[Any | None] = mapped_column(column("MULTIPOLYGON"))
    since: Mapped[datetime] = known_since()


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
        Index("ix_community_version_community", "community", postgresql_ops={"community": "text_pattern_ops"}),
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
        Index("ix_grid_version_grid", "grid", postgresql_ops={"grid": "text_pattern_ops"}),
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
    """A community or street whose partition is proved before the running transaction ends; written by triggers alone."""

    __tablename__ = "partition_due"

    parent: Mapped[str] = mapped_column(Text, primary_key=True)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Belonging(Base):
    """Which grid a building or an asset belongs to, from when until when; derived, and written by triggers alone."""

    __tablename__ = "belonging"
    __table_args__ = (Index("ix_belonging_grid", "grid", "kind", "code"),)

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    grid: Mapped[str] = mapped_column(Text)


class BuildingWritten(Base):
    """A building as the GeoJSON feature it is given out as, during a stretch of time; derived, written by triggers."""

    __tablename__ = "building_written"
    __table_args__ = (Index("ix_building_written_geometry", "geometry", postgresql_using="gist"),)

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    feature: Mapped[str] = mapped_column(Text)
    grid: Mapped[str | None] = mapped_column(Text)
    households: Mapped[int | None]
    geometry: Mapped[Any | None] = mapped_column(column("MULTIPOLYGON"))


class GridTally(Base):
    """What a grid gains or loses at a moment; all up to a moment add up to what it has then. Triggers write it."""

    __tablename__ = "grid_tally"

    grid: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    buildings: Mapped[int] = mapped_column(BigInteger)
    households: Mapped[int] = mapped_column(BigInteger)


class DeriveDue(Base):
    """What is to be derived after a change of many rows (`derive_due_now`); no codes: everything of the kind."""

    __tablename__ = "derive_due"
    __table_args__ = (
        CheckConstraint("derived in ('drawn', 'written', 'search')", name="derived"),
        Index("ix_derive_due_derived", "derived"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    derived: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    codes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    noted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))


class Building(Base):
    """A building (楼栋): footprint, address and *counts* of households and inhabitants, never who lives there."""

    __tablename__ = "building"
    __table_args__ = (
        Index("ix_building_geometry", "geometry", postgresql_using="gist"),
        Index("ix_building_code", "code", postgresql_ops={"code": "text_pattern_ops"}),
        Index("ix_building_point", "point", postgresql_using="gist"),
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
    geometry: Mapped[Any] = mapped_column(column("MULTIPOLYGON"))
    # The point inside the footprint that decides which grid owns the building.
    point: Mapped[Any] = mapped_column(column("POINT"), Computed("st_pointonsurface(geometry)", persisted=True))
    since: Mapped[datetime] = known_since()


class Street(Base):
    """A piece of street (街道路段) as surveyed; bridges and tunnels do not meet what they cross."""

    __tablename__ = "street"
    __table_args__ = (
        Index("ix_street_geometry", "geometry", postgresql_using="gist"),
        Index("ix_street_code", "code", postgresql_ops={"code": "text_pattern_ops"}),
    )

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
    since: Mapped[datetime] = known_since()


class Asset(Base):
    """A public asset (部件): a lamp, a manhole cover, a bin, by class and state."""

    __tablename__ = "asset"
    __table_args__ = (
        Index("ix_asset_geometry", "geometry", postgresql_using="gist"),
        Index("ix_asset_code", "code", postgresql_ops={"code": "text_pattern_ops"}),
    )

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    class_: Mapped[str] = mapped_column("class", Text)
    name: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="intact")
    geometry: Mapped[Any] = mapped_column(column("POINT"))
    since: Mapped[datetime] = known_since()


def _past_of(table: type[Base]) -> Table:
    """Declare the table that keeps what rows of another were, each with its range of time."""
    now = table.metadata.tables[table.__tablename__]
    name = f"{now.name}_past"
    return Table(
        name,
        Base.metadata,
        *(
            Column(one.name, one.type, nullable=one.nullable, primary_key=one.name in ("code", "since"))
            for one in now.columns
        ),
        Column("valid", TSTZRANGE, nullable=False),
        *(
            Index(f"ix_{name}_{one}", one, postgresql_using="gist")
            for one in ("geometry", "point")
            if one in now.columns
        ),
        Index(f"ix_{name}_code", "code", postgresql_ops={"code": "text_pattern_ops"}),
    )


PASTS = tuple(_past_of(table) for table in (Division, Building, Street, Asset))
"""What divisions, buildings, streets and assets were; triggers write it, and `…_ever` is a view of now and then."""


class Pinyin(Base):
    """A character or phrase and how it is read, commonest first, without tones; loaded by the migration."""

    __tablename__ = "pinyin"

    text: Mapped[str] = mapped_column(Text, primary_key=True)
    readings: Mapped[list[str]] = mapped_column(ARRAY(Text))


class PinyinOwn(Base):
    """How an office reads a name of its own (六合: lu he); it goes before what is general."""

    __tablename__ = "pinyin_own"

    text: Mapped[str] = mapped_column(Text, primary_key=True)
    readings: Mapped[list[str]] = mapped_column(ARRAY(Text))


class SearchTerm(Base):
    """What things are called, each once, in the form in which it is compared and without a house number."""

    __tablename__ = "search_term"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    text: Mapped[str] = mapped_column(Text, unique=True)


class SearchKey(Base):
    """A way to write a term: as text, in pinyin, by initials. Triggers write it."""

    __tablename__ = "search_key"
    __table_args__ = (
        Index("ix_search_key_key", "key", postgresql_ops={"key": "text_pattern_ops"}),
        Index(
            "ix_search_key_trigrams",
            "key",
            postgresql_using="gin",
            postgresql_ops={"key": "gin_trgm_ops"},
            postgresql_where=text("form <> 'initials'"),
        ),
        Index(
            "ix_search_key_pairs",
            text("search_pairs(key)"),
            postgresql_using="gin",
            postgresql_where=text("form = 'text'"),
        ),
    )

    term: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    form: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)


SEARCH_ENTRY = Table(
    "search_entry",
    Base.metadata,
    Column("term", BigInteger, nullable=False),
    Column("tail", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("place", Geography("POINT", srid=4326, spatial_index=False)),
    Index("ix_search_entry_code", "code", "kind"),
    Index("ix_search_entry_term", "term", "tail", postgresql_ops={"tail": "text_pattern_ops"}),
    Index("ix_search_entry_place", "term", "place", postgresql_using="gist", postgresql_where=text("kind <> 'street'")),
    Index("ix_search_entry_street", "term", postgresql_where=text("kind = 'street'")),
)
"""What is called by a term, with which number, from when until when, and where it lay. Triggers write it."""
