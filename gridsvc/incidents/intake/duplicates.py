"""A place and a class in, the open incidents out that may be the same thing; intake and who asks first get one answer."""

NEAR_JSON = """
    (select coalesce(json_agg(json_build_object(
        'id', n.incident::text, 'number', n.number, 'status', n.status, 'reported_at', n.reported_at,
        'same_asset', n.same_asset, 'distance_m', n.distance_m)), '[]')
    from incidents_near(s.point, %(class)s, %(asset)s, %(since)s, c.radius_m) n)"""
"""Open incidents of the class near a point `s.point`, within the radius of the class `c`, as one JSON; nearest first."""

ASKED = (
    """
    select """
    + NEAR_JSON
    + """::text
    from (select st_setsrid(st_makepoint(%(lon)s, %(lat)s), 4326) as point) s
    join catalogue v on v.current
    join catalogue_class c on c.version = v.version and c.class = %(class)s"""
)
"""The same for a place in degrees; no row for a class that the current catalogue does not have."""
