"""In which form and language somebody wants an answer: a request in, a word out."""

from collections.abc import Mapping

from fastapi import Request

from gridsvc.app.ogc.asking import LANGUAGES, MOST_QUERY_BYTES, BadRequest

PAGES = {"json": "json", "html": "html"}


def refuse_long_query(request: Request) -> None:
    """Refuse a query string that is longer than any honest one, before it is taken apart."""
    if (length := len(request.scope["query_string"])) > MOST_QUERY_BYTES:
        raise BadRequest(f"The query has {length:,} bytes; at most {MOST_QUERY_BYTES:,} are read.")


def form_of(request: Request, forms: Mapping[str, str]) -> str:
    """Choose the form: what `f` says, else a page for a browser and JSON for everybody else."""
    wanted = request.query_params.get("f")
    if wanted is None:
        accepted = request.headers.get("accept", "").split(";")[0].split(",")
        return "html" if "text/html" in (kind.strip() for kind in accepted) and "html" in forms.values() else "json"
    if wanted not in forms:
        raise BadRequest(f"f is one of {', '.join(forms)}, not {wanted[:40]!r}.")
    return forms[wanted]


def wants_page(request: Request) -> bool:
    """Tell whether a person is to read the answer, also where what is asked for makes no sense."""
    try:
        return form_of(request, PAGES) == "html"
    except BadRequest:
        return "text/html" in request.headers.get("accept", "")


def language_of(request: Request) -> str:
    """Choose the language of a page: what `lang` says, else what the browser prefers, else Chinese."""
    wanted = request.query_params.get("lang")
    if wanted is None:
        return preferred_language(request)
    if wanted not in LANGUAGES:
        raise BadRequest(f"lang is one of {', '.join(LANGUAGES)}, not {wanted[:40]!r}.")
    return wanted


def preferred_language(request: Request) -> str:
    """Tell what the browser prefers, else Chinese."""
    first = request.headers.get("accept-language", "").split(",")[0].strip().lower()
    return "en" if first.startswith("en") else "zh"
