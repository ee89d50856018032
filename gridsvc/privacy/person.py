"""A name somebody is known by in; all that is held on that account and worker out, and the asking written down."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gridsvc.access.tables import Account
from gridsvc.core.errors import Conflict, NotFound
from gridsvc.core.events import record
from gridsvc.privacy.inventory import HELD
from gridsvc.workforce.tables import Worker


@dataclass(frozen=True)
class Person:
    """Somebody who works here: an account, a worker, or both in one."""

    account: int | None
    username: str | None
    worker: str | None

    @property
    def pseudonym(self) -> str:
        """Give what may stay of them in the record of the work: the staff number, else the number of the account."""
        return f"worker:{self.worker}" if self.worker is not None else f"account:{self.account}"

    @property
    def keys(self) -> dict[str, object]:
        """Give what their rows are found by."""
        account = None if self.account is None else str(self.account)
        return {"account": self.account, "account_text": account, "username": self.username, "worker": self.worker}


def find_person(session: Session, name: str) -> Person:
    """Find somebody by `account:NAME`, `worker:CODE`, or either without the word before it.

    Raises NotFound where there is nobody, and Conflict where one name is two persons.
    """
    kind, mark, rest = name.partition(":")
    if not mark or kind not in ("account", "worker"):
        kind, rest = "", name
    found = set()
    if kind in ("", "account"):
        found |= _by(session, Account.username == rest)
    if kind in ("", "worker"):
        found |= _by(session, Worker.code == rest)
    if len(found) > 1:
        raise Conflict(
            f"{name!r} is an account and another person's staff number: say account:{rest} or worker:{rest}."
        )
    if not found:
        raise NotFound(f"There is neither an account nor a worker {name!r}.")
    return found.pop()


def _by(session: Session, condition: Any) -> set[Person]:
    # An account without a worker, a worker without an account, and who is both.
    both = (
        select(Account.id, Account.username, Worker.code)
        .join_from(Account, Worker, Worker.account == Account.id, full=True)
        .where(condition)
    )
    return {Person(*row) for row in session.execute(both)}


def access(session: Session, person: Person, now: datetime, *, actor: str) -> dict[str, Any]:
    """Give all that is held on somebody, table by table; what is hashed or sealed is only counted."""
    held = []
    for table, whose in sorted({(one.table, one.whose) for one in HELD if one.whose is not None}):
        parts = [one for one in HELD if (one.table, one.whose) == (table, whose)]
        secret = [name for one in HELD if one.table == table and one.is_secret for name in one.names]
        rows = _rows(session, table, whose, secret, person)
        if rows:
            open_parts = [one for one in parts if not one.is_secret]
            held.append({
                "table": table,
                "for": sorted({one.purpose for one in parts}),
                "目的": sorted({one.purpose_zh for one in parts}),
                "count": len(rows),
                "not_shown": secret,
                "rows": rows if open_parts else [],
            })  # fmt: skip
    record(session, "privacy.accessed", person.pseudonym, actor=actor)
    return {
        "as_of": now.isoformat(timespec="seconds"),
        "account": person.username,
        "worker": person.worker,
        "held": held,
    }


def _rows(session: Session, table: str, whose: str, secret: list[str], person: Person) -> list[Any]:
    condition = whose.replace("|| :account", "|| :account_text")
    rows = text(f"select to_jsonb(t) - cast(:secret as text[]) from {table} t where {condition}")  # noqa: S608 - our own table
    return list(session.scalars(rows, {**person.keys, "secret": secret}))
