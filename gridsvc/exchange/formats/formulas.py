"""A text in, one that no spreadsheet program takes for a formula out, and the same text back.

A CSV cannot say that a cell is a text: what begins with one of these signs is run when the file is opened (CWE-1236). An
apostrophe before it stops that. A text that has apostrophes there already gets one more, so that nothing is lost.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

SIGNS = r"'*[=+\-@\t\r＝＋－＠]"
GUARDED = re.compile(f"'{SIGNS}")


def guard(column: pa.Array) -> pa.Array:
    """Put an apostrophe before every text that would be a formula."""
    return pc.replace_substring_regex(column, pattern=f"^({SIGNS})", replacement=r"'\1")


def unguard(text: str) -> str:
    """Take the apostrophe of `guard` off again."""
    return text[1:] if text[:1] == "'" and GUARDED.match(text) else text
