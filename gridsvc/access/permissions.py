"""The one permission table: which role may do which verb."""

ROLES = ("admin", "planner", "dispatcher", "intake", "supervisor", "department", "worker", "viewer")

EVERYBODY = frozenset(ROLES)

PERMISSIONS: dict[str, frozenset[str]] = {
    "account.manage": frozenset({"admin"}),
    "audit.read": frozenset({"admin"}),
    "export": frozenset({"admin", "planner", "dispatcher", "supervisor"}),
    "import": frozenset({"admin"}),
    "import.boundaries": frozenset({"admin", "planner"}),
    "job.all": frozenset({"admin"}),
    "webhook.manage": frozenset({"admin"}),
    "territory.read": EVERYBODY,
    "workforce.read": EVERYBODY,
    # Who sends workers somewhere calls them; for everybody else a phone is masked.
    "worker.phone": frozenset({"admin", "dispatcher", "supervisor"}),
    "patrol.read": EVERYBODY,
    "calendar.change": frozenset({"admin"}),
    "incident.read": EVERYBODY,
    "incident.report": EVERYBODY - {"viewer"},
    "incident.act": EVERYBODY - {"viewer", "planner"},
    # Who calls back; also an administrator has no business with it.
    "contact.reveal": frozenset({"dispatcher", "intake", "supervisor"}),
}


def may(role: str, verb: str) -> bool:
    """Decide whether a role may do a verb; an unknown verb is a mistake in the program and raises KeyError."""
    return role in PERMISSIONS[verb]


def verbs_of(role: str) -> list[str]:
    """List what a role may do, for pages that hide what is not allowed."""
    return sorted(verb for verb, roles in PERMISSIONS.items() if role in roles)
