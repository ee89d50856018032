"""A worker: a database and the kinds of jobs it knows in, jobs done until it is told to stop out.

Any number of workers, on any machines, share one database. procrastinate brings the jobs; `run.perform` does them.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as Brought
from psycopg import Error as DriverError
from psycopg_pool import PoolTimeout
from sqlalchemy import Engine, text

from gridsvc.core.db import conninfo, open_engine
from gridsvc.core.jobs.queue import QUEUE, TASK, Work
from gridsvc.core.jobs.run import JOB_LOCKS, Again, perform

log = structlog.get_logger()

ALIVE_S = 30
"""A worker that has not been heard of for so long is taken for dead."""
FORGET_CRON = "23 * * * *"

# Jobs that a worker has taken and nobody is doing: whoever does one holds its lock.
UNHELD = """
    select q.id, q.attempts from procrastinate_jobs q
    where q.task_name = %(task)s and q.status = 'doing' and not exists (
        select from pg_locks l where l.locktype = 'advisory' and l.granted and l.objsubid = 2
            and l.database = (select oid from pg_database where datname = current_database())
            and l.classid = %(locks)s and l.objid = (q.args ->> 'job')::bigint)"""
FORGET = text("delete from job where finished_at < now() - make_interval(days => :days)")


@dataclass(frozen=True)
class Pace:
    """How often a worker looks, in seconds: for new jobs that no notice told of, and for jobs that lost their worker.

    `grace_s` is how long it lets running jobs finish when it is told to stop; then it leaves them for another.
    """

    poll_s: float = 5.0
    sweep_s: float = 3.0
    heartbeat_s: float = 10.0
    grace_s: float = 10.0
    reconnect_s: float = 1.0


@dataclass(frozen=True)
class Chore:
    """What is done by the clock (`cron`, in UTC) under a name that stays, by one worker each time."""

    name: str
    cron: str
    work: Callable[[Engine], object]


class AgainAsSaid(BaseRetryStrategy):
    """A job comes again when it says so; `perform` ends every other by itself, so an error here is a lost database."""

    def get_retry_decision(self, *, exception: BaseException, job: Brought) -> RetryDecision:  # noqa: ARG002
        """Give the moment to bring the job again."""
        wait_s = exception.wait_s if isinstance(exception, Again) else 2.0
        return RetryDecision(retry_in={"milliseconds": int(wait_s * 1000)})


@dataclass
class Worker:
    """Does jobs of the kinds it knows, `at_once` of them at a time, each in a thread, and chores by the clock.

    Ended jobs are forgotten after `keep_days`.
    """

    url: str
    kinds: Mapping[str, Work]
    chores: tuple[Chore, ...] = ()
    at_once: int = 1
    keep_days: int = 30
    pace: Pace = field(default_factory=Pace)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a database that goes away is waited for."""
        # Two connections a job (its own and its progress), and one to spare.
        engine = open_engine(self.url, pool_size=2 * self.at_once + 1)
        try:
            while not stop.is_set():
                try:
                    await self._turn(engine, stop)
                except (ConnectorException, DriverError, PoolTimeout) as error:
                    log.warning("worker.database_away", error=str(error.__cause__ or error))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self.pace.reconnect_s)
        finally:
            engine.dispose()

    async def _turn(self, engine: Engine, stop: asyncio.Event) -> None:
        """Work until `stop` is set or the database goes away."""
        app = self._app(engine)
        try:
            await app.open_async()
            working = asyncio.create_task(
                app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=self.at_once,
                    fetch_job_polling_interval=self.pace.poll_s,
                    update_heartbeat_interval=self.pace.heartbeat_s,
                    stalled_worker_timeout=ALIVE_S,
                    shutdown_graceful_timeout=self.pace.grace_s,
                    # Our own row tells how a job ended; the queue keeps only what is still to be done.
                    delete_jobs="always",
                    install_signal_handlers=False,
                )
            )
            sweeping = asyncio.create_task(self._sweep(app))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            sweeping.cancel()
            stopping.cancel()
            working.cancel()
            await asyncio.wait([working, sweeping, stopping])
            if not working.cancelled():
                # Nobody told it to: it lost its way to the database, with an error or in good order.
                log.warning("worker.starts_over")
                working.result()
        finally:
            await app.close_async()

    def _app(self, engine: Engine) -> App:
        connector = PsycopgConnector(
            conninfo=conninfo(self.url),
            min_size=1,
            max_size=4,
            kwargs={"options": "-c timezone=UTC"},
        )
        app = App(connector=connector)

        @app.task(name=TASK, queue=QUEUE, pass_context=True, retry=AgainAsSaid())
        def do(context: JobContext, job: int) -> None:
            perform(engine, self.kinds, job, context.should_abort)

        # Besides what it does, this keeps the queue's watch over its listener and heartbeat going, which ends when
        # there is nothing to do by the clock: a worker that lost its database would then not start over.
        @app.periodic(cron=FORGET_CRON)
        @app.task(name="gridsvc.forget", queue=QUEUE)
        def clear(timestamp: int) -> None:  # noqa: ARG001 - the queue gives it
            forget(engine, self.keep_days)

        for chore in self.chores:
            _add_chore(app, engine, chore)
        return app

    async def _sweep(self, app: App) -> None:
        """Bring jobs again that lost their worker."""
        suspected: set[tuple[int, int]] = set()
        while True:
            try:
                rows = await app.connector.execute_query_all_async(UNHELD, task=TASK, locks=JOB_LOCKS)
                found = {(row["id"], row["attempts"]) for row in rows}
                # A job is without its lock for a moment as it begins and ends; twice in a row is no moment.
                for queue_id, _ in found & suspected:
                    log.warning("job.lost_its_worker", queue_id=queue_id)
                    await app.job_manager.retry_job_by_id_async(queue_id, retry_at=datetime.now(UTC))
                suspected = found - suspected
            except (ConnectorException, PoolTimeout) as error:
                log.warning("worker.sweep_failed", error=str(error.__cause__ or error))
            await asyncio.sleep(self.pace.sweep_s)


def _add_chore(app: App, engine: Engine, chore: Chore) -> None:
    @app.periodic(cron=chore.cron)
    @app.task(name=chore.name, queue=QUEUE)
    def do(timestamp: int) -> None:  # noqa: ARG001 - the queue gives it
        chore.work(engine)


def forget(engine: Engine, days: int) -> None:
    """Forget jobs that ended more than `days` ago."""
    with engine.begin() as connection:
        connection.execute(FORGET, {"days": days})
