"""What somebody left to be called back in, a phone number or a mail address out, and nothing else; pure.

A free text would be a place to write about people, so names and identity numbers do not fit in here.
"""

import re
import unicodedata

from pydantic import SecretStr

LONGEST = 254
DIGITS = range(5, 16)
"""Fewer are no phone number, more are none either (ITU-T E.164), but perhaps the 18 of an identity number."""
PHONE = re.compile(r"(\+?)([0-9(][0-9 ()./-]*[0-9])(?: *(?:转|ext\.?) *([0-9]{1,6}))?", re.IGNORECASE)
MAIL = re.compile(r"[a-z0-9._%+'-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8}", re.IGNORECASE)
SENTENCE = "a contact is a phone number of 5 to 15 digits or a mail address, and nothing else"


def clean(given: SecretStr) -> SecretStr:
    """Write a contact in one way; raises ValueError, which does not repeat what was sent, for what is none."""
    text = unicodedata.normalize("NFKC", given.get_secret_value()).strip()
    if (phone := PHONE.fullmatch(text)) and len(digits := re.sub("[^0-9]", "", phone[2])) in DIGITS:
        return SecretStr(phone[1] + digits + (f"转{phone[3]}" if phone[3] else ""))
    if len(text) <= LONGEST and MAIL.fullmatch(text):
        return SecretStr(text)
    raise ValueError(SENTENCE)
