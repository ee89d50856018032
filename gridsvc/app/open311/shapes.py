"""Plain data in, GeoReport v2 out: JSON, or XML with the specification's own element names; pure."""

from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import orjson
from fastapi import Response

MEDIA = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
# What an element of a list is called in XML.
ONE_OF = {
    "services": "service",
    "service_requests": "request",
    "attributes": "attribute",
    "values": "value",
    "errors": "error",
    "keywords": "keyword",
    "photos": "photo",
    "endpoints": "endpoint",
    "formats": "format",
}


def answer(form: str, root: str, body: Any, status: int = 200) -> Response:
    """Answer data in a form: a list is the list itself in JSON, and the element `root` around its parts in XML."""
    content = orjson.dumps(body) if form == "json" else as_xml(root, body)
    return Response(content, status, media_type=MEDIA[form])


def as_xml(root: str, body: Any) -> bytes:
    """Write data as XML; what is null is an empty element, as the specification has it."""
    top = Element(root)
    _fill(top, root, body)
    written: bytes = tostring(top, encoding="utf-8", xml_declaration=True)
    return written


def _fill(element: Element, name: str, body: Any) -> None:
    if isinstance(body, dict):
        for key, value in body.items():
            _fill(SubElement(element, key), key, value)
    elif isinstance(body, list):
        for one in body:
            _fill(SubElement(element, ONE_OF.get(name, "item")), "", one)
    elif body is not None:
        text = str(body).lower() if isinstance(body, bool) else str(body)
        # What XML 1.0 cannot hold is left out rather than break the document.
        element.text = "".join(letter for letter in text if letter in "\t\n\r" or ord(letter) >= 0x20)
