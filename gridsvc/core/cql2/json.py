"""A filter as CQL2 JSON in, the tree it is out."""

from typing import Any

import orjson

from gridsvc.core.cql2.limits import check_length
from gridsvc.core.errors import Invalid


def read_json(text: str) -> Any:
    """Read a filter as CQL2 JSON; what its parts mean is checked when it is compiled."""
    check_length(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as fault:
        raise Invalid(f"The filter is no JSON: {fault.msg} at character {fault.pos + 1}.") from None
