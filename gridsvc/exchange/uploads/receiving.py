"""A multipart request in, a checked upload out; nothing is read of it before it is known who sends it, and never too much."""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO, Annotated, Any, cast

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.types import Message

from gridsvc.access.guard import Caller, allowed_everywhere
from gridsvc.core.errors import Forbidden, Invalid, TooLarge
from gridsvc.core.http import Moment
from gridsvc.core.settings import Settings
from gridsvc.exchange.layers import LAYERS, STANDARDS

MEGABYTE = 1_000_000
FIELDS_BYTES = 100_000
"""What the fields beside the file may come to; it is allowed on top of the largest file."""
BOUNDARIES = frozenset({"communities", "grids"})
"""Layers that planners import too."""
PAIRS = {"set": "value", "map": "field"}
"""Fields of the form that are pairs and may be repeated, and what the right side of each is."""
Column = Annotated[str, Field(min_length=1, max_length=100)]


class Asked(BaseModel):
    """What is asked of an import: the file by name and hash, and the options of `gridsvc import`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    file: Annotated[str, Field(min_length=1, max_length=200)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    layer: Annotated[str, Field(max_length=40)]
    crs: Annotated[str, Field(max_length=40)] = "auto"
    dry_run: bool = False
    from_: Annotated[Moment | None, Field(alias="from")] = None
    whole: bool = False
    repair: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None
    keep_holes: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None
    skip_bad: bool = False
    trust_crs: bool = False
    set: dict[Column, Annotated[str, Field(max_length=1000)]] = {}
    map: dict[Column, Column] = {}


@dataclass(frozen=True)
class Upload:
    """A file that has come in, and what is asked of it."""

    asked: Asked
    stream: IO[bytes]
    caller: Caller


FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "layer"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "The format is told by its name, as for `gridsvc import`",
                        },
                        "layer": {"type": "string", "enum": [*LAYERS, *STANDARDS]},
                        "crs": {"type": "string", "default": "auto", "description": "auto, EPSG:n, gcj02 or bd09"},
                        "dry_run": {"type": "boolean", "default": False},
                        "from": {
                            "type": "string",
                            "format": "date-time",
                            "description": "When new boundaries come into force; now when left out",
                        },
                        "whole": {"type": "boolean", "default": False},
                        "repair": {"type": "number", "minimum": 0, "description": "Width in metres"},
                        "keep_holes": {"type": "number", "minimum": 0, "description": "Area in m²"},
                        "skip_bad": {"type": "boolean", "default": False},
                        "trust_crs": {"type": "boolean", "default": False},
                        "set": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "column=value for every row; may be repeated",
                        },
                        "map": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "column=field: the file's column is our field; may be repeated",
                        },
                    },
                }
            }
        },
    }
}
"""The form, as OpenAPI tells it. It is read by hand, because the framework would read all of it before asking who sends it."""


async def received(
    request: Request, caller: Annotated[Caller, Depends(allowed_everywhere("import.boundaries"))]
) -> AsyncIterator[Upload]:
    """Receive an upload for the length of the request.

    Raises TooLarge (413) beyond the setting, Invalid (422) for a form that makes no sense, Forbidden for a layer the
    caller may not import, and for who does not see everything: a file may hold any place.
    """
    settings: Settings = request.app.state.settings
    bounded = _bounded(request, settings.upload_mb)
    async with bounded.form(max_files=1, max_fields=100, max_part_size=FIELDS_BYTES) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Invalid("An import needs the multipart field `file` with a file in it.")
        sha256 = await run_in_threadpool(_hash, file.file)
        asked = _asked(form, file_name(file.filename or ""), sha256)
        if asked.layer not in BOUNDARIES and not caller.may("import"):
            raise Forbidden(
                f"The role {caller.role} may import {' and '.join(sorted(BOUNDARIES))}, not {asked.layer} (import)."
            )
        yield Upload(asked, file.file, caller)


def file_name(sent: str) -> str:
    """Give the last part of a file's name, without what has no place in one; raise Invalid when nothing is left."""
    name = re.sub(r"[\x00-\x1f\x7f]", "", re.split(r"[/\\]", sent)[-1]).strip()
    if name in ("", ".", ".."):
        raise Invalid("The file has no name; its format is told by it.")
    if len(name) > 200 or len(name.encode("utf-8", "surrogatepass")) > 250:
        raise Invalid("The name of the file is longer than 200 characters.")
    return name.encode("utf-8", "replace").decode()


def _bounded(request: Request, most_mb: int) -> Request:
    """Give the same request, which ends with TooLarge when more comes than may."""
    most = most_mb * MEGABYTE + FIELDS_BYTES
    refusal = TooLarge(
        f"The file is larger than the {most_mb} MB that may be sent (GRIDSVC_UPLOAD_MB); nothing was kept."
    )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise refusal
    came = 0

    async def receive() -> Message:
        nonlocal came
        message = await request.receive()
        came += len(message.get("body", b""))
        if came > most:
            raise refusal
        return message

    return Request(request.scope, receive)


def _asked(form: FormData, name: str, sha256: str) -> Asked:
    given: dict[str, Any] = {}
    for key, value in form.multi_items():
        if key in ("sha256", "from_") or (key in given and key not in PAIRS):
            raise Invalid(f"The field {key!r} is given twice or is not one of an import.")
        if key in PAIRS:
            column, equals, text = str(value).partition("=")
            if not equals:
                raise Invalid(f"A field `{key}` needs column={PAIRS[key]}, not {str(value)[:80]!r}.")
            given.setdefault(key, {})[column] = text
        else:
            given[key] = value
    try:
        asked = Asked.model_validate({**given, "file": name, "sha256": sha256})
    except ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None
    if asked.layer not in LAYERS and asked.layer not in STANDARDS:
        raise Invalid(f"There is no layer {asked.layer!r}; there are {', '.join((*LAYERS, *STANDARDS))}.")
    return asked


def _hash(stream: IO[bytes]) -> str:
    digest = hashlib.file_digest(cast("Any", stream), "sha256").hexdigest()
    stream.seek(0)
    return digest
