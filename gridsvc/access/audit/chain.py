"""The chain over the events: committed events in, seals out; and the proof that nobody changed what was sealed.

A seal is SHA-256 over the hash before it and the event's canonical form (the function `canonical`). Seals are written
afterwards, in the order in which a sealer saw the events committed, so no writer ever waits for the chain. An event
whose transaction commits late is sealed when it is seen, whatever its id.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from gridsvc.core.db import transaction

BEGINNING = hashlib.sha256(b"gridsvc").digest()
BATCH = 10_000

# The highest id before the list of writers: whoever was given an id up to it held this lock by then.
HIGHEST = "select coalesce((select last_value from pg_sequences where sequencename = 'event_id_seq'), 0)"
WRITING = """
    select coalesce(array_agg(distinct virtualtransaction), '{}') from pg_locks
    where locktype = 'relation' and relation = 'event'::regclass and mode = 'RowExclusiveLock'
      and database = (select oid from pg_database where datname = current_database())"""

UNSEALED = """
    select e.id, canonical(e) from event e
    where e.id > :settled and not exists (select from event_seal s where s.event = e.id)
    order by e.id limit :batch"""

SEALED = """
    select s.sequence, s.event, s.hash, case when e.id is not null then canonical(e) end
    from event_seal s left join event e on e.id = s.event order by s.sequence"""

UNKNOWN = """
    select e.id from event e
    where e.id <= :settled and not exists (select from event_seal s where s.event = e.id) order by e.id"""


WAITING = """
    select count(*) from event e
    where e.id > :settled and not exists (select from event_seal s where s.event = e.id)"""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was sealed: what happened (`removed`, `changed`, `inserted`), and to which row."""

    kind: str
    event: int | None
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """What a proof found, how many events are sealed and not yet sealed, and the hash at the head of the chain."""

    findings: list[Finding]
    sealed: int
    waiting: int
    head: str


def next_hash(previous: bytes, canonical: str) -> bytes:
    """Hash an event onto the chain."""
    return hashlib.sha256(previous + canonical.encode()).digest()


def seal(engine: Engine) -> int:
    """Seal every event that is committed; answer how many. Whoever else seals waits for this one."""
    count = 0
    while True:
        with transaction(engine) as session:
            done = _seal_batch(session, BATCH)
        count += done
        if done < BATCH:
            return count


def _seal_batch(session: Session, batch: int) -> int:
    chain = session.execute(text("select * from event_chain for update")).mappings().one()
    highest: int = session.execute(text(HIGHEST)).scalar_one()
    writing: list[str] = session.execute(text(WRITING)).scalar_one()
    # Read after the two: what was committed by then is seen here.
    rows = session.execute(text(UNSEALED), {"settled": chain["settled"], "batch": batch}).all()
    head, seals = bytes(chain["head"]), []
    for number, (event, canonical) in enumerate(rows, chain["length"] + 1):
        head = next_hash(head, canonical)
        seals.append({"sequence": number, "event": event, "hash": head})
    if seals:
        session.execute(text("insert into event_seal (sequence, event, hash) values (:sequence, :event, :hash)"), seals)
    now: dict[str, Any] = {"length": chain["length"] + len(seals), "head": head}
    now |= {name: chain[name] for name in ("settled", "mark", "writing")}
    if len(rows) < batch:
        now |= settle(now, highest, writing)
    if now != {name: chain[name] for name in now}:
        session.execute(
            text(
                "update event_chain set length = :length, head = :head, settled = :settled, mark = :mark,"
                " writing = cast(:writing as text[])"
            ),
            now,
        )
    return len(seals)


def settle(chain: dict[str, Any], highest: int, writing: list[str]) -> dict[str, Any]:
    """Tell up to which id nothing can come any more, after all that was seen is sealed.

    A mark is passed when none of those is open who wrote when it was made; then a new one is made.
    """
    if not writing:
        return {"settled": highest, "mark": highest, "writing": []}
    if set(chain["writing"]) & set(writing):
        return {}
    return {"settled": chain["mark"], "mark": highest, "writing": sorted(writing)}


def verify(engine: Engine) -> Verdict:
    """Prove every sealed event and every seal as of one moment."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        return prove(connection)


def prove(connection: Connection) -> Verdict:
    """Prove every sealed event and every seal, and find events that came in below what was settled."""
    chain = connection.execute(text("select * from event_chain")).mappings().one()
    findings: list[Finding] = []
    last, head = 0, BEGINNING
    for sequence, event, kept, canonical in connection.execute(text(SEALED), execution_options={"yield_per": 2000}):
        findings += _missing(last, sequence)
        # From the hash that is kept, so that one changed row does not make all that follow it look changed.
        findings += _judge(sequence, event, bytes(kept), canonical, head if sequence == last + 1 else None)
        last, head = sequence, bytes(kept)
    findings += _missing(last, chain["length"] + 1)
    if last == chain["length"] and head != bytes(chain["head"]):
        findings.append(Finding("changed", None, f"The head of the chain is not the hash of its last seal, {last}."))
    settled = {"settled": chain["settled"]}
    findings += [
        Finding("inserted", event, f"Event {event} was put in afterwards: no seal knows it.")
        for event in connection.execute(text(UNKNOWN), settled).scalars()
    ]
    waiting: int = connection.execute(text(WAITING), settled).scalar_one()
    return Verdict(findings, chain["length"], waiting, head.hex())


def _missing(last: int, sequence: int) -> Iterator[Finding]:
    if sequence > last + 1:
        which = f"Seal {last + 1} is" if sequence == last + 2 else f"Seals {last + 1} to {sequence - 1} are"
        yield Finding("removed", None, f"{which} missing.")
    elif sequence <= last:
        yield Finding("inserted", None, f"Seal {sequence} was put in afterwards.")


def _judge(sequence: int, event: int, kept: bytes, canonical: str | None, previous: bytes | None) -> Iterator[Finding]:
    if canonical is None:
        yield Finding("removed", event, f"Event {event}, sealed as {sequence}, was removed.")
    elif previous is not None and next_hash(previous, canonical) != kept:
        yield Finding("changed", event, f"Event {event}, sealed as {sequence}, or its seal, was changed or moved.")


def holds(engine: Engine, head: str) -> bool:
    """Tell whether a head that was noted before is still in the chain."""
    with transaction(engine) as session:
        return bool(
            session.execute(
                text("select exists (select from event_seal where encode(hash, 'hex') = :head)"), {"head": head.lower()}
            ).scalar_one()
        )
