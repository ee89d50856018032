"""`gridsvc migrate` and `gridsvc config …`: the schema up to date, the settings with where each came from, another key."""

import os
import secrets

from rich.table import Table
from sqlalchemy import text

from gridsvc.app.console import Home, answers, refusals_as_sentences, say
from gridsvc.app.reach import reached
from gridsvc.core.errors import Unavailable
from gridsvc.core.schema import schema_step
from gridsvc.core.sealing import KEY_BYTES, KEY_FILE, Sealed, read_key, renew, write_key
from gridsvc.core.settings import Settings, settings


def migrate_schema(home: Home = None) -> None:
    """Bring the schema of the database to the newest step."""
    with refusals_as_sentences(), reached(home) as engine:
        step, newest = schema_step(engine)
        say(f"The schema is at {step}, the newest is {newest}.")


SEALED = (
    Sealed("account", "id", "totp_secret", "id", "account:{} second factor"),
    Sealed("incident_contact", "incident", "sealed", "incident", "incident:{} contact"),
    Sealed("webhook", "id", "secret", "url", "webhook {}"),
)
"""All that is sealed for longer than a sign-in takes."""


def renew_key(home: Home = None) -> None:
    """Seal everything with a new key: second factors, contacts, secrets of webhooks. Stop the service before, start it after.

    The new key takes the place of the home's `secret.key`; the old one stays beside it as `secret.key.old`, for backups made
    before. Where GRIDSVC_SECRET_KEY is set, it is to be set to what `secret.key.new` holds then.
    """
    chosen = settings()
    with refusals_as_sentences(), reached(home) as engine:
        place = (home or chosen.home) / KEY_FILE
        old = read_key(chosen.model_copy(update={"home": place.parent}))
        new = secrets.token_bytes(KEY_BYTES)
        fresh = place.with_name(f"{KEY_FILE}.new")
        if fresh.exists():
            raise Unavailable(
                f"{fresh} is there from another time, and may be what everything is sealed with: if second factors do not open"
                f" with {KEY_FILE}, it is the key; else delete it."
            )
        # There before anything is sealed with it: whatever happens, no value is without its key.
        write_key(fresh, new)
        with engine.begin() as connection:
            try:
                done = renew(connection, SEALED, old, new)
                connection.execute(text("delete from sign_in_attempt"))
            except BaseException:
                fresh.unlink()  # nothing is sealed with it: all of this is taken back
                raise
        if chosen.secret_key is not None:
            say(f"{done} values are sealed anew. Set GRIDSVC_SECRET_KEY to the key in {fresh}, then delete that file.")
            return
        place.replace(place.with_name(f"{KEY_FILE}.old"))
        fresh.replace(place)
        say(f"{done} values are sealed anew; start the service again.")


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
