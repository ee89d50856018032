"""An id_token in, who that is at the issuer out; any doubt is a refusal that tells nothing."""

import time
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, RSAKey
from joserfc.jws import JWSRegistry

from gridsvc.access.issuer.asking import Announced, Issuer, PublicKey, refused

LEAST_RSA_BITS = 2048
DRIFT_S = 60
"""The clocks of the issuer and the service may be so far apart."""

STRONG_ACR = frozenset({"http://schemas.openid.net/pape/policies/2007/06/multi-factor", "phr", "phrh", "mfa"})
"""Values of `acr` that say a second factor was asked for; `amr` says it with `mfa` (RFC 8176)."""


@dataclass(frozen=True)
class Proved:
    """Who somebody is at the issuer, and whether a second factor was asked for there."""

    subject: str
    strong: bool


class _UnknownKeyError(Exception):
    """The token names a key that is not among those known."""


def prove(issuer: Issuer, told: dict[str, Any], nonce: str) -> Proved:
    """Check the id_token of an answer; an unknown key is asked for once again. Raises Unauthenticated."""
    token = told.get("id_token")
    if not isinstance(token, str):
        raise refused("there is no id_token")
    announced = issuer.announced()
    try:
        try:
            read = _read(token, issuer.keys(), announced)
        except _UnknownKeyError:
            read = _read(token, issuer.keys(afresh=True), announced)
        _check_claims(issuer, read, told.get("access_token"), nonce)
    except _UnknownKeyError:
        raise refused("the id_token is signed with a key nobody knows") from None
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise refused(f"the id_token does not hold: {error}") from None
    subject, amr, acr = (read.claims.get(name) for name in ("sub", "amr", "acr"))
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or "\0" in subject:
        raise refused("the id_token names nobody")
    return Proved(subject, "mfa" in (amr or ()) or (isinstance(acr, str) and acr in STRONG_ACR))


def _read(token: str, keys: list[PublicKey], announced: Announced) -> jwt.Token:
    """Check the signature of a token with the one key it names."""

    def choose(guest: GuestProtocol) -> PublicKey:
        kid = guest.headers().get("kid")
        # Without a name there must be no choice.
        fitting = [key for key in keys if kid is None or key.kid == kid]
        if len(fitting) != 1:
            raise _UnknownKeyError
        said = fitting[0].get("alg")
        if said is not None and said != guest.headers().get("alg"):
            raise ValueError("the key is for another way of signing")
        if isinstance(fitting[0], RSAKey) and fitting[0].raw_value.key_size < LEAST_RSA_BITS:
            raise ValueError("the key is too short")
        return fitting[0]

    return jwt.decode(
        token, choose, registry=JWSRegistry(algorithms=list(announced.algorithms), strict_check_header=False)
    )


def _check_claims(issuer: Issuer, read: jwt.Token, access_token: Any, nonce: str) -> None:
    options = {"iss": {"essential": True, "value": issuer.address}, "aud": {"essential": True, "value": issuer.client}}
    params = {"nonce": nonce, "client_id": issuer.client, "access_token": access_token}
    claims = CodeIDToken(read.claims, read.header, options, params)
    claims.validate(now=int(time.time()), leeway=DRIFT_S)
