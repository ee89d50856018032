"""The planned walks as a layer, for reading."""

from gridsvc.core.browse import GEOMETRY, Layer, kinds

ROUTES = Layer(
    name="routes",
    one="route",
    source="route r",
    key="r.id",
    fields={
        "id": "r.id",
        "name": "r.name",
        "grid": "r.grid",
        "worker": "coalesce(r.worker, on_post(r.grid, 'responsible', %(at)s) ->> 'id')",
        "length_m": "round(r.length_m::numeric, 1)::float8",
        "checkpoints": "(select coalesce(json_agg(json_build_object('position', c.position, 'name', c.name,"
        f" 'place', {GEOMETRY.format('c.geometry')}) order by c.position), '[]')"
        " from checkpoint c where c.route = r.id)",
    },
    filters={
        "grid": "r.grid = %(grid)s",
        "community": "r.grid between %(community)s || '000' and %(community)s || '999'",
        "worker": "coalesce(r.worker, on_post(r.grid, 'responsible', %(at)s) ->> 'id') = %(worker)s",
        "q": "(r.name ilike %(q)s or r.id ilike %(q)s)",
    },
    # The walks are those of today; who walks them is a matter of the moment that is asked for.
    dated="true",
    geometry="r.geometry",
    kinds=kinds(text="id name grid worker", number="length_m"),
    shape="MultiLineString",
)
