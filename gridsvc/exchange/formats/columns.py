"""The columns of a file and what a person says about them in, the same rows under the names of the layer out; pure."""

from collections.abc import Mapping

import pandas as pd

from gridsvc.core.errors import Invalid
from gridsvc.exchange.checks import plain_name
from gridsvc.exchange.layers import ImportLayer


def renamed(frame: pd.DataFrame, names: Mapping[str, str], layer: ImportLayer, file: str) -> pd.DataFrame:
    """Call columns of a file as the layer calls them: `names` maps the file's own name to the field's.

    What the file itself calls so is then not looked at. Raises Invalid for a column the file does not have, a field the
    layer does not have, and two columns for one field.
    """
    fields = {one.name for one in layer.fields}
    own = [str(name) for name in frame.columns if name not in ("row", "geometry")]
    for column, name in names.items():
        if column not in own:
            raise Invalid(f"{file} has no column {column!r} to map; it has {', '.join(own) or 'none'}.")
        if name not in fields:
            raise Invalid(f"{layer.name} have no field {name!r} to map to; they have {', '.join(sorted(fields))}.")
    if len(set(names.values())) < len(names):
        raise Invalid(f"Two columns of {file} are mapped to one field: {', '.join(sorted(names.values()))}.")
    taken = {plain_name(name) for name in names.values()}
    hidden = [name for name in own if plain_name(name) in taken and name not in names]
    return frame.drop(columns=hidden).rename(columns=dict(names))


def pairs_of(words: list[str], option: str) -> dict[str, str]:
    """Read the `a=b` of an option that may be given several times; raises Invalid for one that is no pair."""
    pairs: dict[str, str] = {}
    for word in words:
        left, sign, right = word.partition("=")
        if not (sign and left.strip()):
            raise Invalid(f"--{option} needs column=value, not {word!r}.")
        if left in pairs:
            raise Invalid(f"--{option} {left} is given twice.")
        pairs[left] = right
    return pairs
