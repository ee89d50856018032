"""`gridsvc audit …`: the chain over the events, sealed and proved from the shell."""

from typing import Annotated

import typer

from gridsvc.app.console import Home, answers, refusals_as_sentences, say
from gridsvc.app.reach import reached

audits = typer.Typer(help="The chain over the events.", no_args_is_help=True)


@audits.command("seal")
def seal_now(home: Home = None) -> None:
    """Seal every committed event now; a worker does it each minute."""
    from gridsvc.access.audit.chain import seal

    with refusals_as_sentences(), reached(home) as engine:
        say(f"{seal(engine)} events were sealed.")


@audits.command("verify")
def verify_chain(
    home: Home = None,
    head: Annotated[str | None, typer.Option(help="A head that was printed before and kept elsewhere")] = None,
) -> None:
    """Find every event that was changed, removed, moved or put in afterwards; prints the head of the chain.

    Keep the head somewhere else: with `--head` it also shows a chain that was made anew as a whole.
    """
    from gridsvc.access.audit.chain import holds, verify

    with refusals_as_sentences(), reached(home) as engine:
        verdict = verify(engine)
        for finding in verdict.findings:
            say(f"{finding.kind}: {finding.sentence}")
        kept = head is None or holds(engine, head)
        if not kept:
            say("The head that was kept is not in this chain: it was made anew, or cut off.")
        say(f"{verdict.sealed} events are sealed, {verdict.waiting} wait; {len(verdict.findings)} faults.")
        answers.print(verdict.head)
        if verdict.findings or not kept:
            raise typer.Exit(1)
