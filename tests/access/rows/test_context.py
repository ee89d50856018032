"""For whom a transaction is ends with it: nothing is left on a connection of a pool, however the transaction ended."""

import asyncio
from collections.abc import Iterator

import pytest
from psycopg.errors import DivisionByZero
from sqlalchemy import text
from sqlalchemy.exc import DataError

from gridsvc.core.db import EVERYTHING, Database, Seen, look_as, looking, seeing_everything, seen_now
from gridsvc.core.settings import Settings
from tests.access.rows.conftest import Wall
from tests.conftest import served
from tests.town import GRIDS, JIA, YI_1

ASK = "select coalesce(current_setting('gridsvc.scope', true), ''), (select count(*) from grid), pg_backend_pid()"
JIAS = sum(code.startswith(JIA) for code in GRIDS)


@pytest.fixture
def database(wall: Wall) -> Iterator[Database]:
    """Give both ways into the database, of one connection each."""
    database = Database.at(served(wall.url), Settings(pool_size=1))
    yield database
    database.engine.dispose()


def test_a_transaction_sees_what_it_is_for_and_nothing_is_left_after_it(database: Database) -> None:
    sessions = database.sessions

    def asked() -> tuple[str, int]:
        with sessions.begin() as session:
            scope, grids, _ = session.execute(text(ASK)).one()
            return scope, grids

    assert asked() == ("", 0)
    with looking(EVERYTHING):
        assert asked() == ("all", len(GRIDS))
        with looking(Seen(JIA, "jia")):
            assert asked() == (JIA, JIAS)
        assert asked() == ("all", len(GRIDS))
        with pytest.raises(DataError), sessions.begin() as session:
            session.execute(text("select 1 / 0"))
        with pytest.raises(KeyError), sessions.begin() as session:
            session.info[session.execute(text(ASK)).one()]
    assert asked() == ("", 0)


def test_a_block_may_see_everything_in_a_transaction_and_then_no_more(database: Database) -> None:
    with looking(Seen(JIA, "jia")), database.sessions.begin() as session:
        count = text("select count(*), current_setting('gridsvc.actor') from grid")
        assert session.execute(count).one() == (JIAS, "jia")
        with seeing_everything(session):
            assert session.execute(count).one() == (len(GRIDS), "jia")
        assert session.execute(count).one() == (JIAS, "jia")


def test_the_pool_of_hot_reads_keeps_nothing_after_an_end_an_error_or_a_cancel(database: Database) -> None:
    async def story() -> None:
        await database.pool.open(wait=True)
        try:
            ((scope, grids, backend),) = await database.rows(ASK, {}, seen=Seen(JIA, "jia"))
            assert (scope, grids) == (JIA, JIAS)
            assert await database.rows(ASK, {}) == [("", 0, backend)]
            with pytest.raises(DivisionByZero):
                await database.rows("select 1 / 0", {}, seen=EVERYTHING)
            assert await database.rows(ASK, {}) == [("", 0, backend)]
            waiting = asyncio.create_task(database.rows("select pg_sleep(20)", {}, seen=EVERYTHING))
            await asyncio.sleep(0.2)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            for _ in range(3):
                ((scope, grids, _),) = await database.rows(ASK, {})
                assert (scope, grids) == ("", 0)
        finally:
            await database.pool.close()

    asyncio.run(story())


def test_every_task_has_a_caller_of_its_own(database: Database) -> None:
    async def story() -> None:
        await database.pool.open(wait=True)

        async def ask(seen: Seen | None) -> int:
            look_as(seen)
            await asyncio.sleep(0)
            ((_, grids, _),) = await database.rows(ASK, {})
            return int(grids)

        try:
            for _ in range(5):
                asked = [ask(seen) for seen in (EVERYTHING, Seen(JIA), Seen(YI_1), Seen(""), None)]
                assert await asyncio.gather(*asked) == [len(GRIDS), JIAS, 1, 0, 0]
        finally:
            await database.pool.close()

    asyncio.run(story())
    assert seen_now() == Seen("")
