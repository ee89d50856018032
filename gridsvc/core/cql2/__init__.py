"""CQL2 (OGC 21-065r2): a filter that somebody wrote in, a condition in SQL with bound parameters out."""

from gridsvc.core.cql2.compiling import Column, Condition, compile_filter
from gridsvc.core.cql2.json import read_json
from gridsvc.core.cql2.limits import MOST_CHARACTERS
from gridsvc.core.cql2.text import read_text

__all__ = ["MOST_CHARACTERS", "Column", "Condition", "compile_filter", "read_json", "read_text"]
