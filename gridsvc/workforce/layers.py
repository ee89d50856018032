"""The people on duty as layers: workers and posts, for reading."""

from gridsvc.core.browse import Layer

WORKERS = Layer(
    name="workers",
    one="worker",
    source="worker w",
    key="w.code",
    fields={
        "id": "w.code",
        "name": "w.name",
        "phone_masked": "mask_phone(w.phone)",
        "department": "w.department",
        # Without shifts on record, who holds a post is on duty.
        "on_duty": "exists (select from post p where p.worker = w.code and p.valid @> %(at)s)",
        "grids": "(select coalesce(json_agg(p.grid order by p.grid), '[]') from post p"
        " where p.worker = w.code and p.role = 'responsible' and p.valid @> %(at)s)",
    },
    filters={
        "grid": "exists (select from post p where p.worker = w.code and p.grid = %(grid)s and p.valid @> %(at)s)",
        "department": "w.department = %(department)s",
        "q": "(w.name ilike %(q)s or w.code ilike %(q)s)",
    },
    # Who works here is a matter of today; what posts they hold, of the moment that is asked for.
    dated="true",
)

WITH_PHONE = WORKERS.extended({"phone": "w.phone"})
"""The same for who may call them."""

POSTS = Layer(
    name="posts",
    one="post",
    source="post p",
    key="p.id",
    fields={
        "id": "p.id::text",
        "grid": "p.grid",
        "worker": "p.worker",
        "role": "p.role",
        "valid_from": "lower(p.valid)",
        "valid_to": "upper(p.valid)",
    },
    filters={"grid": "p.grid = %(grid)s", "worker": "p.worker = %(worker)s", "role": "p.role = %(role)s"},
    dated="p.valid @> %(at)s",
    newest_first=True,
)
