"""Secrets as the standard wants them: random enough, kept as hashes or sealed, checked exactly as typed."""

import base64
import math
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Engine, text

from gridsvc.access.accounts import add_account
from gridsvc.access.credentials import issue_token
from gridsvc.access.proof import factor, passwords
from gridsvc.access.proof.profiles import PROFILES
from gridsvc.access.proof.secrets import new_token, password_fits, password_hash
from gridsvc.core import sealing
from gridsvc.core.db import transaction
from gridsvc.core.errors import Invalid
from tests.access.test_sign_in import add_factor, enter
from tests.conftest import Service
from tests.town import PASSWORD


def drawn(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield base64.urlsafe_b64decode(new_token() + "=")


def test_a_secret_of_a_sign_in_or_token_has_256_bits_of_chance() -> None:
    many = list(drawn(2000))
    assert {len(one) for one in many} == {32}
    assert len(set(many)) == len(many)
    # Each bit is set in about half of them: 2000 throws are within five standard deviations.
    for bit in range(256):
        ones = sum(one[bit // 8] >> bit % 8 & 1 for one in many)
        assert abs(ones - 1000) < 5 * math.sqrt(500), bit


def test_a_sign_in_is_kept_as_a_hash_and_its_secret_is_new_each_time(service: Service) -> None:
    secrets = set()
    for _ in range(3):
        answer = enter(service)
        cookie = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]
        secrets.add(cookie)
    assert len(secrets) == 3
    with service.engine.connect() as connection:
        kept = connection.scalars(text("select hash from credential")).all()
    assert not any(secret.encode() in bytes(one) for secret in secrets for one in kept)
    assert {len(bytes(one)) for one in kept} == {32}


def test_recovery_codes_have_64_bits_and_are_kept_as_hashes(service: Service) -> None:
    enter(service)
    _, codes = add_factor(service)
    assert len(set(codes)) == factor.RECOVERY_CODES
    assert all(len(bytes.fromhex(code.replace("-", ""))) * 8 == 64 for code in codes)
    with service.engine.connect() as connection:
        rows = connection.execute(text("select to_jsonb(r)::text from recovery_code r")).scalars().all()
    assert len(rows) == len(codes)
    assert not any(code in row for code in codes for row in rows)


def test_the_seed_of_a_second_factor_is_new_and_long(service: Service) -> None:
    seeds = set()
    for _ in range(20):
        enter(service)
        begun = service.client.post("/api/v1/me/factor", json={"password": PASSWORD}).json()
        seeds.add(parse_qs(urlsplit(begun["address"]).query)["secret"][0])
    assert len(seeds) == 20
    assert all(len(base64.b32decode(seed)) * 8 >= 160 for seed in seeds)


def test_what_is_sealed_is_aes_256_gcm_with_a_nonce_of_its_own() -> None:
    key = sealing.office_key()
    assert len(key) * 8 == 256
    sealed = {sealing.seal(b"a secret", "account:7") for _ in range(100)}
    assert len({one[: sealing.NONCE_BYTES] for one in sealed}) == 100
    one = sealed.pop()
    # Opened by nothing of ours: the cipher is what it is said to be.
    assert AESGCM(key).decrypt(one[:12], one[12:], b"account:7") == b"a secret"
    for changed in (bytes((one[0] ^ 1,)) + one[1:], one[:-1] + bytes((one[-1] ^ 1,))):
        with pytest.raises(InvalidTag):
            AESGCM(key).decrypt(changed[:12], changed[12:], b"account:7")


def test_a_password_is_checked_exactly_as_typed() -> None:
    typed = "  Straße 街道 with spaces  "
    kept = password_hash(typed)
    assert password_fits(typed, kept)
    for other in (typed.strip(), typed.lower(), typed.upper(), typed[:-1], typed + " ", typed.replace("ß", "ss")):
        assert not password_fits(other, kept), other
    long = "x1" * 250
    kept = password_hash(long)
    assert password_fits(long, kept)
    assert not password_fits(long[:72], kept), "cut off where bcrypt would"
    assert not password_fits(long[:-1], kept)


@pytest.mark.parametrize("length", [12, 64, 128, 1000])
def test_a_long_password_will_do(length: int) -> None:
    sentence = ("a walk round the lamps of the quarter, " * 30)[:length]
    passwords.check_password(sentence, "planner", PROFILES["asvs"])
    with pytest.raises(Invalid, match="at most 1000"):
        passwords.check_password("a walk round the lamps, " * 50, "planner", PROFILES["asvs"])


def test_no_password_ends_by_its_age_in_the_profile_of_the_standard() -> None:
    assert PROFILES["asvs"].password_lasts is None


def test_a_new_installation_has_no_account_and_no_secret(empty_engine: Engine) -> None:
    with empty_engine.connect() as connection:
        for table in ("account", "credential", "identity", "recovery_code", "worker", "webhook"):
            assert connection.scalar(text(f"select count(*) from {table}")) == 0, table


def test_a_token_is_a_chance_of_its_own_and_kept_as_a_hash(service: Service) -> None:
    with transaction(service.engine) as session:
        account = add_account(session, "of-tokens", "viewer", None, actor="test")
        tokens = [issue_token(session, account, "", actor="test") for _ in range(5)]
    assert len(set(tokens)) == 5
    with service.engine.connect() as connection:
        rows = connection.execute(text("select to_jsonb(c)::text from credential c")).scalars().all()
        written = connection.execute(text("select to_jsonb(e)::text from event e")).scalars().all()
    assert not any(token in row for token in tokens for row in (*rows, *written))
