"""A column of a layer and a language in, the words that a reader of a spreadsheet finds there out.

What an import knows is called as it knows it (`layers.py`): the first Chinese name of a field, and of a value. In English
the stored words are the words; a column's name only loses its underscores. So a file in words can be imported again.
"""

from collections.abc import Mapping
from typing import Literal, get_args

from gridsvc.exchange.layers import LAYERS, Field

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

CHINESE = {
    "asset": "部件",
    "due_uncertain": "时限待定",
    "excluded": "不计考核",
    "merged_into": "并入案件",
    "parent": "上级案件",
    "returns": "回退次数",
    "reworks": "返工次数",
    "self_handled": "自处置",
    "stage_due_at": "阶段时限",
    "stage_since": "进入阶段时间",
    "waiting": "待审批",
    "area_m2": "面积（平方米）",
    "assignee": "处置人",
    "buildings": "楼栋数",
    "catalogue": "目录版本",
    "class_name": "类别名称",
    "class_name_en": "类别英文名称",
    "community": "社区",
    "condition_text": "立案条件内容",
    "condition_text_en": "立案条件英文内容",
    "department": "处置部门",
    "grid": "网格",
    "grid_version": "网格版本",
    "grids": "负责网格",
    "households": "户数",
    "id": "记录号",
    "lat": "纬度",
    "length_m": "长度（米）",
    "lon": "经度",
    "on_duty": "在岗",
    "overdue": "已超时",
    "phone_masked": "脱敏电话",
    "queue": "受理队列",
    "responsible": "责任网格员",
    "rule": "归属方式",
    "valid_from": "生效时间",
    "valid_to": "失效时间",
    "version": "版本",
}
"""What an export has beyond what an import takes; none of these names may be one that an import knows in that layer."""

UNITS = {"m": "(m)", "m2": "(m²)", "en": "(en)"}
WORDS = {"rule": {"inside": "网格内", "border": "网格边界上", "community": "仅在社区内", "fallback": "社区之外"}}
YES_NO: Mapping[Language, Mapping[bool, str]] = {"zh": {True: "是", False: "否"}, "en": {True: "yes", False: "no"}}


def label(layer: str, column: str, language: Language) -> str:
    """Name a column for a reader, such as 户数来源 or `Households source`."""
    if column == "geometry":
        return column  # An import finds the shape, in WKT, by this very name.
    known = _field(layer, column)
    if language == "en":
        return _plain_english(known.name if known else column)
    return next(name for name in known.also if not name.isascii()) if known else CHINESE[column]


def wording(layer: str, column: str, language: Language) -> Mapping[str, str]:
    """Give the words of a column's values, by value; a value without one is shown as it is."""
    if language == "en":
        return {}
    known = _field(layer, column)
    choices = known.choices if known else None
    return {value: also[0] for value, also in (choices or {}).items() if also} or WORDS.get(column, {})


def _field(layer: str, column: str) -> Field | None:
    fields = LAYERS[layer].fields
    by_name = next((one for one in fields if one.name == column), None)
    return by_name or next((one for one in fields if column in one.also), None)


def _plain_english(name: str) -> str:
    """Write `area_m2` as `Area (m²)`; an import reads past capitals, spaces and brackets."""
    *words, last = name.split("_")
    if words and last in UNITS:
        return f"{' '.join(words).capitalize()} {UNITS[last]}"
    return name.replace("_", " ").capitalize()
