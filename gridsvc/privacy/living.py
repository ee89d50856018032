"""An engine and the settings in; what the privacy impact sheet tells of the running system out."""

from datetime import datetime

from sqlalchemy import Engine, text

from gridsvc.core.schema import schema_step
from gridsvc.core.settings import Settings
from gridsvc.privacy.inventory import HELD
from gridsvc.privacy.retention import last_run
from gridsvc.privacy.sheet import Live


def read_live(engine: Engine, chosen: Settings, now: datetime) -> Live:
    """Count what is held, and read the step of the schema and the last retention."""
    with engine.connect() as connection:
        rows = {
            table: connection.scalar(text(f"select count(*) from {table}")) or 0  # noqa: S608 - our own table
            for table in sorted({held.table for held in HELD})
        }
        reveals = connection.scalar(text("select count(*) from event where kind = 'contact.revealed'")) or 0
    return Live(now, str(schema_step(engine)[0]), chosen, rows, reveals, last_run(engine))
