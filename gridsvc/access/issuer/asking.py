"""The issuer over HTTP: what it announces of itself, its keys, and what it gives for a code; nothing else is asked of it."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2 as httpx
import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from gridsvc.core.errors import Unauthenticated, Unavailable
from gridsvc.core.settings import Settings, settings

log = structlog.get_logger()

AWAY = "The sign-in service of the office does not answer as it should; try again later, or sign in with a password."
REFUSED = "The sign-in was not accepted. Begin again, or ask an administrator."
"""One sentence for every reason; which one it was is in the log alone."""

ALLOWED = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""What an id_token may be signed with: never `none`, never a secret that both sides hold (HS256)."""

MOST_BYTES = 1 << 20
WAIT_S = 5.0
LONGEST_S = 10.0
REMEMBERED_S = 3600.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")

PublicKey = RSAKey | ECKey | OKPKey


@dataclass(frozen=True)
class Announced:
    """What the issuer says of itself in its discovery document."""

    authorize: str
    token: str
    keys: str
    algorithms: tuple[str, ...]
    names_itself: bool
    basic: bool


def refused(reason: str) -> Unauthenticated:
    """Make the refusal that tells nothing, and note the reason for the office."""
    log.warning("issuer.refused", reason=reason)
    return Unauthenticated(REFUSED)


def away(reason: str) -> Unavailable:
    """Make the refusal for an issuer that is not as it should be, and note the reason for the office."""
    log.error("issuer.unavailable", reason=reason)
    return Unavailable(AWAY)


class Issuer:
    """The issuer an office trusts; what it announces and its keys are remembered for an hour."""

    def __init__(self, chosen: Settings) -> None:
        self.address = (chosen.oidc_issuer or "").strip()
        self.client = chosen.oidc_client_id
        self.label = chosen.oidc_label
        self.chosen = chosen
        self._announced: tuple[float, Announced] | None = None
        self._keys: tuple[float, list[PublicKey]] | None = None

    def announced(self) -> Announced:
        """Give what the issuer announces; raises Unavailable when that is not to be had, or another issuer's."""
        if self._announced is None or self._announced[0] < time.monotonic():
            refuse_plain(self.address)
            status, told = ask("GET", self.address.rstrip("/") + "/.well-known/openid-configuration")
            if status != 200:
                raise away(f"discovery answers {status}")
            self._announced = (time.monotonic() + REMEMBERED_S, read_announced(told, self.address))
        return self._announced[1]

    def keys(self, *, afresh: bool = False) -> list[PublicKey]:
        """Give the keys the issuer signs with; `afresh` asks for them again, for one that is new."""
        if afresh or self._keys is None or self._keys[0] < time.monotonic():
            status, told = ask("GET", self.announced().keys)
            if status != 200:
                raise away(f"keys answer {status}")
            self._keys = (time.monotonic() + REMEMBERED_S, read_keys(told))
        return self._keys[1]

    def exchange(self, code: str, verifier: str, back: str) -> dict[str, Any]:
        """Give the code back to the issuer for its answer, which holds the id_token.

        Raises Unauthenticated when the issuer refuses the code, Unavailable when it does not answer as it should.
        """
        announced = self.announced()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        login = None
        secret = secret_of(self.chosen)
        if secret and announced.basic:
            login = (quote(self.client, safe=""), quote(secret, safe=""))
        else:
            form |= {"client_id": self.client} | ({"client_secret": secret} if secret else {})
        status, told = ask("POST", announced.token, form=form, login=login)
        if status == 400:
            raise refused("the issuer refuses the code")
        if status != 200 or not isinstance(told, dict):
            raise away(f"the exchange of a code answers {status}")
        return told


def issuer_set() -> Issuer | None:
    """Give the issuer that is set; None when there is none, and then there is no such way in."""
    chosen = settings()
    return Issuer(chosen) if chosen.oidc_issuer and chosen.oidc_client_id else None


def secret_of(chosen: Settings) -> str | None:
    """Give the secret of the client, from its file or as it is set; None for a client that has none."""
    if chosen.oidc_client_secret_file is not None:
        try:
            return chosen.oidc_client_secret_file.read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise away(f"the file of the client's secret cannot be read: {type(error).__name__}") from None
    return chosen.oidc_client_secret.get_secret_value() if chosen.oidc_client_secret else None


def read_announced(told: Any, address: str) -> Announced:
    """Check a discovery document; raises Unavailable for another issuer's, and for one that cannot do what is needed."""
    if not isinstance(told, dict) or told.get("issuer") != address:
        raise away("the discovery document is another issuer's")
    ends = [told.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    for end in ends:
        refuse_plain(end)
    challenges = told.get("code_challenge_methods_supported")
    if challenges is not None and "S256" not in _words(challenges):
        raise away("the issuer does not know PKCE with S256")
    algorithms = tuple(one for one in ALLOWED if one in _words(told.get("id_token_signing_alg_values_supported")))
    if not algorithms:
        raise away("the issuer announces no way of signing that is taken")
    ways = _words(told.get("token_endpoint_auth_methods_supported")) or ["client_secret_basic"]
    names_itself = told.get("authorization_response_iss_parameter_supported") is True
    authorize, token, keys = map(str, ends)
    return Announced(authorize, token, keys, algorithms, names_itself, "client_secret_basic" in ways)


def read_keys(told: Any) -> list[PublicKey]:
    """Read the public keys for signing out of a set; secrets, and what is for something else, are left out."""
    found: list[PublicKey] = []
    for one in told.get("keys", ()) if isinstance(told, dict) else ():
        if not isinstance(one, dict) or one.get("kty") not in ("RSA", "EC", "OKP") or one.get("use", "sig") != "sig":
            continue
        try:
            key = import_key(one)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey):
            found.append(key)
    return found


def refuse_plain(address: Any) -> None:
    """Refuse an address that others on the way could read or change: only TLS, or this very machine."""
    try:
        parts = urlsplit(address if isinstance(address, str) else "")
    except ValueError:
        parts = urlsplit("")
    if not ((parts.scheme == "https" and parts.hostname) or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        raise away("an address of the issuer is not https")


def ask(
    method: str, address: str, *, form: dict[str, str] | None = None, login: tuple[str, str] | None = None
) -> tuple[int, Any]:
    """Ask the issuer something and read its JSON; raises Unavailable for silence, for too much, and for what is no JSON."""
    until = time.monotonic() + LONGEST_S
    read = bytearray()
    try:
        # No redirect is followed, and no proxy of the environment is asked: secrets go where it is set, or nowhere.
        with (
            httpx.Client(timeout=WAIT_S, follow_redirects=False, trust_env=False) as client,
            client.stream(method, address, data=form, auth=login, headers={"Accept": "application/json"}) as answer,
        ):
            for piece in answer.iter_bytes():
                read += piece
                if len(read) > MOST_BYTES or time.monotonic() > until:
                    raise away("the issuer's answer is too long, or takes too long")
        return answer.status_code, orjson.loads(read) if read else None
    except orjson.JSONDecodeError:
        if answer.status_code == 200:
            raise away("the issuer's answer is no JSON") from None
        return answer.status_code, None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        raise away(f"the issuer cannot be reached: {type(error).__name__}") from None


def _words(given: Any) -> list[str]:
    return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
