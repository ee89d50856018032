"""What there is to put on a map: the address of the service in; style, listing (JSON, HTML) and QGIS connections out."""

from html import escape
from typing import Annotated, Any
from xml.etree.ElementTree import Element, SubElement, tostring

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from gridsvc.access.guard import allowed
from gridsvc.app.tiles.layers import LAYERS
from gridsvc.app.tiles.style import map_style

router = APIRouter(tags=["tiles"], dependencies=[Depends(allowed("territory.read"))])


def listed(base_url: str) -> list[dict[str, Any]]:
    """List every layer with the addresses a client needs."""
    return [
        {
            "name": layer.name,
            "title": layer.title,
            "geometry": layer.geometry,
            "minzoom": layer.zooms[0],
            "maxzoom": layer.zooms[1],
            "tiles": f"{base_url}tiles/{layer.name}/{{z}}/{{x}}/{{y}}.mvt",
            "tilejson": f"{base_url}tiles/{layer.name}.json",
            "qgis": f"type=xyz&zmin={layer.zooms[0]}&zmax={layer.zooms[1]}"
            f"&url={base_url}tiles/{layer.name}/{{z}}/{{x}}/{{y}}.mvt",
        }
        for layer in LAYERS.values()
    ]


@router.get("/tiles/style.json")
def describe_style(request: Request) -> dict[str, Any]:
    """Give a MapLibre style of all layers."""
    return map_style(str(request.base_url))


@router.get("/tiles/qgis.xml", response_class=Response)
def describe_for_qgis(request: Request) -> Response:
    """Give the connections as QGIS loads them (Browser, Vector Tiles, Load Connections); each user adds the own token."""
    root = Element("qgsVectorTilesConnections", version="1.0")
    for layer in listed(str(request.base_url)):
        SubElement(
            root,
            "vectortile",
            name=f"gridsvc {layer['title']}",
            url=layer["tiles"],
            zmin=str(layer["minzoom"]),
            zmax=str(layer["maxzoom"]),
        )
    text = "<!DOCTYPE connections>\n" + tostring(root, encoding="unicode") + "\n"
    return Response(text, media_type="application/xml")


@router.get("/tiles", response_class=JSONResponse, responses={200: {"content": {"text/html": {}}}})
def list_tiles(
    request: Request, f: Annotated[str | None, Query(pattern="^(json|html)$", description="json or html")] = None
) -> Response:
    """List all tile layers; a browser gets a page."""
    layers = listed(str(request.base_url))
    page = f == "html" or (f is None and "text/html" in request.headers.get("accept", ""))
    if not page:
        return JSONResponse({"layers": layers, "style": f"{request.base_url}tiles/style.json"})
    rows = "".join(
        f"<tr><th>{escape(one['title'])}</th><td>{one['minzoom']}–{one['maxzoom']}</td>"
        f"<td><code>{escape(one['tiles'])}</code></td><td><code>{escape(one['qgis'])}</code></td></tr>"
        for one in layers
    )
    return HTMLResponse(
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>gridsvc tiles 瓦片</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="ogc/assets/page.css">'
        '</head><body><header><a class="home" href="ogc/?f=html">gridsvc 网格图</a></header>'
        "<main><h1>矢量瓦片 Vector tiles</h1><p>QGIS：浏览器 → Vector Tiles → Load Connections → "
        '<a href="tiles/qgis.xml">qgis.xml</a>；认证 (Basic)：密码为令牌 the token is the password。</p>'
        '<p><a href="tiles/style.json">MapLibre style</a></p><div class="wide"><table>'
        f"<tr><th>图层 layer</th><th>zoom</th><th>XYZ</th><th>QGIS</th></tr>{rows}</table></div></main></body></html>"
    )
