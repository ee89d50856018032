"""Pages and faults: nothing may leave the host, and a fault is a sentence that says nothing was changed."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from gridsvc.app.main import create_app
from gridsvc.app.pages import serve_pages
from gridsvc.core.db import Database
from gridsvc.core.settings import Settings
from tests.conftest import Service


def test_every_answer_keeps_the_browser_on_this_host(service: Service) -> None:
    for path in ("/healthz", "/", "/api/v1/me", "/nothing"):
        headers = service.client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"


def test_pages_that_were_not_built_say_how_to_build_them(tmp_path: Path) -> None:
    app = FastAPI()
    serve_pages(app, tmp_path)
    answer = TestClient(app).get("/")
    assert answer.status_code == 503
    assert "make setup" in answer.text


def test_a_database_that_is_away_is_a_503_with_a_sentence() -> None:
    database = Database.at("postgresql://nobody@/nowhere?host=/nonexistent", Settings(pool_size=1))
    database.pool.timeout = 0.2
    with TestClient(create_app(database, Settings(), web=False), raise_server_exceptions=False) as client:
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "2"


def test_an_unknown_path_is_a_problem_too(service: Service) -> None:
    answer = service.client.get("/api/v1/residents")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
