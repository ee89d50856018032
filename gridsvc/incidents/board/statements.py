"""The board as SQL: what is open now or was at a moment, counted and listed by one statement; and the stages' figures."""

FILTERS = """
    (%(grid)s::text is null or i.grid = %(grid)s) and (%(community)s::text is null or i.community = %(community)s)
    and (%(of)s::text is null or i.department = %(of)s)"""
"""Whose part of the town it is."""

OPEN_NOW = (
    """
    select i.id, i.number, i.class, i.status, i.assignee, i.department, i.queue, i.responsible, i.community, i.grid,
        i.reported_at, i.due_at, i.stage_due_at, i.waiting, i.waiting_by
    from incident i where i.closed_at is null and """
    + FILTERS
)
OPEN_THEN = """
    select i.id, i.number, i.class, s.status, s.assignee, s.department, s.queue, i.responsible, i.community, i.grid,
        i.reported_at, s.due_at, s.stage_due_at, s.waiting, s.waiting_by
    from jsonb_to_recordset(%(rows)s::jsonb) s (id bigint, status text, assignee text, department text, queue text,
        due_at timestamptz, stage_due_at timestamptz, waiting text, waiting_by text)
    join incident i using (id)"""

LATER = (
    """
    select i.id from incident i where i.reported_at <= %(at)s and (i.closed_at is null or i.stage_since > %(at)s) and """
    + FILTERS.replace("i.department = %(of)s", "true")
    + " order by i.id limit %(most)s"
)
"""What may have been open at a moment: all that is open, and what has changed since."""

# What waits for whom, by role. Everybody else has nothing of their own to do.
MINE = """case %(role)s
    when 'worker' then assignee = %(worker)s or (assignee is null and status = 'reported' and responsible = %(worker)s)
    when 'department' then department = %(department)s and status in ('dispatched', 'handling', 'suspended')
    when 'intake' then status in ('reported', 'verifying')
    when 'dispatcher' then status = 'filed'
    when 'supervisor' then status in ('feedback', 'checking')
    else false end"""

LISTS = {
    "overdue": "due_at < %(at)s",
    "due_soon": "due_at >= %(at)s and due_at < %(soon)s",
    "mine": MINE,
    "waiting": "waiting is not null and waiting_by <> %(name)s and %(role)s = 'supervisor'",
    "stage_late": "stage_due_at < %(at)s",
    "queued": "queue is not null",
}
"""The lists of the board; each is counted too."""

ROW = """json_build_object('id', id::text, 'number', number, 'class', class, 'status', status, 'grid', grid,
    'assignee', assignee, 'department', department, 'queue', queue, 'reported_at', reported_at, 'due_at', due_at,
    'stage_due_at', stage_due_at, 'waiting', waiting)"""


def board(source: str) -> str:
    """Write the board over what is open: one JSON of counts and of the first rows of each list."""
    counts = ", ".join(f"'{name}', count(*) filter (where {holds})" for name, holds in LISTS.items())
    lists = ", ".join(
        f"'{name}', (select coalesce(json_agg({ROW}), '[]') from (select * from open where {holds}"
        f" order by due_at nulls last, id limit %(limit)s) o)"
        for name, holds in LISTS.items()
    )
    return (
        f"with open as materialized ({source}) select (select json_build_object('open', count(*), {counts}) from open),"
        " (select coalesce(json_object_agg(status, many), '{}') from"
        f" (select status, count(*) as many from open group by status) s), json_build_object({lists})"
    )


STAGES = (
    """
    with told as (
        select i.id, i.due_at, i.excluded, i.status,
            min(s.at) filter (where s.action = 'report') as reported,
            min(s.at) filter (where s.action = 'file') as filed,
            bool_or(s.action = 'reject') as rejected, bool_or(s.action = 'merge') as merged,
            min(s.at) filter (where s.action = 'dispatch') as dispatched,
            max(s.at) filter (where s.action in ('feedback', 'self_handle')) as mended,
            max(s.at) filter (where s.action = 'close' or (s.action = 'imported' and s.after = 'closed')) as closed,
            count(*) filter (where s.action = 'return') as returns,
            count(*) filter (where s.action = 'rework') as reworks
        from incident i join incident_step s on s.incident = i.id and s.at <= %(at)s
        where i.reported_at >= %(since)s and i.reported_at < %(until)s and i.reported_at <= %(at)s and """
    + FILTERS
    + """
        group by i.id
    ), counted as (select * from told where not excluded and not coalesce(merged, false))
    select json_build_object(
        'reported', count(*),
        'filed', count(*) filter (where filed is not null),
        'rejected', count(*) filter (where rejected),
        'dispatched', count(*) filter (where dispatched is not null),
        'closed', count(*) filter (where closed is not null),
        'closed_in_time', count(*) filter (where closed <= due_at),
        'closed_with_due', count(*) filter (where closed is not null and due_at is not null),
        'reworked', count(*) filter (where closed is not null and reworks > 0),
        'returned', count(*) filter (where dispatched is not null and returns > 0),
        'intake_s', percentile_cont(0.5) within group (order by extract(epoch from filed - reported)),
        'dispatch_s', percentile_cont(0.5) within group (order by extract(epoch from dispatched - filed)),
        'handle_s', percentile_cont(0.5) within group (order by extract(epoch from mended - dispatched)),
        'check_s', percentile_cont(0.5) within group (order by extract(epoch from closed - mended)),
        'total_s', percentile_cont(0.5) within group (order by extract(epoch from closed - reported)),
        'left_out', (select json_build_object('appealed', count(*) filter (where excluded),
            'merged', count(*) filter (where merged and not excluded)) from told))
    from counted"""
)
"""What became of the incidents reported in a period, by their logs up to a moment; merged and appealed ones are apart."""
