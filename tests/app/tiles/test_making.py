"""One tile is made once, for those who may see it, in the version of the data: shown by counting what is asked."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import TupleRow
from sqlalchemy import Engine, create_engine, text

from gridsvc.app.tiles.keeping import OVERHEAD_BYTES, InFolder, InMemory, Key
from gridsvc.app.tiles.layers import LAYERS
from gridsvc.app.tiles.making import Tiles, Wanted, decompress, tag_of
from gridsvc.app.tiles.versions import FOLD_AT
from gridsvc.core.db import Database, Seen
from gridsvc.core.errors import NotFound
from tests.app.tiles.stories import tell
from tests.conftest import Town, copy_database

Z, X, Y = 15, 27195, 13302
KEY: Key = ("all", "grids", "v1", Z, X, Y)


class Counting(Database):
    """The database, which counts the tiles it is asked for and the versions."""

    tiles_made = 0
    versions_read = 0

    async def rows(self, sql: Any, parameters: dict[str, Any], **ways: Any) -> list[TupleRow]:
        self.versions_read += 1
        return await super().rows(sql, parameters, **ways)

    async def value(self, sql: bytes, parameters: dict[str, Any], seen: Seen) -> Any:
        assert b"st_asmvt(" in sql
        self.tiles_made += 1
        return await super().value(sql, parameters, seen)


def run(url: str, story: Callable[[Counting, Tiles], Awaitable[None]], **settings: Any) -> None:
    """Tell a story with tiles over a database."""
    tell(Counting, url, story, **settings)


def grids(scope: str = "all") -> Wanted:
    return Wanted(LAYERS["grids"], Z, X, Y, scope)


def test_however_many_ask_for_a_missing_tile_it_is_made_once(town_engine: Engine) -> None:
    async def story(database: Counting, tiles: Tiles) -> None:
        version = await tiles.version(grids())
        answers = await asyncio.gather(*(tiles.get(grids(), version) for _ in range(20)))
        assert database.tiles_made == 1
        assert len(set(answers)) == 1
        assert decompress(answers[0])
        await tiles.get(grids(), version)
        assert database.tiles_made == 1

    run(town_engine.url.render_as_string(hide_password=False), story)


def test_the_first_who_asks_may_leave_and_the_others_still_get_it(town_engine: Engine) -> None:
    async def story(database: Counting, tiles: Tiles) -> None:
        version = await tiles.version(grids())
        first = asyncio.create_task(tiles.get(grids(), version))
        others = [asyncio.create_task(tiles.get(grids(), version)) for _ in range(3)]
        await asyncio.sleep(0)
        first.cancel()
        assert all(await asyncio.gather(*others))
        with pytest.raises(asyncio.CancelledError):
            await first
        assert database.tiles_made == 1

    run(town_engine.url.render_as_string(hide_password=False), story)


def test_a_fault_is_told_to_all_who_wait_and_not_kept(town_engine: Engine) -> None:
    async def story(database: Counting, tiles: Tiles) -> None:
        version = await tiles.version(grids())
        sound, database.tiles_made = Counting.value, 0

        async def broken(*_: object) -> bytes:
            database.tiles_made += 1
            await asyncio.sleep(0)
            raise NotFound("broken")

        database.value = broken  # type: ignore[assignment,method-assign]
        answers = await asyncio.gather(*(tiles.get(grids(), version) for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in answers] == [NotFound] * 3
        assert database.tiles_made == 1
        database.value = sound.__get__(database)  # type: ignore[method-assign]
        assert await tiles.get(grids(), version)

    run(town_engine.url.render_as_string(hide_password=False), story)


def test_two_scopes_never_share_a_tile_nor_a_tag(town_engine: Engine, tmp_path: Path) -> None:
    async def story(database: Counting, tiles: Tiles) -> None:
        version = await tiles.version(grids())
        mine, yours = grids("320102003901"), grids("320102003902")
        await asyncio.gather(tiles.get(mine, version), tiles.get(yours, version))
        assert database.tiles_made == 2
        await asyncio.gather(tiles.get(mine, version), tiles.get(yours, version))
        assert database.tiles_made == 2
        assert len({tag_of(one.row_scope, one.layer, version) for one in (mine, yours)}) == 2
        tiles.memory = InMemory(0)
        await tiles.get(grids("everything"), version)
        assert database.tiles_made == 3, "a tile of another scope came out of the folder"

    run(town_engine.url.render_as_string(hide_password=False), story, tile_cache_dir=tmp_path)


def test_a_tile_kept_in_a_folder_outlives_the_process(town_engine: Engine, tmp_path: Path) -> None:
    answers = []

    async def story(database: Counting, tiles: Tiles) -> None:
        answers.append(await tiles.get(grids(), await tiles.version(grids())))
        assert database.tiles_made == (1 if len(answers) == 1 else 0)

    url = town_engine.url.render_as_string(hide_password=False)
    run(url, story, tile_cache_dir=tmp_path / "kept")
    run(url, story, tile_cache_dir=tmp_path / "kept")
    assert answers[0] == answers[1]
    (file,) = (tmp_path / "kept").glob("*/*")
    assert file.stat().st_mode & 0o077 == 0


def test_a_version_is_asked_for_once_in_a_moment_and_again_after_a_commit(town: Town) -> None:
    async def story(database: Counting, tiles: Tiles) -> None:
        clock = [100.0]
        tiles.versions._clock = lambda: clock[0]
        before = await tiles.version(grids())
        clock[0] += 0.05
        assert await tiles.version(grids()) == before
        assert database.versions_read == 1
        with database.sessions.begin() as session:
            session.execute(text("update asset set state = 'broken'"))
        assert await tiles.version(grids()) == before, "assets are not in the tiles of grids"
        assert database.versions_read == 2
        with database.sessions.begin() as session:
            session.execute(text("delete from grid_version where lower(valid) > now()"))
        after = await tiles.version(grids())
        assert after != before
        # Another process changes something: seen when asked for, or after a moment.
        other = create_engine(database.engine.url)
        with other.begin() as connection:
            connection.execute(text("delete from grid_version where lower(valid) > now()"))
        other.dispose()
        assert await tiles.version(grids(), fresh=True) not in (after, before)
        clock[0] += 0.2
        assert await tiles.version(grids()) not in (after, before)

    run(copy_database(town.url), story)


def test_all_who_wait_for_a_version_share_one_question(town_engine: Engine) -> None:
    async def story(database: Counting, tiles: Tiles) -> None:
        assert len(set(await asyncio.gather(*(tiles.version(grids()) for _ in range(20))))) == 1
        assert database.versions_read == 1

    run(town_engine.url.render_as_string(hide_password=False), story)


def test_many_marks_are_folded_and_the_version_stays(town: Town) -> None:
    url = copy_database(town.url)

    async def story(database: Counting, tiles: Tiles) -> None:
        with database.sessions.begin() as session:
            session.execute(
                text(
                    "insert into drawn.change select 'asset', hashtextextended(n::text, 0)"
                    f" from generate_series(1, {FOLD_AT + 1}) n"
                )
            )
        wanted = Wanted(LAYERS["assets"], Z, X, Y, "all")
        before = await tiles.version(wanted)
        with database.engine.connect() as connection:
            left = connection.scalar(text("select count(*) from drawn.change where layer = 'asset'"))
        assert left == 1
        assert await tiles.version(wanted, fresh=True) == before

    run(url, story)


def test_memory_holds_no_more_than_its_bound_and_what_was_used_last() -> None:
    kept = InMemory(3 * (OVERHEAD_BYTES + 1000))
    keys: list[Key] = [(*KEY[:5], number) for number in range(4)]
    for key in keys[:3]:
        kept.put(key, b"x" * 1000)
    assert kept.get(keys[0])
    kept.put(keys[3], b"x" * 1000)
    assert [kept.get(key) is not None for key in keys] == [True, False, True, True]
    kept.put(keys[3], b"x" * 10)
    assert kept.bytes == 2010 + 3 * OVERHEAD_BYTES
    kept.put(KEY, b"x" * 1_000_000)
    assert kept.get(KEY) is None
    assert kept.bytes == 0


def test_a_folder_holds_no_more_than_its_bound(tmp_path: Path) -> None:
    kept = InFolder(tmp_path, 10_000)
    for number in range(50):
        kept.put((*KEY[:5], number), b"x" * 1000)
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) <= 10_000
    assert kept.get((*KEY[:5], 49)) == b"x" * 1000


def test_a_folder_that_cannot_be_written_is_as_if_there_were_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = InFolder(tmp_path / "file", 10_000)
    kept.put(KEY, b"x")
    assert kept.get(KEY) is None
