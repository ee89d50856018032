"""The one table of what is held on people: where, for what, how protected, how long, who may read it, and whose it is.

The sheet, subject access and the tests are made from it. Every column of the schema that has room for something about a
person is here, or in `ON_THINGS`; a test fails for one that is in neither.
"""

from dataclasses import dataclass
from typing import Literal

Protection = Literal["plain", "masked", "hashed", "sealed"]
Subject = Literal["account", "worker", "reporter"]


@dataclass(frozen=True)
class Held:
    """Some columns of a table that hold something about a person.

    `keep` names a kind of `retention.KINDS`, or a sentence of `sheet.KEPT`; `readers` are verbs of the permission table
    (none: nobody, over HTTP). `whose` chooses the rows of one person by `:account`, `:username` and `:worker`.
    """

    table: str
    columns: str
    subject: Subject
    purpose: str
    purpose_zh: str
    keep: str
    readers: tuple[str, ...] = ()
    protection: Protection = "plain"
    whose: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Name the columns."""
        return tuple(self.columns.split())

    @property
    def is_secret(self) -> bool:
        """Tell whether what is kept is told to nobody, not even to whom it is about."""
        return self.protection in ("hashed", "sealed")


ACTOR = "actor = :username"
SIGN_IN = ("to sign in, and to limit what is seen to the own territory", "登录，并将可见范围限于本人辖区")
PROOF = ("to prove who signs in", "登录身份验证")
STAFF = ("to know who is responsible and to reach the worker at work", "明确责任人，工作时间联系网格员")
DUTY = ("who is responsible for which grid, and when", "各网格在何时由谁负责")
WORK = ("to know who did what with an incident", "记录案件由谁、在何时、如何处理")
OFFICE = ("to know who changed what the office works by", "记录工作依据由谁更改")

HELD = (
    Held("account", "username role department territory", "account", *SIGN_IN, "until_erased", ("account.manage",), whose="id = :account"),
    Held("account", "password_hash", "account", *PROOF, "until_erased", protection="hashed", whose="id = :account"),
    Held("account", "totp_secret", "account", *PROOF, "until_erased", protection="sealed", whose="id = :account"),
    Held("recovery_code", "account hash", "account", *PROOF, "until_erased", protection="hashed", whose="account = :account"),
    Held("credential", "account kind label scopes territory address agent proof", "account",
         "to keep somebody signed in, and to let them see and end their own sign-ins", "保持登录，并让本人查看、结束自己的登录",
         "sign_in", whose="account = :account"),
    Held("credential", "hash", "account", *PROOF, "sign_in", protection="hashed", whose="account = :account"),
    Held("identity", "account issuer subject", "account", *PROOF, "until_erased", ("account.manage",),
         whose="account = :account"),
    Held("sign_in_attempt", "account sealed", "account", *PROOF, "sign_in_attempt", protection="sealed",
         whose="account = :account"),
    Held("sign_in_attempt", "state browser", "account", *PROOF, "sign_in_attempt", protection="hashed",
         whose="account = :account"),
    Held("consent", "account version", "account", "to know who agreed to which notice, and when they withdrew",
         "记录何人何时同意或撤回哪一版告知书", "with_the_work", whose="account = :account"),
    Held("sign_in_failure", "subject", "account", "to lock out who guesses passwords", "防止猜测口令", "sign_in_failure",
         protection="hashed"),
    Held("worker", "code name department account", "worker", *STAFF, "until_erased", ("workforce.read",), whose="code = :worker"),
    Held("worker", "phone", "worker", *STAFF, "until_erased", ("workforce.read",), "masked", whose="code = :worker"),
    Held("post", "grid worker role", "worker", *DUTY, "with_the_work", ("workforce.read",), whose="worker = :worker"),
    Held("route", "worker", "worker", *DUTY, "with_the_work", ("patrol.read",), whose="worker = :worker"),
    Held("incident_contact", "sealed", "reporter", "to call back about this report, and for nothing else",
         "仅用于就本次上报回访", "contact", ("contact.reveal",), "sealed"),
    Held("incident", "text why", "reporter", "what is wrong and where; no name is asked for", "问题及其位置；不询问姓名",
         "with_the_work", ("incident.read",)),
    Held("incident", "responsible assignee waiting_by reported_by", "worker", *WORK, "with_the_work", ("incident.read",),
         whose="responsible = :worker or assignee = :worker or :username in (waiting_by, reported_by)"),
    Held("incident_step", "actor role worker department reason note to", "worker", *WORK, "with_the_work",
         ("incident.read",), whose=f"{ACTOR} or worker = :worker or \"to\" = 'worker:' || :worker"),
    Held("incident_photo", "by", "worker", *WORK, "with_the_work", ("incident.read",), whose="by = :username"),
    Held("event", "actor subject facts", "account", "the audit: who did what, when, and why", "审计：谁在何时因何做了什么",
         "audit", ("audit.read",), whose=f"{ACTOR} or subject = 'account:' || :account or subject = 'worker:' || :worker"),
    Held("idempotency", "actor key answer", "account", "to do a write once that was sent twice", "重复提交只执行一次",
         "repeated_write", whose=ACTOR),
    Held("idempotency", "body_hash", "account", "to tell whether it is the same write", "判断是否同一提交", "repeated_write",
         protection="hashed", whose=ACTOR),
    Held("job", "actor scope arguments message result", "account", "to tell somebody how their job ended", "告知任务结果", "job",
         ("job.all",), whose=ACTOR),
    Held("job_file", "bytes", "account", "the file of a job, until the job ends", "任务文件，任务结束即删除", "until_job_ends"),
    Held("webhook", "created_by", "account", *OFFICE, "until_erased", ("webhook.manage",), whose="created_by = :username"),
    Held("webhook_delivery", "error", "account", "to see why another system was not told", "查看未送达原因", "webhook_delivery",
         ("webhook.manage",)),
    Held("catalogue", "imported_by", "account", *OFFICE, "with_the_work", whose="imported_by = :username"),
    Held("calendar", "changed_by", "account", *OFFICE, "with_the_work", whose="changed_by = :username"),
)  # fmt: skip

ON_THINGS: dict[str, str] = {
    "asset": "code class name state geometry",
    "asset_past": "code class name state geometry",
    "belonging": "kind code grid",
    "building": "code name number address use households_source geometry point",
    "building_past": "code name number address use households_source geometry point",
    "building_written": "code feature grid geometry",
    "catalogue": "version scheme source",
    "catalogue_class": "version class kind name name_en major minor",
    "catalogue_condition": "version class code text text_en closing limit_unit department evidence",
    "checkpoint": "route name geometry",
    "community": "code street",
    "community_version": "community name geometry",
    "derive_due": "derived kind codes",
    "division": "code name level parent geometry",
    "division_past": "code name level parent geometry",
    "drawn.building": "code name number geometry home",
    "drawn.change": "layer",
    "drawn.community": "code name geometry z12 z10 z8 z6",
    "drawn.grid": "code name kind geometry z12 z10 z8",
    "drawn.street": "code name kind geometry",
    "event": "kind community grid",
    "event_chain": "head writing",
    "event_seal": "hash",
    "grid": "code community",
    "grid_tally": "grid",
    "grid_version": "grid name kind geometry",
    "incident": "number catalogue class condition status source rule community grid queue department geometry asset"
    " waiting merged_into parent photos",
    "incident_photo": "sha256 stored thumbnail",
    "incident_step": "action queue evidence code before after",
    "incident_warning": "kind roles",
    "job": "kind state",
    "lineage": "kind from_grid to_grid",
    "office_day": "name source",
    "office_hours": "begins hours",
    "partition_due": "parent",
    "pinyin": "text readings",
    "pinyin_own": "text readings",
    "route": "id name grid geometry",
    "search_entry": "tail kind code place",
    "search_key": "form key",
    "search_term": "text",
    "street": "code name name_en kind foot geometry",
    "street_past": "code name name_en kind foot geometry",
    "webhook": "url kinds secret",
}
"""Columns of places, work and the office, which have room for words or a place and tell nothing of a person."""
