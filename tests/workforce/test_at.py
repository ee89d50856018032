"""Who was on duty then? Workers, posts and walks are answered as of any moment."""

from sqlalchemy import text

from gridsvc.core.db import transaction
from tests.conftest import Service
from tests.town import JIA_1, JIA_2


def test_duty_is_told_as_of_any_moment(service: Service) -> None:
    with transaction(service.engine) as session:
        post = session.scalar(text("select id from post where grid = :grid and role = 'responsible'"), {"grid": JIA_1})
        session.execute(text("delete from post where role = 'backup'"))
        session.execute(
            text("update post set valid = tstzrange(lower(valid), '2026-03-01Z') where id = :post"), {"post": post}
        )
        session.execute(
            text("insert into post (grid, worker, role, valid) values (:grid, 'W2', 'responsible', '[2026-03-01Z,)')"),
            {"grid": JIA_1},
        )

    def read(path: str, at: str) -> dict[str, object]:
        mark = "&" if "?" in path else "?"
        answer = service.client.get(f"/api/v1{path}{mark}at={at}", headers=service.as_("viewer"))
        assert answer.status_code == 200, answer.text
        body: dict[str, object] = answer.json()
        return body

    before, after = "2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z"
    assert (read("/workers/W1", before)["grids"], read("/workers/W1", after)["grids"]) == ([JIA_1, JIA_2], [JIA_2])
    assert read("/workers/W2", "2025-12-31T00:00:00Z")["on_duty"] is False
    for at, expected in ((before, ["W1"]), (after, ["W2"])):
        assert [one["id"] for one in read(f"/workers?grid={JIA_1}", at)["items"]] == expected  # type: ignore[attr-defined]
        assert read("/routes/r1", at)["worker"] == expected[0]
        assert [one["id"] for one in read(f"/routes?worker={expected[0]}", at)["items"]] == ["r1"]  # type: ignore[attr-defined]
    assert read(f"/posts/{post}", before)["worker"] == "W1"
    gone = service.client.get(f"/api/v1/posts/{post}", params={"at": after}, headers=service.as_("viewer"))
    assert gone.status_code == 404
