"""Incidents as a layer, for reading; the texts are those of the catalogue version they were filed under."""

from gridsvc.core.browse import Layer, Order, kinds

WHY = """case when (select scope_all()) or coalesce(i.grid, i.community) ^@ any ((select scope_prefixes())::text[])
    then i.why else i.why - 'duplicates' end"""
"""Who sees an incident because they reported or have it, and not by its place, is told no numbers of others there."""

INCIDENTS = Layer(
    name="incidents",
    one="incident",
    source="""incident i
        join catalogue_class c on c.version = i.catalogue and c.class = i.class
        join catalogue_condition d on d.version = i.catalogue and d.class = i.class and d.code = i.condition""",
    key="i.id",
    fields={
        "id": "i.id::text",
        "number": "i.number",
        "class": "i.class",
        "class_name": "c.name",
        "class_name_en": "c.name_en",
        "condition": "i.condition",
        "condition_text": "d.text",
        "condition_text_en": "d.text_en",
        "catalogue": "i.catalogue",
        "status": "i.status",
        "place": "json_build_object('lon', st_x(i.geometry), 'lat', st_y(i.geometry), 'accuracy_m', i.accuracy_m)",
        "grid": "i.grid",
        "grid_version": "i.grid_version",
        "community": "i.community",
        "queue": "i.queue",
        "responsible": "i.responsible",
        "assignee": "i.assignee",
        "department": "i.department",
        "reported_at": "i.reported_at",
        "due_at": "i.due_at",
        "closed_at": "i.closed_at",
        "overdue": "i.due_at is not null and i.due_at < coalesce(i.closed_at, now())",
        "source": "i.source",
        "text": "i.text",
        "photos": "i.photos",
        "why": f"jsonb_build_object('rule', i.rule, 'queue', i.queue, 'responsible', i.responsible) || {WHY}",
        "asset": "i.asset",
        "version": "i.version",
        "due_uncertain": "i.due_uncertain",
        "stage_since": "i.stage_since",
        "stage_due_at": "i.stage_due_at",
        "waiting": "i.waiting",
        "returns": "i.returns",
        "reworks": "i.reworks",
        "self_handled": "i.self_handled",
        "excluded": "i.excluded",
        "merged_into": "i.merged_into",
        "parent": "i.parent",
    },
    filters={
        "grid": "i.grid = %(grid)s",
        "community": "i.community = %(community)s",
        "class": "i.class = %(class)s",
        "status": "i.status = %(status)s",
        "responsible": "i.responsible = %(responsible)s",
        "queue": "i.queue = %(queue)s",
        "open": {True: "i.closed_at is null", False: "i.closed_at is not null"},
        "from": "i.reported_at >= %(from)s",
        "to": "i.reported_at < %(to)s",
        "assignee": "i.assignee = %(assignee)s",
        "department": "i.department = %(department)s",
        "source": "i.source = %(source)s",
        "asset": "i.asset = %(asset)s",
        "parent": "i.parent = %(parent)s",
        "waiting": "i.waiting = %(waiting)s",
        "overdue": {
            True: "i.due_at < coalesce(i.closed_at, now())",
            False: "(i.due_at is null or i.due_at >= coalesce(i.closed_at, now()))",
        },
        "due_before": "i.due_at < %(due_before)s",
        "q": "(i.text ilike %(q)s or i.number like %(q)s)",
    },
    geometry="i.geometry",
    kinds=kinds(
        text="id number class class_name class_name_en condition condition_text condition_text_en catalogue status grid"
        " community queue responsible assignee department source text",
        integer="grid_version",
        moment="reported_at due_at closed_at",
        boolean="overdue",
    ),
    moment="i.reported_at",
    shape="Point",
    newest_first=True,
    orders={"due": Order("i.due_order")},
)

CATALOGUE = """
    select json_build_object(
        'version', v.version, 'scheme', v.scheme, 'current', v.current, 'imported_at', v.imported_at, 'source', v.source,
        'classes', (
            select coalesce(json_agg(json_build_object(
                'class', c.class, 'kind', c.kind, 'name', c.name, 'name_en', c.name_en, 'major', c.major,
                'minor', c.minor, 'radius_m', c.radius_m,
                'conditions', (
                    select coalesce(json_agg(json_build_object(
                        'code', d.code, 'text', d.text, 'text_en', d.text_en, 'closing', d.closing,
                        'limit', d.limit_count, 'unit', d.limit_unit, 'department', d.department,
                        'evidence', d.evidence) order by d.code), '[]')
                    from catalogue_condition d where d.version = c.version and d.class = c.class)
            ) order by c.class), '[]')
            from catalogue_class c where c.version = v.version)
    )::text
    from catalogue v where case when %(version)s::text is null then v.current else v.version = %(version)s end"""
"""One version of the catalogue, the current one when none is asked for, as one JSON text; no row when there is none."""

VERSIONS = """
    select coalesce(json_agg(json_build_object(
        'version', v.version, 'scheme', v.scheme, 'current', v.current, 'imported_at', v.imported_at,
        'imported_by', v.imported_by, 'source', v.source) order by v.imported_at desc, v.version), '[]')::text
    from catalogue v"""
"""Every version that was ever in force."""

CLASS_NAMES = "select class, kind, name from catalogue_class where version = %(version)s order by class"
