"""What is held, how the office is set, and the last retention in; the privacy impact sheet as Markdown out; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from gridsvc.access.permissions import PERMISSIONS
from gridsvc.core.settings import Settings
from gridsvc.privacy.inventory import HELD, Held
from gridsvc.privacy.retention import KINDS

Language = Literal["zh", "en"]

KEPT: dict[str, tuple[str, str]] = {
    "until_erased": ("until it is erased (`gridsvc privacy erase`)", "直至删除（`gridsvc privacy erase`）"),
    "with_the_work": ("as long as the record of the work", "与工作记录同期"),
    "audit": ("for good: a log that is only added to", "长期保存：审计日志只增不改"),
    "until_job_ends": ("until the job ends", "至任务结束"),
}
SUBJECTS = {
    "account": ("who signs in", "登录用户"),
    "worker": ("workers", "网格员"),
    "reporter": ("who reports", "上报人"),
}
PROTECTIONS = {
    "plain": ("no", "否"),
    "masked": ("no; leaves the database masked", "否；对外脱敏"),
    "hashed": ("hashed", "仅存散列"),
    "sealed": ("AES-256-GCM", "AES-256-GCM 加密"),
}
WORDS: dict[str, tuple[str, str]] = {
    "title": ("Privacy impact sheet", "个人信息保护影响评估表"),
    "made": ("Made {at} from the live settings and schema (step {step}).", "{at} 由运行中的配置和数据库结构（{step}）生成。"),
    "principle": (
        "The system holds places, work and events: no list of residents, no ethnicity, religion, political status, health, identity number or face. Households and inhabitants are counts on a building.",
        "本系统只管理地点、工作和事件。不建居民名册，不存民族、宗教、政治面貌、健康、身份证号、人脸等信息；户数、人数仅为楼栋计数。",
    ),
    "held": ("What is held", "保存的个人信息"),
    "columns": (
        "| of | table | fields | rows | for what | kept | may read | sealed |",
        "| 对象 | 表 | 字段 | 行数 | 目的 | 保存期限 | 可读角色 | 加密 |",
    ),
    "nobody": ("nobody over HTTP but, where there is a page for it, oneself", "无（有页面的仅限本人）"),
    "days": ("{days} days (at most {most})", "{days} 天（上限 {most} 天）"),
    "retention": ("Last retention", "最近一次到期清理"),
    "never": ("It was never run: run `gridsvc privacy retain`, or a worker.", "尚未执行：请运行 `gridsvc privacy retain` 或启动 worker。"),
    "run": ("Run at {at}.", "执行时间：{at}。"),
    "run_columns": ("| kind | kept for days | deleted | left over age |", "| 类别 | 保存天数 | 已删除 | 超期剩余 |"),
    "settings": ("How it is protected", "保护措施"),
    "profile": ("Rules for passwords and lock-out: `{value}`.", "口令与锁定规则：`{value}`。"),
    "factor": ("Second factor for admins and planners: `{value}`.", "管理员、规划员第二因子：`{value}`。"),
    "hooks": ("Hosts that are told of incidents: {value}.", "接收案件通知的主机：{value}。"),
    "none": ("none", "无"),
    "reveal": (
        "A reporter's contact is revealed only with a reason; who, when and why is recorded each time ({count} times so far).",
        "上报人联系方式须填写理由方可查看，每次均记录人员、时间、理由（累计 {count} 次）。",
    ),
    "backups": (
        "Backups hold what was held when they were made, sealed as it is here; the key is not in them.",
        "备份保存其制作时的内容，加密方式相同，密钥不在其中。",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Live:
    """What the sheet tells of the running system."""

    at: datetime
    step: str
    settings: Settings
    rows: Mapping[str, int]
    reveals: int
    last_run: Mapping[str, Any] | None


def sheet(live: Live, language: Language) -> str:
    """Write the sheet in one language."""
    return "\n".join(_lines(live, language)) + "\n"


def _lines(live: Live, language: Language) -> Iterator[str]:
    def say(word: str, **more: Any) -> str:
        return _word(WORDS[word], language).format(**more)

    yield f"# {say('title')}"
    yield from ("", say("made", at=_moment(live.at), step=live.step), "", say("principle"), "")
    yield from (f"## {say('held')}", "", say("columns"), "|---|---|---|---|---|---|---|---|")
    for held in HELD:
        yield _row(held, live, language)
    yield from ("", f"## {say('retention')}", "")
    if live.last_run is None:
        yield say("never")
    else:
        yield from (say("run", at=_moment(live.last_run["at"])), "", say("run_columns"), "|---|---|---|---|")
        for name, found in live.last_run["kinds"].items():
            yield f"| {name} | {found['days']} | {found['deleted']} | {found['left']} |"
    chosen = live.settings
    yield from ("", f"## {say('settings')}", "")
    yield f"- {say('profile', value=chosen.security_profile)}"
    yield f"- {say('factor', value=chosen.second_factor)}"
    yield f"- {say('hooks', value=chosen.webhook_hosts or say('none'))}"
    yield f"- {say('reveal', count=live.reveals)}"
    yield f"- {say('backups')}"


def _row(held: Held, live: Live, language: Language) -> str:
    purpose = held.purpose_zh if language == "zh" else held.purpose
    roles = sorted({role for verb in held.readers for role in PERMISSIONS[verb]})
    cells = (
        _word(SUBJECTS[held.subject], language),
        f"`{held.table}`",
        " ".join(f"`{name}`" for name in held.names),
        f"{live.rows[held.table]:,}",
        purpose,
        _kept(held.keep, live.settings, language),
        ", ".join(roles) or _word(WORDS["nobody"], language),
        _word(PROTECTIONS[held.protection], language),
    )
    return f"| {' | '.join(cells)} |"


def _kept(keep: str, chosen: Settings, language: Language) -> str:
    for kind in KINDS:
        if kind.name == keep:
            days = getattr(chosen, kind.setting)
            return _word(WORDS["days"], language).format(days=days, most=kind.most_days)
    return _word(KEPT[keep], language)


def _word(both: tuple[str, str], language: Language) -> str:
    return both[1] if language == "zh" else both[0]


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
