"""Addresses: a request in, links with the base that it came by out."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

from fastapi import Request

Link = dict[str, str]
ROOT = "ogc"


def root_of(request: Request) -> str:
    """Give the address of `/ogc` as the caller sees it, without a slash at its end."""
    return f"{request.base_url}{ROOT}"


def address(base: str, *parts: str, **query: str) -> str:
    """Put an address together; every part and value is escaped."""
    path = "/".join([base, *(quote(part, safe="") for part in parts)])
    return f"{path}?{urlencode(query)}" if query else path


def with_query(base: str, query: Mapping[str, str]) -> str:
    """Add parameters to an address."""
    return f"{base}?{urlencode(query)}" if query else base


def link(href: str, rel: str, media: str, title: str) -> Link:
    """Make one link."""
    return {"href": href, "rel": rel, "type": media, "title": title}


def table(base: str, rows: Iterable[tuple[str, str, str, str]]) -> list[Link]:
    """Make the links of a table of conformance.py."""
    return [link(f"{base}/{path}", rel, media, title) for path, rel, media, title in rows]


def header(links: Iterable[Link]) -> str:
    """Write links as the value of a Link header (RFC 8288), for formats that have no place for them."""
    return ", ".join(f'<{one["href"]}>; rel="{one["rel"]}"; type="{one["type"]}"' for one in links)
