"""A job sees what who asked for it saw, whenever it is done; and it takes no role that owns something for that."""

from sqlalchemy import text

from gridsvc.core.db import driver_of, open_engine, transaction
from gridsvc.core.jobs.queue import Running, defer
from gridsvc.core.jobs.reading import read
from gridsvc.core.jobs.run import perform
from gridsvc.core.schema import APP_ROLE
from tests.access.rows.conftest import Wall, see
from tests.town import GRIDS, JIA


def look(running: Running) -> dict[str, object]:
    """Tell as whom a job works, and how many grids it sees."""
    user, grids = running.session.execute(text("select current_user, count(*) from grid")).one()
    return {"user": user, "grids": grids}


def test_a_job_keeps_the_scope_of_who_asked_for_it(wall: Wall) -> None:
    engine = open_engine(wall.url)
    seen = {}
    for who in ("jia", "all"):
        with transaction(engine) as session:
            see(driver_of(session), who)
            job = defer(session, "look", actor=who)
        perform(engine, {"look": look}, job, lambda: False)
        with transaction(engine) as session:
            ended = read(session, job)
        assert ended["state"] == "done", ended
        seen[who] = ended["result"]
    engine.dispose()
    assert seen["jia"] == {"user": APP_ROLE, "grids": sum(code.startswith(JIA) for code in GRIDS)}
    assert seen["all"] == {"user": "gridsvc", "grids": len(GRIDS)}
