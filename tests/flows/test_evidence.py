"""The photos a condition asks for: named at the mending, there at the close, and nothing is stuck without a way out."""

import hashlib
import io
from typing import Any

from PIL import Image
from sqlalchemy import text

from tests.conftest import Service
from tests.flows.conftest import Act


def test_what_its_condition_asks_photos_for_is_closed_when_they_have_come(
    service: Service, made: dict[str, Any], act: Act
) -> None:
    asking_for(service, "before,after")
    key, before, after = made["id"], picture("red"), picture("green")
    act(key, "intake", "file")
    act(key, "dispatcher", "dispatch", to="示例部门")
    act(key, "department", "accept")
    assert "before the mending" in act(key, "department", "feedback", 422, evidence=[after[0]])["detail"]
    act(key, "department", "feedback", evidence=[before[0], after[0]])
    assert "has not come yet" in act(key, "supervisor", "close", 409)["detail"]
    put(service, key, before)
    put(service, key, after)
    assert act(key, "supervisor", "close")["status"] == "closed"


def test_a_photo_that_nobody_can_send_any_more_is_taken_anew(service: Service, made: dict[str, Any], act: Act) -> None:
    asking_for(service, "after")
    key, lost, again = made["id"], picture("red"), picture("green")
    act(key, "intake", "file")
    act(key, "dispatcher", "dispatch", to="示例部门")
    act(key, "department", "accept")
    act(key, "department", "feedback", evidence=[lost[0]])
    assert act(key, "supervisor", "close", 409)["status"] == 409
    act(key, "supervisor", "rework", reason="照片缺失")
    act(key, "department", "feedback", evidence=[again[0]])
    put(service, key, again)
    assert act(key, "supervisor", "close")["status"] == "closed"


def asking_for(service: Service, evidence: str) -> None:
    """Let the conditions of the town ask for photos; a version in force is else never changed."""
    with service.engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        connection.execute(
            text("update catalogue_condition set evidence = string_to_array(:kinds, ',')"), {"kinds": evidence}
        )


def test_what_was_mended_before_it_came_here_needs_no_photo_to_be_closed(
    service: Service, made: dict[str, Any], act: Act
) -> None:
    asking_for(service, "after")
    with service.engine.begin() as connection:
        line = """insert into incident_step (incident, number, action, actor, role, at, "to", before, after)
            values (:id, 2, 'imported', 'town', 'admin', now(), 'feedback', 'reported', 'feedback')"""
        connection.execute(text(line), {"id": int(made["id"])})
        connection.execute(
            text("update incident set status = 'feedback', version = 2 where id = :id"), {"id": int(made["id"])}
        )
    assert act(made["id"], "supervisor", "close")["status"] == "closed"


def picture(colour: str) -> tuple[str, bytes]:
    """Draw a picture; answer its SHA-256 and its bytes."""
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(drawn, "JPEG")
    return hashlib.sha256(drawn.getvalue()).hexdigest(), drawn.getvalue()


def put(service: Service, incident: str, photo: tuple[str, bytes]) -> None:
    """Send a photo."""
    url = f"/api/v1/incidents/{incident}/photos/{photo[0]}"
    headers = service.as_("department") | {"Content-Type": "image/jpeg"}
    assert service.client.put(url, content=photo[1], headers=headers).status_code == 201
