"""By which names this service may be called: a request in, a refusal for one that was meant for another host out.

A page of another host that has its own name point here (DNS rebinding), and whoever would have links lead elsewhere, call
the service by a name the office has not given it.
"""

from starlette.responses import Response
from starlette.types import Scope

from gridsvc.core.http import problem

PROBES = ("/healthz", "/readyz")
"""What asks whether the service is well calls it by its address, and gets nothing that anybody could use."""


class Hosts:
    """Knows the names that are the office's own; without any, every name will do."""

    def __init__(self, names: str) -> None:
        """Read names with commas between, as they are set."""
        self._names = frozenset(name.strip().lower() for name in names.split(",") if name.strip())

    def refusal(self, scope: Scope) -> Response | None:
        """Tell a request by another name, or by none, so; None lets it pass."""
        if not self._names or scope["type"] != "http" or scope["path"] in PROBES:
            return None
        called = [name_of(value) for header, value in scope["headers"] if header == b"host"]
        if len(called) == 1 and called[0] in self._names:
            return None
        return problem(
            400, "bad_request", "This service is not called so; use the address that the office has given it."
        )


def name_of(host: bytes) -> str:
    """Take the name out of a Host header: without the port, in small letters; an address of IPv6 keeps its brackets."""
    text = host.decode("latin-1").strip().lower()
    if text.startswith("["):
        address, end, _ = text.partition("]")
        return address + end
    return text.partition(":")[0]
