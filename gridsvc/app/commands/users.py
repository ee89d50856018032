"""`gridsvc user …`: accounts and tokens from the shell."""

from typing import Annotated

import typer

from gridsvc.app.console import Home, answers, refusals_as_sentences, say
from gridsvc.app.reach import reached
from gridsvc.core.db import transaction
from gridsvc.core.events import SYSTEM

users = typer.Typer(help="Accounts and their tokens.", no_args_is_help=True)


@users.command("add")
def add(
    username: str,
    role: Annotated[str, typer.Option(help="admin planner dispatcher intake supervisor department worker viewer")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="everywhere, or the code of a division, community or grid; again for each. Left out: "
            "everywhere, and for a worker the grids of the posts. Reads are not limited by it yet"
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Make an account; its password is asked for."""
    from gridsvc.access.accounts import add_account, told_territory

    with refusals_as_sentences(), reached(home) as engine:
        with transaction(engine) as session:
            account = add_account(session, username, role, password, actor=SYSTEM, codes=scope)
            where = told_territory(account)
        say(f"{username} can sign in as {role}: {', '.join(where) if where is not None else 'where the posts are'}.")


@users.command("disable")
def disable(username: str, home: Home = None) -> None:
    """Disable an account; its tokens and sign-ins end at once."""
    from gridsvc.access.accounts import disable_account

    with refusals_as_sentences(), reached(home) as engine:
        with transaction(engine) as session:
            disable_account(session, username, actor=SYSTEM)
        say(f"{username} can no longer sign in.")


@users.command("link")
def link(
    username: str,
    subject: Annotated[str, typer.Argument(help="What the issuer calls them (sub)")],
    home: Home = None,
) -> None:
    """Say who an account is at the issuer of GRIDSVC_OIDC_ISSUER; from then on they can sign in through it."""
    from gridsvc.access.accounts import find_account
    from gridsvc.access.issuer.linking import link as linked

    with refusals_as_sentences(), reached(home) as engine:
        issuer = _issuer()
        with transaction(engine) as session:
            linked(session, find_account(session, username), issuer, subject, actor=SYSTEM)
        say(f"{username} can sign in through {issuer}.")


@users.command("unlink")
def unlink(username: str, home: Home = None) -> None:
    """Part an account from the issuer; the sign-ins that came by it end at once."""
    from gridsvc.access.accounts import find_account
    from gridsvc.access.issuer.linking import unlink as parted

    with refusals_as_sentences(), reached(home) as engine:
        issuer = _issuer()
        with transaction(engine) as session:
            parted(session, find_account(session, username), issuer, actor=SYSTEM)
        say(f"{username} can no longer sign in through {issuer}.")


def _issuer() -> str:
    """Name the issuer that is set; raises Invalid when none is."""
    from gridsvc.access.issuer.asking import issuer_set
    from gridsvc.core.errors import Invalid

    if (issuer := issuer_set()) is None:
        raise Invalid("Set GRIDSVC_OIDC_ISSUER and GRIDSVC_OIDC_CLIENT_ID first.")
    return issuer.address


@users.command("token")
def token(
    username: str,
    label: Annotated[str, typer.Option(help="What the token is for")] = "",
    scope: Annotated[list[str] | None, typer.Option(help="Narrows it to a division, community or grid")] = None,
    home: Home = None,
) -> None:
    """Issue an API token for an account; it is shown this once."""
    from gridsvc.access.accounts import find_account
    from gridsvc.access.credentials import issue_token

    with refusals_as_sentences(), reached(home) as engine:
        with transaction(engine) as session:
            secret = issue_token(session, find_account(session, username), label, actor=SYSTEM, codes=scope)
        answers.print(secret)
