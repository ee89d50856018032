"""The command line: `gridsvc`, put together from its commands."""

import gc

import typer

from gridsvc.app.commands.audit import audits
from gridsvc.app.commands.exports import export_layer
from gridsvc.app.commands.imports import import_files
from gridsvc.app.commands.locate import locate_file
from gridsvc.app.commands.maps import draw_map
from gridsvc.app.commands.privacy import privacy
from gridsvc.app.commands.up import serve_only, up
from gridsvc.app.commands.upkeep import check_config, migrate_schema, renew_key
from gridsvc.app.commands.users import users
from gridsvc.app.commands.work import work_only
from gridsvc.app.console import log_plainly
from gridsvc.app.search.commands import readings

GARBAGE_AFTER = 50_000
"""So many more objects are made before Python looks for waste among the new ones (700 when left alone)."""

cli = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
config = typer.Typer(help="Settings.", no_args_is_help=True)

cli.command("up")(up)
cli.command("serve")(serve_only)
cli.command("work")(work_only)
cli.command("migrate")(migrate_schema)
cli.command("import")(import_files)
cli.command("export")(export_layer)
cli.command("locate")(locate_file)
cli.command("map")(draw_map)
config.command("check")(check_config)
config.command("renew-key")(renew_key)
cli.add_typer(config, name="config")
cli.add_typer(users, name="user")
cli.add_typer(audits, name="audit")
cli.add_typer(readings, name="pinyin")
cli.add_typer(privacy, name="privacy")


@cli.callback()
def gridsvc() -> None:
    """Community grid management (网格化): places, work and events; never dossiers on people."""


def main() -> None:
    """Run the command line; exit 0 done, 1 refused or failed, 2 wrong use."""
    # What is loaded stays: looking through it for waste, as often as is usual and once more in the end, takes half a second.
    gc.set_threshold(GARBAGE_AFTER)
    log_plainly()
    try:
        cli()
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
