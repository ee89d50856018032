"""Why an incident is sent back (回退): the codes, and their words in Chinese and English, in one place."""

from typing import Literal

ReturnCode = Literal["not_territory", "not_duty", "wrong_class", "not_found", "too_little", "already_mended", "other"]

RETURNS: dict[ReturnCode, tuple[str, str]] = {
    "not_territory": ("不属于本辖区", "Not in our territory"),
    "not_duty": ("不属于本部门职责", "Not our duty"),
    "wrong_class": ("案卷分类有误", "Filed under the wrong class"),
    "not_found": ("现场未发现问题", "Nothing was found on the spot"),
    "too_little": ("举证材料不足", "Evidence is missing"),
    "already_mended": ("已由他人处置", "Others have mended it already"),
    "other": ("其他", "Another reason, which is said"),
}
"""`other` alone says nothing: it needs words (`reason`)."""


def code_of(code: ReturnCode | None, reason: str | None) -> ReturnCode | None:
    """Tell the code of a return: the one that is said, a reason that is one itself, and `other` for words alone."""
    if code or not reason:
        return code
    return next((one for one in RETURNS if one == reason), "other")
