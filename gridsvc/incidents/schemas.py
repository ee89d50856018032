"""The shapes of incidents: what a report says, and what others read."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from gridsvc.core.browse import Boxed
from gridsvc.core.http import Moment
from gridsvc.incidents.contact.number import LONGEST, clean
from gridsvc.incidents.reasons import ReturnCode
from gridsvc.territory.schemas import Place

Text = Annotated[str | None, Query(min_length=1, max_length=100)]
Status = Literal[
    "reported",
    "verifying",
    "filed",
    "dispatched",
    "handling",
    "suspended",
    "feedback",
    "checking",
    "closed",
    "rejected",
    "merged",
]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Contact = Annotated[
    SecretStr,
    Field(min_length=5, max_length=LONGEST, description="A phone number or mail address, only to be called back"),
    AfterValidator(clean),
]
Source = Literal["worker", "dispatcher", "hotline", "public", "open311", "patrol", "asset"]


class IncidentQuery(Boxed):
    """Which incidents."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    grid: Text = None
    community: Text = None
    class_: Annotated[str | None, Query(alias="class", max_length=100)] = None
    status: Status | None = None
    responsible: Text = None
    queue: Text = None
    open: Annotated[bool | None, Query(description="Only open, or only ended ones")] = None
    from_: Annotated[Moment | None, Query(alias="from", description="Reported at or after")] = None
    to: Annotated[Moment | None, Query(description="Reported before")] = None
    assignee: Text = None
    department: Text = None
    source: Source | None = None
    asset: Text = None
    parent: Text = None
    waiting: Literal["suspend", "extend", "appeal"] | None = None
    overdue: bool | None = None
    due_before: Moment | None = None
    q: Text = None
    sort: Annotated[Literal["newest", "due"], Query(description="Newest first, or what falls due next first")] = (
        "newest"
    )
    count: Annotated[bool, Query(description="Also count all there are")] = False


class Report(BaseModel):
    """Something wrong, as it is reported: what (class and condition) and where (a place, an asset or an address)."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    class_: Annotated[str, Field(alias="class", max_length=100)]
    condition: Annotated[str, Field(max_length=100)]
    place: Place | None = None
    asset: Annotated[str | None, Field(max_length=100)] = None
    address: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    text: Annotated[str, Field(max_length=4000)] = ""
    source: Source
    photos: Annotated[list[Sha256], Field(max_length=20, description="SHA-256 of photos that will be sent")] = []
    contact: Contact | None = None


class Incident(BaseModel):
    """事件/案件: the owner (`grid`, `grid_version`, `responsible`) is the one of the moment of the report."""

    id: str
    number: str
    class_: Annotated[str, Field(alias="class")]
    class_name: str
    class_name_en: str
    condition: str
    condition_text: str
    condition_text_en: str
    catalogue: str
    status: Status
    place: Place
    grid: str | None
    grid_version: int | None
    community: str | None
    queue: str | None
    responsible: str | None
    assignee: str | None
    department: str | None
    reported_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    overdue: bool
    source: Source
    text: str
    photos: list["PhotoNamed"]
    why: dict[str, Any]
    asset: str | None
    version: int
    due_uncertain: bool
    stage_since: datetime
    stage_due_at: datetime | None
    waiting: Literal["suspend", "extend", "appeal"] | None
    returns: int
    reworks: int
    self_handled: bool
    excluded: bool
    merged_into: str | None
    parent: str | None
    geometry: dict[str, Any] | None = None


class PhotoNamed(BaseModel):
    """A photo that the log names or that was sent; not `present`: it has still to come."""

    sha256: str
    present: bool


class OneIncident(Incident):
    """One incident, with what the caller may do next with it."""

    actions: list[str]


class Reported(OneIncident):
    """An incident that was just reported, with the open ones nearby that may be the same thing."""

    duplicates: list["Near"]


class Near(BaseModel):
    """An open incident of the same class nearby, or of the same asset."""

    id: str
    number: str
    status: Status
    reported_at: datetime
    same_asset: bool
    distance_m: float


class Duplicates(BaseModel):
    """What may be the same thing, nearest first."""

    items: list[Near]


class Action(BaseModel):
    """What is to be done, and what is said with it.

    `to` is a department, `worker:` and a staff number, or the number of another incident; `count` the units an
    extension asks for, or a grade; `passed` what a check found; `evidence` SHA-256 of photos; `code` why it is sent back.
    """

    model_config = ConfigDict(extra="forbid")

    action: Annotated[str, Field(min_length=1, max_length=40)]
    reason: Annotated[str | None, Field(min_length=1, max_length=1000)] = None
    note: Annotated[str | None, Field(max_length=4000)] = None
    to: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    evidence: Annotated[list[Sha256], Field(max_length=20)] = []
    count: Annotated[int | None, Field(ge=0, le=10_000)] = None
    passed: bool | None = None
    code: ReturnCode | None = None


class Line(BaseModel):
    """One line of the log."""

    number: int
    action: str
    actor: str
    role: str
    at: datetime
    code: ReturnCode | None = None
    reason: str | None = None
    note: str | None = None
    to: str | None = None
    queue: str | None = None
    evidence: list[str] = []
    count: int | None = None
    passed: bool | None = None
    worker: str | None = None
    department: str | None = None


class Reason(BaseModel):
    """A reason out of a list: its code, and its words."""

    code: ReturnCode
    name: str
    name_en: str


class Reasons(BaseModel):
    """Why an incident may be sent back (回退); `other` needs words with it."""

    returns: list[Reason]


class Log(BaseModel):
    """The log of an incident, from the report on."""

    items: list[Line]


class Condition(BaseModel):
    """立案条件: what exactly is wrong, and the limit that sets."""

    code: str
    text: str
    text_en: str
    closing: str
    limit: int
    unit: Literal["urgent_hour", "urgent_day", "working_hour", "working_day"]
    department: str
    evidence: list[Literal["before", "after"]]


class CatalogueClass(BaseModel):
    """类别: the key carries the kind (`asset:01037`)."""

    class_: Annotated[str, Field(alias="class")]
    kind: Literal["asset", "matter"]
    name: str
    name_en: str
    major: str
    minor: str
    radius_m: float
    conditions: list[Condition]


class CatalogueVersion(BaseModel):
    """A version of the catalogue and where it came from; none is ever deleted."""

    version: str
    scheme: str
    current: bool
    imported_at: datetime
    source: str


class Catalogue(CatalogueVersion):
    """One version of the catalogue with its classes."""

    classes: list[CatalogueClass]


class CatalogueVersions(BaseModel):
    """Every version of the catalogue, the newest first."""

    items: list[CatalogueVersion]


class Renumbered(BaseModel):
    """A class of one version and the class of another that has its name; `to` is null where none or several have it."""

    class_: Annotated[str, Field(alias="class")]
    name: str
    to: str | None
    candidates: list[str]


class Crosswalk(BaseModel):
    """What the classes of one version are called in another, by name."""

    items: list[Renumbered]
