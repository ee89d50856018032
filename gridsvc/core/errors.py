"""Refusals: a kind that HTTP and the command line know how to answer, and a sentence for the reader."""

from typing import Any


class Refusal(Exception):  # noqa: N818 - it is no error of the program
    """Something was asked that cannot be done; `str(refusal)` is the sentence a person reads.

    `facts` are machine-readable extras (rows, codes) that are shown beside the sentence.
    """

    kind = "refused"

    def __init__(self, sentence: str, **facts: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.facts = facts


class Invalid(Refusal):
    """What was sent does not make sense, whoever sends it."""

    kind = "invalid"


class Unauthenticated(Refusal):
    """Nobody knows who is asking."""

    kind = "unauthenticated"


class Forbidden(Refusal):
    """It is known who is asking, and they may not."""

    kind = "forbidden"


class NotFound(Refusal):
    """There is no such thing, or none the asker may know of."""

    kind = "not_found"


class Conflict(Refusal):
    """It contradicts what is already there."""

    kind = "conflict"


class Gone(Refusal):
    """There was such a thing, and it was deleted for good."""

    kind = "gone"


class TooLarge(Refusal):
    """More was sent than is taken."""

    kind = "too_large"


class Unavailable(Refusal):
    """The environment is at fault (no PostGIS, no disk, port taken); the sentence names the mend."""

    kind = "unavailable"


class TooMany(Refusal):
    """It was asked too often; `retry_after_s` says when to ask again."""

    kind = "too_many"


class Unconditional(Refusal):
    """A change must say which version of the thing it is made to (If-Match)."""

    kind = "unconditional"


class Stale(Refusal):
    """The thing has changed since the asker read it; `version` says what it is now."""

    kind = "stale"
