"""A new password in, a sentence that says why it will not do out, or nothing; pure, with a list of common ones on board."""

import unicodedata
from functools import lru_cache

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from gridsvc.access.proof.profiles import Profile
from gridsvc.core.errors import Invalid

LONGEST = 1000
WORDS_OF_THE_PLACE = ("gridsvc", "wangge", "网格", "shequ", "社区")
"""What everybody here would try first."""

SHORT_PART = 4
"""A name shorter than this says nothing about a password that has it somewhere."""


def check_password(password: str, username: str, profile: Profile) -> None:
    """Raise Invalid, with the reason, for a password that is too short, common, or made of the user name."""
    if len(password) < profile.shortest_password:
        raise Invalid(f"A password needs at least {profile.shortest_password} characters.")
    if len(password) > LONGEST:
        raise Invalid(f"A password has at most {LONGEST} characters.")
    if kinds_in(password) < profile.kinds:
        raise Invalid(f"A password needs {profile.kinds} of: small letters, capital letters, digits, other characters.")
    if is_common(password):
        raise Invalid("This password is among the most common ones, or only a few signs away from one; choose another.")
    plain = password.casefold()
    if len(username) >= SHORT_PART and username.casefold() in plain:
        raise Invalid("A password must not hold the user name.")
    if len(set(plain)) < SHORT_PART:
        raise Invalid("A password needs more than a few different characters.")


def is_common(password: str) -> bool:
    """Tell whether what is left of a password without digits and signs around it, or all of it, is a common one."""
    plain = unicodedata.normalize("NFKC", password).casefold()
    core = plain.strip("0123456789!@#$%^&*()_+-=.,?~` ")
    return not {plain, core}.isdisjoint(_common()) or any(core == word for word in WORDS_OF_THE_PLACE)


def kinds_in(password: str) -> int:
    """Count the kinds of characters: small letters, capital letters, digits, others (Chinese characters are others)."""
    return sum(
        any(is_kind(character) for character in password)
        for is_kind in (
            lambda one: one.islower(),
            lambda one: one.isupper(),
            lambda one: one.isdigit(),
            lambda one: not one.islower() and not one.isupper() and not one.isdigit(),
        )
    )


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    return frozenset(FREQUENCY_LISTS["passwords"])
