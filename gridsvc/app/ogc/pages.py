"""The pages of `/ogc`: what JSON says in, the same as HTML out, in Chinese or English, with a map that stays on the host.

Every value is escaped by the template engine; the features are inert JSON that the page's own script reads.
"""

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gridsvc.app.ogc.collections import Collection
from gridsvc.app.ogc.links import Link, address, root_of
from gridsvc.app.ogc.negotiation import preferred_language, wants_page
from gridsvc.core.chinese import chinese
from gridsvc.core.errors import Refusal
from gridsvc.core.http import STATUS, answer_html
from gridsvc.core.settings import settings
from gridsvc.exchange.labels import YES_NO, Language, label, wording

HERE = Path(__file__).resolve().parent
VENDOR = HERE.parent.parent / "cartography" / "vendor"
ASSETS = {
    **{name: HERE / "assets" / name for name in ("map.js", "language.js", "page.css", "mark.svg")},
    "leaflet.js": VENDOR / "leaflet.js",
    "leaflet.css": VENDOR / "leaflet.css",
}
"""What the pages load: their own script and style, and Leaflet as it is built for the drawn pages."""

WORDS = {
    "zh": {
        "collections": "数据集",
        "conformance": "符合性",
        "api": "接口定义",
        "landing": "OGC API 要素服务",
        "next": "下一页",
        "alternate": "其他格式：",
        "collection": "数据集说明",
        "in_view": "只看地图范围内",
        "nothing": "没有要素。",
        "queryables": "可筛选字段",
        "features": "浏览要素",
        "field": "字段",
        "other": "English",
        "about": "社区网格化管理：场所、工作与事件；绝不建立个人档案",
        "links": "链接",
        "skip": "跳到内容",
        "map": "要素地图：方向键移动，加减号缩放",
        "table": "要素表",
        "all": "查看全部要素",
        "refused": "无法回答这个请求",
        "sign_in": "登录",
    },
    "en": {
        "collections": "Collections",
        "conformance": "Conformance",
        "api": "API definition",
        "landing": "OGC API - Features",
        "next": "Next page",
        "alternate": "As ",
        "collection": "About the collection",
        "in_view": "Only what the map shows",
        "nothing": "Nothing here.",
        "queryables": "What may be filtered by",
        "features": "Browse the features",
        "field": "Field",
        "other": "中文",
        "about": "Community grid management: places, work and events; never dossiers on people",
        "links": "Links",
        "skip": "Skip to the content",
        "map": "Map of the features: arrow keys move it, plus and minus zoom",
        "table": "Table of the features",
        "all": "See all features",
        "refused": "This cannot be answered",
        "sign_in": "Sign in",
    },
}

CHINESE = {
    "This page as JSON": "本页（JSON）",
    "This page for people": "本页（网页）",
    "What this service conforms to": "本服务的符合性",
    "The collections": "数据集",
    "The definition of this API (OpenAPI 3.0)": "接口定义（OpenAPI 3.0）",
    "The same for people": "接口定义（网页）",
    "Vector tiles of the collections": "各数据集的矢量瓦片",
    "How the tiles are cut": "瓦片切分方式",
    "This collection as JSON": "本数据集（JSON）",
    "This collection for people": "本数据集（网页）",
    "The features": "要素（GeoJSON）",
    "The features on a page with a map": "要素（网页与地图）",
    "The features as FlatGeobuf": "要素（FlatGeobuf）",
    "The features as CSV": "要素（CSV）",
    "What may be filtered by": "可筛选字段",
    "This document": "本文档",
    "The way in": "入口",
}
"""The titles of links as the pages say them in Chinese; in JSON they are English."""

_templates = Environment(
    loader=PackageLoader("gridsvc.app.ogc"), autoescape=True, undefined=StrictUndefined, auto_reload=False
)

Cell = dict[str, str]


def landing_page(body: Mapping[str, Any], language: str) -> Response:
    """Show where everything is."""
    root = body["links"][0]["href"].rstrip("/")
    rows = [[_cell(_title(one["title"], language), one["href"])] for one in body["links"]]
    word = WORDS[language]
    return _page("links.html", word["landing"], root, language, text=word["about"], tables={word["links"]: rows})


def conformance_page(body: Mapping[str, Any], root: str, language: str) -> Response:
    """Show the conformance classes."""
    rows = [[_cell(name)] for name in body["conformsTo"]]
    return _page("links.html", WORDS[language]["conformance"], root, language, text="", tables={"": rows})


def definition_page(body: Mapping[str, Any], root: str, language: str) -> Response:
    """Show the paths of the API and their parameters."""
    parameters = body["components"]["parameters"]
    rows = []
    for path, operations in body["paths"].items():
        names = [
            one.get("name") or parameters[one["$ref"].split("/")[-1]]["name"] for one in operations["get"]["parameters"]
        ]
        rows.append([_cell(path), _cell(_title(operations["get"]["summary"], language)), _cell(", ".join(names))])
    return _page("links.html", WORDS[language]["api"], root, language, text="OpenAPI 3.0", tables={"": rows})


def collections_page(body: Mapping[str, Any], root: str, language: str) -> Response:
    """Show the collections."""
    rows = [
        [
            _cell(one["title"], f"{address(root, 'collections', one['id'])}?f=html&lang={language}"),
            _cell(
                WORDS[language]["features"],
                f"{address(root, 'collections', one['id'], 'items')}?f=html&lang={language}",
            ),
        ]
        for one in body["collections"]
    ]
    return _page("links.html", WORDS[language]["collections"], root, language, text="", tables={"": rows})


