"""Search: what everything is called, by text, pinyin and initials, kept by triggers; and how a question is answered."""

from alembic import op

from gridsvc.core.schema import run_sql_file

revision = "20261125_search"
down_revision = "20261125_locate"


def upgrade() -> None:
    # Alembic loads every step at each start, and the dictionaries are large.
    from gridsvc.territory.pinyin import general_readings

    run_sql_file("20261125_search.sql")
    cursor = op.get_bind().connection.cursor()
    with cursor.copy("copy pinyin (text, readings) from stdin") as copy:
        for row in general_readings():
            copy.write_row(row)
    cursor.close()
    run_sql_file("20261125_search_functions.sql")
    run_sql_file("20261125_search_fill.sql")
