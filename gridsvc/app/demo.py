"""The demonstration: an empty home in, the sample town and one account of each role out; a second time, nothing new."""

import csv
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from rich.table import Table
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.access.permissions import ROLES
from gridsvc.access.territory import EVERYWHERE
from gridsvc.app.console import answers, progress_bar, say
from gridsvc.core.db import transaction
from gridsvc.core.errors import Unavailable
from gridsvc.core.events import SYSTEM
from gridsvc.core.settings import Settings, shipped_data
from gridsvc.territory.tables import Community
from gridsvc.workforce.tables import Worker

TOWN = (
    ("divisions", "divisions.csv"),
    ("communities", "communities.geojson"),
    ("grids", "grids.geojson"),
    ("buildings", "buildings.geojson"),
    ("streets", "streets.geojson"),
    ("assets", "assets.geojson"),
    ("workers", "workers.csv"),
    ("posts", "posts.csv"),
    ("routes", "routes.geojson"),
    ("incidents", "incidents.csv"),
)
BOUNDARIES_FROM = datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))

Sheet = list[dict[str, str]]


def prepare_demo(engine: Engine, home: Path, settings: Settings) -> Sheet:
    """Load the sample town into an empty database and make the demo accounts; answer their sign-ins."""
    sheet = home / "demo-accounts.json"
    with transaction(engine) as session:
        if session.scalar(select(func.count()).select_from(Community)) == 0:
            load_town(session, settings)
    if sheet.is_file():
        known: Sheet = json.loads(sheet.read_text(encoding="utf-8"))
        return known
    with transaction(engine) as session:
        accounts = make_accounts(session)
        write_privately(sheet, accounts)
    return accounts


def load_town(session: Session, settings: Settings) -> None:
    """Import the catalogue and every file of the sample town, by the same code as `gridsvc import`."""
    # Loaded here, because a second start of the demo does not need them and they take a second to load.
    from gridsvc.exchange.imports import Choices, import_file
    from gridsvc.exchange.standards.catalogue import import_catalogue

    folder = shipped_data()
    if not (folder / "xinjiekou").is_dir():
        raise Unavailable(f"The sample town is missing: there is no folder {folder / 'xinjiekou'}.")
    import_catalogue(session, folder / "catalogue" / "example.json", actor=SYSTEM)
    choices = Choices(from_=BOUNDARIES_FROM)
    with progress_bar("sample town") as progress, TemporaryDirectory() as spare:
        for number, (layer, name) in enumerate(TOWN):
            progress(layer, number, len(TOWN))
            file = folder / "xinjiekou" / name
            if layer == "incidents":
                file = bring_up_to_date(file, datetime.now(UTC), Path(spare))
            import_file(session, file, layer, choices, settings=settings, actor=SYSTEM, progress=lambda *_: None)


def bring_up_to_date(story: Path, now: datetime, folder: Path) -> Path:
    """Write a copy of the incidents whose last report lies within the past day, all moved by the same whole days."""
    rows = list(csv.DictReader(story.read_text(encoding="utf-8").splitlines()))
    last = max(datetime.fromisoformat(row["reported_at"]) for row in rows)
    moved = timedelta(days=max(0, (now - last).days))
    copy = folder / story.name
    with copy.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            for column in ("reported_at", "closed_at"):
                if row[column]:
                    row[column] = (datetime.fromisoformat(row[column]) + moved).isoformat()
            writer.writerow(row)
    return copy


def make_accounts(session: Session) -> Sheet:
    """Make one account of each role with a random password and token; the worker's is that of the first worker."""
    sheet: Sheet = []
    for role in ROLES:
        username, password = f"demo-{role}", secrets.token_urlsafe(12)
        # The worker follows the posts, as every worker does.
        codes = None if role == "worker" else [EVERYWHERE]
        account = add_account(session, username, role, password, actor=SYSTEM, codes=codes)
        token = issue_token(session, account, "demo", actor=SYSTEM)
        sheet.append({"username": username, "password": password, "role": role, "token": token})
        if role == "worker":
            first = session.scalar(select(Worker).where(Worker.account.is_(None)).order_by(Worker.code).limit(1))
            if first is not None:
                first.account = account.id
    return sheet


def write_privately(path: Path, sheet: Sheet) -> None:
    """Write the sign-ins so that only the owner can read them, from the first byte on."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(sheet, indent=2) + "\n", encoding="utf-8")


def show_sign_ins(sheet: Sheet, home: Path) -> None:
    """Print the demo sign-ins."""
    table = Table("user name", "password", "role", title="Demo sign-ins (random, of this home only)")
    for entry in sheet:
        table.add_row(entry["username"], entry["password"], entry["role"])
    answers.print(table)
    say(f"Their API tokens are in {home / 'demo-accounts.json'}.")