def collection_page(body: Mapping[str, Any], fields: Mapping[str, Any], language: str) -> Response:
    """Show one collection with its links and its fields."""
    root = body["links"][0]["href"].rsplit("/", 2)[0]
    rows = [[_cell(_title(one["title"], language), one["href"]), _cell(one["type"])] for one in body["links"]]
    word = WORDS[language]
    tables = {word["links"]: rows, word["queryables"]: _field_rows(fields)}
    return _page("links.html", body["title"], root, language, text="", tables=tables)


def queryables_page(body: Mapping[str, Any], collection: Collection, root: str, language: str) -> Response:
    """Show what may be filtered by."""
    title = f"{collection.chinese} {collection.english} · {WORDS[language]['queryables']}"
    return _page("links.html", title, root, language, text="", tables={"": _field_rows(body)})


def items_page(
    collection: Collection, written: bytes, links: list[Link], language: str, asked: Mapping[str, str]
) -> Response:
    """Show a page of features as a map and a table."""
    features = orjson.loads(b"[" + written + b"]")
    base = next(one["href"] for one in links if one["rel"] == "collection")
    kept = {name: value for name, value in asked.items() if name not in ("bbox", "bbox-crs")}
    items = f"{base}/items?{urlencode({**kept, 'f': 'html', 'lang': language})}"
    return _features_page(collection, features, links, items, language)


def item_page(collection: Collection, key: str, written: bytes, links: list[Link], language: str) -> Response:
    """Show one feature as a map and a table."""
    base = next(one["href"] for one in links if one["rel"] == "collection")
    items = f"{base}/items?f=html&lang={language}"
    return _features_page(collection, [orjson.loads(written)], links, items, language, key)


def refusal_page(request: Request, refusal: Refusal, language: str) -> Response:
    """Tell a person why there is no answer; who is not signed in is shown where to."""
    word = WORDS[language]
    away = refusal.kind == "unauthenticated"
    rows = [[_cell(word["sign_in"], str(request.base_url))]] if away else []
    told = refusal.sentence if language == "en" else chinese(refusal.sentence)
    answer = _page(
        "links.html", word["refused"], root_of(request), language, text=told, tables={"": rows},
        status=STATUS[refusal.kind],
    )  # fmt: skip
    if away:
        # Not Basic: the browser would ask for a password by itself.
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


class PageRoute(APIRoute):
    """A route that tells a refusal as a page to whoever reads pages, and as problem+json to everybody else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the usual way to answer."""
        usual = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await usual(request)
            except Refusal as refusal:
                # A program that is not known wants the challenge, whatever it accepts.
                if not wants_page(request) or (
                    refusal.kind == "unauthenticated" and "sec-fetch-mode" not in request.headers
                ):
                    raise
                spoken = request.query_params.get("lang")
                return refusal_page(request, refusal, spoken if spoken in WORDS else preferred_language(request))

        return handle


def _features_page(
    collection: Collection, features: list[Any], links: list[Link], items: str, language: str, key: str = ""
) -> Response:
    spoken: Language = "en" if language == "en" else "zh"
    base = next(one["href"] for one in links if one["rel"] == "collection")
    names = list(collection.properties)
    rows = []
    for feature in features:
        href = f"{address(base, 'items', str(feature['id']))}?f=html&lang={language}"
        told = (_told(collection, name, feature["properties"][name], spoken) for name in names)
        rows.append([_cell(feature["id"], href), *map(_cell, told)])
    # A less-than sign could end the script element early; in JSON it may be written so.
    inert = orjson.dumps({"type": "FeatureCollection", "features": features}).decode().replace("<", "\\u003c")
    word = WORDS[language]
    shown = [
        {"href": one["href"], "rel": one["rel"], "text": _text_of(one, word)} for one in links if one["rel"] != "self"
    ]
    title = f"{collection.chinese} {collection.english}" + (f" {key}" if key else "")
    return _page(
        "features.html",
        title,
        base.rsplit("/", 2)[0],
        language,
        features=Markup(inert),  # noqa: S704 - it holds no sign that HTML knows
        items=items,
        links=shown,
        headings=["id", *(labels := [label(collection.name, name, spoken) for name in names])],
        labels=orjson.dumps(dict(zip(names, labels, strict=True))).decode(),
        everything=f"{base}/items?{urlencode({'f': 'html', 'lang': language})}",
        rows=rows,
    )


def _told(collection: Collection, name: str, value: Any, language: Language) -> Any:
    """Say a value in the reader's words, and a moment in the office's zone, as the exported tables do."""
    if isinstance(value, bool):
        return YES_NO[language][value]
    if isinstance(value, str) and collection.layer.kinds[name] == "moment":
        return f"{datetime.fromisoformat(value).astimezone(ZoneInfo(settings().timezone)):%Y-%m-%d %H:%M}"
    return wording(collection.name, name, language).get(value, value) if isinstance(value, str) else value


def _text_of(one: Link, word: Mapping[str, str]) -> str:
    if one["rel"] == "alternate":
        return f"{word['alternate']}{one['type'].split('/')[1]}"
    return word[one["rel"]]


def _field_rows(fields: Mapping[str, Any]) -> list[list[Cell]]:
    return [
        [_cell(f"{name} · {one['title']}"), _cell(one.get("type") or one.get("format", ""))]
        for name, one in fields["properties"].items()
    ]


def _cell(value: Any, href: str = "") -> Cell:
    return {"text": "" if value is None else str(value), "href": href}


def _title(english: str, language: str) -> str:
    return CHINESE.get(english, english) if language == "zh" else english


def _page(template: str, title: str, root: str, language: str, *, status: int = 200, **values: Any) -> Response:
    written = _templates.get_template(template).render(
        title=title, root=root, language=language, word=WORDS[language], **values
    )
    return answer_html(written, status)
