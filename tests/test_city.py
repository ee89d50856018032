"""The made-up city of the benches is a city: what the database would refuse or derive is so in it."""

import pytest
from sqlalchemy import Engine, text

from tests.bench.city import build_city


def test_the_made_up_city_is_a_partition_and_every_house_belongs_where_it_lies(empty_engine: Engine) -> None:
    build_city(empty_engine.url.render_as_string(hide_password=False), buildings=600, grids=200)
    with empty_engine.begin() as connection:
        # The proof of the partition ran at commit; it is asked for once more by a change that changes nothing.
        connection.execute(text("update grid_version set name = name"))
        connection.execute(text("set constraints all immediate"))
        lost, total = connection.execute(
            text("""
            select count(*) filter (where v.grid is distinct from b.grid), count(*)
            from building h
            left join belonging b on b.kind = 'building' and b.code = h.code
            left join grid_version v on st_contains(v.geometry, h.geometry)""")
        ).one()
    assert (lost, total) == (0, 600)


def test_a_city_that_cannot_be_laid_out_is_refused(empty_engine: Engine) -> None:
    with pytest.raises(ValueError, match="rectangle"):
        build_city(empty_engine.url.render_as_string(hide_password=False), buildings=600, grids=300)
