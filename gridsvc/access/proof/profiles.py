"""How strict the door is: the name of a security profile in, its rules out; a table."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Profile:
    """The rules for passwords, sign-ins and failures.

    `kinds` is how many of the four kinds of characters (small and capital letters, digits, others) a password needs,
    `password_lasts` after how long it must be changed (None: only when it leaks), `idle` and `longest` end a sign-in.
    After `failures` wrong answers for a name (`failures_of_address` from an address) within `window` both wait it out.
    """

    shortest_password: int
    kinds: int
    password_lasts: timedelta | None
    idle: timedelta
    longest: timedelta
    failures: int
    failures_of_address: int
    window: timedelta


PROFILES = {
    # OWASP ASVS 5.0, level 2: long passwords that are not common, no composition rules, no changes by date.
    "asvs": Profile(
        shortest_password=12,
        kinds=1,
        password_lasts=None,
        idle=timedelta(hours=4),
        longest=timedelta(hours=24),
        failures=10,
        failures_of_address=50,
        window=timedelta(minutes=15),
    ),
    # GB/T 22239-2019 level 3 as assessors read it: complexity, change within 90 days, lock-out, time-out of a sign-in.
    "dengbao3": Profile(
        shortest_password=12,
        kinds=3,
        password_lasts=timedelta(days=90),
        idle=timedelta(minutes=30),
        longest=timedelta(hours=12),
        failures=5,
        failures_of_address=20,
        window=timedelta(minutes=30),
    ),
}
"""Every profile; `GRIDSVC_SECURITY_PROFILE` names one."""
