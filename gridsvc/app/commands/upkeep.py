"""`gridsvc migrate` and `gridsvc config check`: the schema up to date, and the settings with where each came from."""

import os

from rich.table import Table

from gridsvc.app.console import Home, answers, refusals_as_sentences, say
from gridsvc.app.reach import reached
from gridsvc.core.schema import schema_step
from gridsvc.core.settings import Settings, settings


def migrate_schema(home: Home = None) -> None:
    """Bring the schema of the database to the newest step."""
    with refusals_as_sentences(), reached(home) as engine:
        step, newest = schema_step(engine)
        say(f"The schema is at {step}, the newest is {newest}.")


def check_config() -> None:
    """Show every setting, its value, and whether it was set or is the default; secrets are hidden."""
    table = Table("setting", "value", "from", "meaning")
    chosen = settings()
    for name, field in Settings.model_fields.items():
        variable = f"GRIDSVC_{name.upper()}"
        table.add_row(
            variable,
            str(getattr(chosen, name)),
            "environment" if variable in os.environ else "default",
            field.description,
        )
    answers.print(table)
