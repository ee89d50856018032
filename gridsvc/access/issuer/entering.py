"""A sign-in through the issuer, step by step: begun in one browser, ended in the same one, once, or not at all.

What the issuer says decides who somebody is there. Which account that is, an administrator has said before; what the
account may do is its role here, whatever else the issuer tells.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gridsvc.access.credentials import WRONG, Visitor, open_session
from gridsvc.access.issuer.asking import Issuer, refused
from gridsvc.access.issuer.proving import Proved
from gridsvc.access.issuer.tables import Identity, SignInAttempt
from gridsvc.access.proof import factor
from gridsvc.access.proof.profiles import Profile
from gridsvc.access.proof.secrets import new_token, token_hash
from gridsvc.access.tables import Account
from gridsvc.core.errors import Invalid, Unauthenticated
from gridsvc.core.sealing import seal, unseal

LASTS = timedelta(minutes=10)
"""How long a sign-in may take from its beginning to its end."""
SEALED_FOR = "sign-in attempt"
LONGEST_PATH = 500


@dataclass(frozen=True)
class Begun:
    """What a browser needs to go on: the address of the issuer, and the secret for its cookie."""

    address: str
    secret: str


@dataclass(frozen=True)
class Entered:
    """How a sign-in ended: with the secret of a session, or (`due`) with one that waits for the code of the second factor."""

    secret: str
    onward: str
    due: bool = False


def local_path(given: str) -> str:
    """Check where somebody wants to go after the sign-in; raises Invalid for anything but a path of this service."""
    # Browsers read a backslash as a slash, and leave out what cannot be seen: "/\\host" is another host to them.
    own = given.startswith("/") and not given.startswith("//")
    if (
        not own
        or len(given) > LONGEST_PATH
        or "\\" in given
        or any(ord(one) <= 0x20 or ord(one) == 0x7F for one in given)
    ):
        raise Invalid("After the sign-in only a page of this service can follow: a path that begins with one slash.")
    return given


def begin(session: Session, issuer: Issuer, onward: str, back: str) -> Begun:
    """Begin a sign-in: state, nonce and verifier are new, and kept here, sealed; `back` is where the issuer answers to."""
    state, secret, nonce, verifier = (new_token() for _ in range(4))
    kept = {"nonce": nonce, "verifier": verifier, "onward": local_path(onward), "back": back}
    _sweep(session)
    _keep(session, state, secret, kept, None)
    asked = {
        "response_type": "code",
        "client_id": issuer.client,
        "redirect_uri": back,
        "scope": "openid",
        "state": state,
        "nonce": nonce,
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
    }
    authorize = issuer.announced().authorize
    return Begun(f"{authorize}{'&' if '?' in authorize else '?'}{urlencode(asked)}", secret)


def take(session: Session, state: str, secret: str | None) -> dict[str, str]:
    """Take up the sign-in that a browser began, and use it up; raises Unauthenticated when this browser began none."""
    sealed = session.execute(
        delete(SignInAttempt)
        .where(
            SignInAttempt.state == token_hash(state),
            SignInAttempt.browser == token_hash(secret or ""),
            SignInAttempt.account.is_(None),
            SignInAttempt.expires_at > datetime.now(UTC),
        )
        .returning(SignInAttempt.sealed)
    ).scalar()
    if sealed is None:
        raise refused("this browser has begun no such sign-in, or ended it already")
    return _opened(sealed, state)


def refuse_mixed_up(issuer: Issuer, named: str | None) -> None:
    """Refuse an answer that another issuer gave, or might have (RFC 9207)."""
    if named is None and not issuer.announced().names_itself:
        return
    if not hmac.compare_digest((named or "").encode("utf-8", "surrogatepass"), issuer.address.encode()):
        raise refused("the answer is another issuer's")


def enter(session: Session, issuer: Issuer, proved: Proved, visitor: Visitor, rules: Profile, hours: int) -> Entered:
    """Let in who has been proved, as the account that is linked to them; raises Unauthenticated when none is.

    An account with a second factor here must still give its code, unless the issuer says that it asked for one.
    """
    account = session.scalar(
        select(Account)
        .join(Identity, Identity.account == Account.id)
        .where(Identity.issuer == issuer.address, Identity.subject == proved.subject, Account.disabled_at.is_(None))
    )
    if account is None:
        raise refused("nobody who may sign in is linked to this subject")
    if account.totp_confirmed_at is not None and not proved.strong:
        secret = new_token()
        _keep(session, secret, secret, {}, account.id)
        return Entered(secret, "", due=True)
    proof = "issuer_factor" if proved.strong else "issuer"
    return Entered(open_session(session, account, visitor, rules, hours, proof), "")


def waiting_for(session: Session, secret: str | None) -> Account:
    """Find the account whose code is waited for in this browser; raises Unauthenticated when there is none."""
    account = session.scalar(
        select(Account)
        .join(SignInAttempt, SignInAttempt.account == Account.id)
        .where(
            SignInAttempt.state == token_hash(secret or ""),
            SignInAttempt.expires_at > datetime.now(UTC),
            Account.disabled_at.is_(None),
        )
    )
    if account is None:
        raise refused("no code is waited for in this browser")
    return account


def enter_with_code(session: Session, secret: str, code: str, visitor: Visitor, rules: Profile, hours: int) -> str:
    """End a sign-in by the code of the second factor; raises Unauthenticated when it is wrong."""
    account = waiting_for(session, secret)
    if not factor.fits(session, account, code, datetime.now(UTC)):
        raise Unauthenticated(WRONG)
    session.execute(delete(SignInAttempt).where(SignInAttempt.state == token_hash(secret)))
    return open_session(session, account, visitor, rules, hours, "issuer")


def _sweep(session: Session) -> None:
    session.execute(delete(SignInAttempt).where(SignInAttempt.expires_at < datetime.now(UTC)))


def _keep(session: Session, state: str, secret: str, kept: dict[str, str], account: int | None) -> None:
    session.add(
        SignInAttempt(
            state=token_hash(state),
            browser=token_hash(secret),
            account=account,
            sealed=seal(orjson.dumps(kept), f"{SEALED_FOR} {token_hash(state).hex()}"),
            expires_at=datetime.now(UTC) + LASTS,
        )
    )
    session.flush()


def _opened(sealed: bytes, state: str) -> dict[str, str]:
    kept: dict[str, Any] = orjson.loads(unseal(sealed, f"{SEALED_FOR} {token_hash(state).hex()}"))
    return kept
