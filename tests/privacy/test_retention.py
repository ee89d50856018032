"""What is over its age goes, what is not stays, and that nothing is left is counted and not believed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from gridsvc.app.jobs import CHORES
from gridsvc.core.settings import Settings
from gridsvc.privacy import retention
from gridsvc.privacy.retention import KINDS, Retained, last_run, retain, retain_daily
from tests.conftest import Service
from tests.incidents.contact.test_contact import ask, close, left

YOUNG_AND_OLD = """
    insert into credential (hash, account, kind, expires_at, idle)
        select convert_to('session ' || n, 'UTF8'), 1, 'session', now() - make_interval(days => n), interval '1 day' from unnest(array[-1, 29, 31]) n;
    -- Nobody came back: it is over by its idle time, long before the longest.
    insert into credential (hash, account, kind, expires_at, last_used_at, idle)
        values ('idle', 1, 'session', now(), now() - interval '40 days', interval '1 hour');
    insert into sign_in_failure (subject, at) select 'x', now() - make_interval(days => n) from unnest(array[0, 29, 31]) n;
    insert into sign_in_attempt (state, browser, sealed, expires_at)
        select convert_to(n::text, 'UTF8'), 'x', 'x', now() - make_interval(days => n) from unnest(array[0, 29, 31]) n;
    insert into idempotency (actor, key, body_hash, status, answer, made_at)
        select 'worker', n, 'x', 201, '{}', now() - make_interval(days => n) from unnest(array[0, 29, 31]) n;
    insert into job (kind, actor, arguments, state, finished_at)
        select 'x', 'worker', '{}', 'done', now() - make_interval(days => n) from unnest(array[0, 29, 31]) n;
    insert into job (kind, actor, arguments, created_at) values ('waits', 'worker', '{}', now() - interval '99 days');
    insert into webhook (url, secret, created_by) values ('http://hooks.office/', 'x', 'admin');
    insert into event (actor, kind, subject) values ('worker', 'incident.closed', 'incident:1');
    update webhook_delivery set done_at = now() - interval '31 days';
    insert into event (actor, kind, subject) values ('worker', 'incident.closed', 'incident:2');
"""


def test_what_is_over_its_age_is_gone_what_is_not_is_there_and_both_are_recorded(service: Service) -> None:
    old, young = left(service), left(service, "13900139876")
    with service.engine.begin() as connection:
        connection.connection.cursor().execute(YOUNG_AND_OLD)
        before = connection.scalar(text("select count(*) from credential")) or 0
    close(service, old, 181)
    close(service, young, 179)
    found = retain(service.engine, datetime.now(UTC), Settings(), actor="system")
    assert found == [
        Retained("contact", 180, 1, 0),
        Retained("sign_in", 30, 2, 0),
        Retained("sign_in_failure", 30, 1, 0),
        Retained("sign_in_attempt", 30, 1, 0),
        Retained("repeated_write", 30, 1, 0),
        Retained("webhook_delivery", 30, 1, 0),
        Retained("job", 30, 1, 0),
    ]
    with service.engine.connect() as connection:
        kept = {
            table: connection.scalar(text(f"select count(*) from {table}"))
            for table in (
                "credential",
                "sign_in_failure",
                "sign_in_attempt",
                "idempotency",
                "job",
                "webhook_delivery",
                "incident_contact",
            )
        }
        sealed = connection.execute(
            text("select incident, sealed is null, deleted_at is null from incident_contact order by incident")
        ).all()
    assert kept == {
        "credential": before - 2,
        "sign_in_failure": 2,
        "sign_in_attempt": 2,
        "idempotency": 2,
        "job": 3,
        "webhook_delivery": 1,
        "incident_contact": 2,
    }
    assert sealed == [(int(old["id"]), True, False), (int(young["id"]), False, True)]
    assert (ask(service, old).status_code, ask(service, young).status_code) == (410, 200)
    run = last_run(service.engine)
    assert run is not None
    assert run["kinds"]["contact"] == {"days": 180, "deleted": 1, "left": 0}


def test_the_contact_of_an_open_incident_stays_and_of_one_that_is_opened_again(service: Service) -> None:
    incident = left(service)
    with service.engine.begin() as connection:
        connection.execute(text("update incident set reported_at = now() - interval '400 days'"))
    assert retain(service.engine, datetime.now(UTC), Settings(), actor="x")[0] == Retained("contact", 180, 0, 0)
    assert ask(service, incident).status_code == 200


def test_the_days_are_the_office_s_own_up_to_a_cap(service: Service) -> None:
    incident = left(service)
    close(service, incident, 8)
    assert retain(service.engine, datetime.now(UTC), Settings(contact_days=7), actor="x")[0].deleted == 1
    for kind in KINDS:
        with pytest.raises(ValidationError, match=kind.setting):
            Settings.model_validate({kind.setting: kind.most_days + 1})
        with pytest.raises(ValidationError, match=kind.setting):
            Settings.model_validate({kind.setting: 0})


def test_a_deletion_that_does_nothing_is_found(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    close(service, left(service), 200)
    broken = replace(KINDS[0], delete="update incident_contact set incident = incident")
    monkeypatch.setattr(retention, "BATCH", 2)
    found = retain(service.engine, datetime.now(UTC), Settings(), actor="x", kinds=(broken,))
    assert found == [Retained("contact", 180, 1, 1)]


def test_more_than_a_batch_goes_in_one_run(empty_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    with empty_engine.begin() as connection:
        connection.execute(
            text(
                "insert into sign_in_failure (subject, at) select 'x', now() - interval '1 year'"
                " from generate_series(1, 35)"
            )
        )
    found = {one.kind: one for one in retain(empty_engine, datetime.now(UTC), Settings(), actor="x")}
    assert found["sign_in_failure"] == Retained("sign_in_failure", 30, 35, 0)


def test_a_worker_does_it_once_a_day_and_tells_what_is_left(
    empty_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (chore,) = [one for one in CHORES if one.work is retain_daily]
    minute, hour, *rest = chore.cron.split()
    assert minute.isdecimal()
    assert hour.isdecimal()
    assert rest == ["*", "*", "*"]
    assert last_run(empty_engine) is None
    chore.work(empty_engine)
    run = last_run(empty_engine)
    assert run is not None
    assert datetime.now(UTC) - run["at"] < timedelta(minutes=1)
    monkeypatch.setattr(retention, "retain", lambda *_, **__: [Retained("contact", 180, 0, 3)])
    with capture_logs() as told:
        retain_daily(empty_engine)
    assert [(one["event"], one["left"]) for one in told] == [("retention.left", 3)]
