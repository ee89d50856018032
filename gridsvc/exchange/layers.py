"""The layers a file can be imported into, as a table: their columns, what those may be called, and their values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "double precision", "boolean", "timestamptz", "jsonb"]


@dataclass(frozen=True)
class Field:
    """One column: its type in SQL, the other names a file may use for it, and the values it may have.

    The first Chinese name is what an export calls it; a name of at most ten letters is what a shapefile calls it.

    `choices` maps each value to the other spellings a file may use. A column that is not `required` may be missing or
    empty, and is then `default` (an SQL literal is never built from it: it goes through COPY like any other value).
    """

    name: str
    kind: Kind = "text"
    also: tuple[str, ...] = ()
    required: bool = False
    default: object = None
    choices: Mapping[str, tuple[str, ...]] | None = None
    pattern: str | None = None
    refers_to: str | None = None  # the table whose first key column must hold the value
    default_with: str | None = (
        None  # the column whose value this one says more of: none without it, and the default with it
    )


@dataclass(frozen=True)
class ImportLayer:
    """One layer. `geometry` is the type it is stored as, None for a plain table.

    `passes_over` layers take what is theirs out of a mixed file (a street file also holds crossings and squares);
    the others hold every row to the layer's type. `osm` layers also read raw OpenStreetMap and files with its tags.
    """

    name: str
    fields: tuple[Field, ...]
    geometry: Literal["MULTIPOLYGON", "POLYGON", "MULTILINESTRING", "POINT"] | None = None
    geometry_required: bool = True
    passes_over: bool = False
    osm: bool = False
    keyed_by_shape: bool = False  # a row without a code gets one made from its geometry
    # The table that holds one row a code, where a row stands by itself: such a layer is taken piece by piece.
    table: str | None = None
    straight: bool = False  # a clean row is a row of the table as it stands


CODE = ("编码", "代码", "id", "osm_id", "gid")
NAME = ("名称", "name:zh")

LAYERS: dict[str, ImportLayer] = {
    layer.name: layer
    for layer in (
        ImportLayer(
            "divisions",
            (
                Field("code", also=("区划代码", *CODE), required=True, pattern=r"\d{12}"),
                Field("name", also=NAME, required=True),
                Field(
                    "level",
                    also=("级别",),
                    required=True,
                    choices={"province": ("省",), "city": ("市",), "county": ("区县", "区", "县"), "street": ("街道",)},
                ),
                Field("parent", also=("上级",), pattern=r"\d{12}"),
            ),
            geometry="MULTIPOLYGON",
            geometry_required=False,
        ),
        ImportLayer(
            "communities",
            (
                Field("code", also=("社区编码", *CODE), required=True, pattern=r"\d{12}"),
                Field("name", also=("社区名称", *NAME), required=True),
                Field("street", also=("街道", "所属街道"), pattern=r"\d{12}", refers_to="division"),
            ),
            geometry="MULTIPOLYGON",
        ),
        ImportLayer(
            "grids",
            (
                Field("code", also=("网格编码", *CODE), required=True, pattern=r"\d{15}"),
                Field("name", also=("网格名称", *NAME), required=True),
                Field(
                    "kind",
                    also=("网格类型",),
                    default="residential",
                    choices={"residential": ("居住网格",), "dedicated": ("专属网格",)},
                ),
            ),
            geometry="POLYGON",
        ),
        ImportLayer(
            "buildings",
            (
                Field("code", also=("楼栋编码", *CODE)),
                Field("name", also=("楼栋名称", *NAME)),
                Field("number", also=("楼号", "addr:housenumber")),
                Field("address", also=("地址", "addr:full")),
                Field("use", also=("用途",), default="unknown"),
                Field("levels", "integer", also=("层数", "building:levels")),
                Field("households", "integer", also=("户数",)),
                Field(
                    "households_source",
                    also=("户数来源", "hh_source"),
                    default="counted",
                    default_with="households",
                    choices={"estimated": ("估算",), "counted": ("实数", "登记")},
                ),
                Field("inhabitants", "integer", also=("人口", "人数", "people")),
            ),
            geometry="MULTIPOLYGON",
            passes_over=True,
            osm=True,
            keyed_by_shape=True,
            table="building",
            straight=True,
        ),
        ImportLayer(
            "streets",
            (
                Field("code", also=("道路编码", *CODE)),
                Field("name", also=("道路名称", *NAME)),
                Field("name_en", also=("name:en", "英文名称")),
                Field("kind", also=("道路等级", "highway"), default="unclassified"),
                Field("bridge", "boolean", also=("桥梁",), default=False),
                Field("tunnel", "boolean", also=("隧道",), default=False),
                Field("layer", "integer", also=("层",), default=0),
                Field("oneway", "boolean", also=("单行",), default=False),
                Field("foot", also=("步行",)),
            ),
            geometry="MULTILINESTRING",
            passes_over=True,
            osm=True,
            keyed_by_shape=True,
            table="street",
        ),
        ImportLayer(
            "assets",
            (
                Field("code", also=("部件编码", "标识码", *CODE), required=True),
                Field("class", also=("类别", "部件类别"), required=True, pattern=r"asset:\d{5}"),
                Field("name", also=("部件名称", *NAME)),
                Field(
                    "state",
                    also=("状态",),
                    default="intact",
                    choices={
                        "intact": ("完好",),
                        "broken": ("破损",),
                        "missing": ("丢失",),
                        "abandoned": ("废弃",),
                        "removed": ("移除",),
                    },
                ),
            ),
            geometry="POINT",
            table="asset",
        ),
        ImportLayer(
            "workers",
            (
                Field("code", also=("工号", *CODE), required=True),
                # The only name of a person there is: a column 姓名 of any other file is passed over.
                Field("name", also=("名称", "姓名", "name:zh"), required=True),
                Field("phone", also=("电话", "手机")),
                Field("department", also=("部门", "单位")),
            ),
        ),
        ImportLayer(
            "posts",
            (
                Field("grid", also=("网格", "网格编码"), required=True, refers_to="grid"),
                Field("worker", also=("工号", "网格员"), required=True, refers_to="worker"),
                Field(
                    "role",
                    also=("岗位",),
                    required=True,
                    choices={"responsible": ("责任",), "assistant": ("协助",), "backup": ("AB岗", "备岗")},
                ),
                Field("valid_from", "timestamptz", also=("开始",), required=True),
                Field("valid_to", "timestamptz", also=("结束",)),
            ),
        ),
        ImportLayer(
            "routes",
            (
                Field("code", also=("路线编码", *CODE), required=True),
                Field("name", also=("路线名称", *NAME), required=True),
                Field("grid", also=("网格", "网格编码"), required=True, refers_to="grid"),
                Field("worker", also=("工号", "网格员"), refers_to="worker"),
                Field("checkpoints", "jsonb", also=("巡查点", "stops"), default="[]"),
            ),
            geometry="MULTILINESTRING",
        ),
        ImportLayer(
            "incidents",
            (
                Field("number", also=("编号",), pattern=r"\d{8}-\d{6}"),
                Field("class", also=("类别",), required=True),
                Field("condition", also=("立案条件",), required=True),
                Field(
                    "status",
                    also=("状态",),
                    default="reported",
                    choices={
                        "reported": ("已上报",),
                        "verifying": ("核查中",),
                        "filed": ("已立案",),
                        "dispatched": ("已派遣",),
                        "handling": ("处理中",),
                        "suspended": ("已挂账",),
                        "feedback": ("已反馈",),
                        "checking": ("核实中",),
                        "closed": ("已结案",),
                        "rejected": ("不予立案",),
                        "merged": ("已并案",),
                    },
                ),
                Field("accuracy_m", "double precision", also=("精度",)),
                Field("text", also=("描述",), default=""),
                Field(
                    "source",
                    also=("来源",),
                    required=True,
                    choices={
                        "worker": ("网格员",),
                        "dispatcher": ("派遣员",),
                        "hotline": ("热线",),
                        "public": ("公众",),
                        "open311": ("开放接口",),
                        "patrol": ("巡查",),
                        "asset": ("部件",),
                    },
                ),
                Field("reported_at", "timestamptz", also=("上报时间", "reported"), required=True),
                Field("due_at", "timestamptz", also=("处置时限", "due")),
                Field("closed_at", "timestamptz", also=("结案时间",)),
            ),
            geometry="POINT",
        ),
    )
}
"""Every layer of rows that stand by themselves."""

STANDARDS = ("catalogue", "calendar")
"""What an office works by; these files are read as a whole (`standards/`)."""
