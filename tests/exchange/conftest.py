"""What the tests of files share: a file comes in as the command line brings it in."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from gridsvc.core.settings import Settings
from gridsvc.exchange.imports import Choices, Outcome, import_file

NOW = datetime(2026, 6, 1, tzinfo=UTC)
"""When the files of the tests come in."""


def bring_in(session: Session, path: Path, layer: str, **choices: Any) -> Outcome:
    """Import a file into a layer in the session's transaction, now or `from_`; `choices` are those of `Choices`."""
    return import_file(
        session,
        path,
        layer,
        Choices(**{"from_": NOW, **choices}),
        settings=Settings(),
        actor="test",
        progress=lambda *_: None,
    )
