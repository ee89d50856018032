"""The second factor: an account and six digits in, yes or no out; TOTP (RFC 6238), each code taken once.

The secret is sealed with the office's key; recovery codes are kept as hashes, and each opens the door once.
"""

import hmac
import io
import secrets
from datetime import datetime

import pyotp
import segno
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from gridsvc.access.proof.secrets import token_hash
from gridsvc.access.tables import Account, RecoveryCode
from gridsvc.core.errors import Conflict, Invalid
from gridsvc.core.events import record
from gridsvc.core.sealing import seal, unseal

STEP_S = 30
DRIFT_STEPS = 1
"""A clock may be so many steps of 30 s off when a factor is set up; to sign in, a code lasts its 30 s and no longer."""

RECOVERY_CODES = 10
ISSUER = "gridsvc"


def begin(session: Session, account: Account) -> tuple[str, str]:
    """Make a new secret that counts once it is confirmed; answer its `otpauth:` address and that as an SVG to scan.

    Raises Conflict when the account has a confirmed one already.
    """
    if account.totp_confirmed_at is not None:
        raise Conflict("There is a second factor already; take it away first.")
    secret = pyotp.random_base32()
    account.totp_secret = seal(secret.encode(), _belongs(account))
    session.flush()
    address = pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name=ISSUER)
    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", scale=5, xmldecl=False)
    return address, drawn.getvalue().decode()


def confirm(session: Session, account: Account, code: str, now: datetime) -> list[str]:
    """Take the new secret into use by a code of it; answer the recovery codes, which are shown this once."""
    if account.totp_secret is None or account.totp_confirmed_at is not None:
        raise Conflict("There is no new second factor to confirm.")
    if not _takes(session, account, code, now, DRIFT_STEPS):
        raise Invalid("The code is wrong; is the clock of the phone right?")
    account.totp_confirmed_at = now
    session.execute(delete(RecoveryCode).where(RecoveryCode.account == account.id))
    codes = [f"{secrets.token_hex(4)}-{secrets.token_hex(4)}" for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(account=account.id, hash=token_hash(code)) for code in codes)
    session.flush()
    record(session, "factor.confirmed", f"account:{account.id}", actor=account.username)
    return codes


def remove(session: Session, account: Account, *, actor: str) -> None:
    """Take the second factor and its recovery codes away."""
    account.totp_secret = account.totp_confirmed_at = account.totp_step = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.account == account.id))
    session.flush()
    record(session, "factor.removed", f"account:{account.id}", actor=actor)


def fits(session: Session, account: Account, code: str, now: datetime) -> bool:
    """Tell whether a code is right: one of the phone, or a recovery code; either is used up by it."""
    if _takes(session, account, code, now):
        return True
    used = session.execute(
        delete(RecoveryCode)
        .where(RecoveryCode.account == account.id, RecoveryCode.hash == token_hash(code.strip().lower()))
        .returning(RecoveryCode.hash)
    ).first()
    if used:
        record(session, "factor.recovery_used", f"account:{account.id}", actor=account.username)
    return used is not None


def _takes(session: Session, account: Account, code: str, now: datetime, drift_steps: int = 0) -> bool:
    """Check a code of the phone; of two requests with the same code, one wins."""
    if account.totp_secret is None:
        return False
    totp = pyotp.TOTP(unseal(account.totp_secret, _belongs(account)).decode())
    step = int(now.timestamp()) // STEP_S
    given = code.replace(" ", "")
    for candidate in range(step - drift_steps, step + drift_steps + 1):
        if hmac.compare_digest(totp.generate_otp(candidate).encode(), given.encode("utf-8", "surrogatepass")):
            taken = session.execute(
                update(Account)
                .where(Account.id == account.id, (Account.totp_step.is_(None)) | (Account.totp_step < candidate))
                .values(totp_step=candidate)
                .returning(Account.id)
                .execution_options(synchronize_session=False)
            ).first()
            return taken is not None
    return False


def _belongs(account: Account) -> str:
    return f"account:{account.id} second factor"
