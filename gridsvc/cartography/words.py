"""The words of drawn pages: a language in, every word a page shows out."""

from gridsvc.cartography.colours import Language

WORDS: dict[Language, dict[str, str]] = {
    "zh": {
        "made_at": "制图时间",
        "tint": "网格未结案件（件）",
        "ground": "地物",
        "communities": "社区",
        "grids": "网格",
        "buildings": "楼栋",
        "streets": "道路",
        "routes": "巡查路线",
        "incidents": "案件",
        "open_incidents": "未结案件",
        "households": "户数",
        "code": "编码",
        "name": "名称",
        "kind": "类型",
        "responsible": "责任网格员",
        "vacant": "空缺",
        "number": "编号",
        "grid": "所属网格",
        "class_name": "类别",
        "status": "状态",
        "reported_at": "上报时间",
        "unnamed": "（未命名）",
        "too_many": "{layer}共 {count:,} 个，超过 {limit:,} 个，本页不逐一绘出。",
        "see_grids": "各网格的楼栋数与户数见网格说明。",
    },
    "en": {
        "made_at": "Drawn",
        "tint": "Open incidents per grid",
        "ground": "On the ground",
        "communities": "Communities",
        "grids": "Grids",
        "buildings": "Buildings",
        "streets": "Streets",
        "routes": "Patrol routes",
        "incidents": "Incidents",
        "open_incidents": "Open incidents",
        "households": "Households",
        "code": "Code",
        "name": "Name",
        "kind": "Kind",
        "responsible": "Responsible",
        "vacant": "vacant",
        "number": "Number",
        "grid": "Grid",
        "class_name": "Class",
        "status": "State",
        "reported_at": "Reported",
        "unnamed": "(unnamed)",
        "too_many": "{layer}: {count:,}, more than {limit:,}, so this page does not draw them one by one.",
        "see_grids": "Each grid's facts give its buildings and households.",
    },
}

KINDS: dict[Language, dict[str, str]] = {
    "zh": {
        "residential": "居住网格",
        "dedicated": "专属网格",
    },
    "en": {
        "residential": "residential",
        "dedicated": "dedicated",
    },
}

STREET_KINDS: dict[Language, dict[str, str]] = {
    "zh": {
        "trunk": "快速路",
        "primary": "主干路",
        "secondary": "次干路",
        "tertiary": "支路",
        "residential": "居住区道路",
        "living_street": "生活街道",
        "unclassified": "一般道路",
        "service": "内部道路",
        "pedestrian": "步行街",
        "footway": "人行道",
        "cycleway": "自行车道",
        "path": "小路",
        "steps": "台阶",
    },
    "en": {"living_street": "living street"},
}
"""Kinds as OpenStreetMap writes them; a kind without a line here is shown as it is."""
