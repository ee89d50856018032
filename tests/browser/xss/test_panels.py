"""Every payload of every field that the map page shows: its panels and its report, in both languages, with and without the policy."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route
from sqlalchemy import Engine, text

from gridsvc.core.db import open_engine
from tests.browser.conftest import Site
from tests.browser.test_map import INSIDE, click_map, look_at
from tests.browser.xss.conftest import Watch
from tests.browser.xss.ground import ROUNDS, missing, poison, told
from tests.browser.xss.payloads import PAYLOADS

pytestmark = pytest.mark.browser
SHOWN = (
    "asset.name building.name building.number building.address catalogue_class.name catalogue_class.name_en "
    "catalogue_condition.text catalogue_condition.text_en catalogue_condition.closing catalogue_condition.department "
    "community_version.name grid_version.name incident.text route.name worker.name"
)
"""The columns that the map's page shows."""
THINGS = {
    "building": "select code from building order by code limit 42",
    "asset": "select code from asset order by code limit 42",
    "grid": "select grid from grid_version order by grid limit 42",
    "route": "select id::text from route order by id limit 42",
    "incident": "select id::text from incident order by id limit 42",
}
COUNTING = """
    window.waiting = 0;
    const asked = window.fetch;
    window.fetch = async (...given) => {
        window.waiting += 1;
        try { return await asked(...given); } finally { setTimeout(() => { window.waiting -= 1; }, 5); }
    };"""
SETTLE = "const settle = async () => { do await new Promise(done => setTimeout(done, 20)); while (window.waiting); };"
OPEN_ALL = f"""async () => {{
    {SETTLE}
    const words = [];
    const aside = document.querySelector("aside"), language = document.querySelector("button.language");
    const many = document.querySelectorAll("[role=option]").length;
    for (let number = 0; number < many; number += 1) {{
        document.querySelectorAll("[role=option]")[number].click();
        await settle();
        words.push(aside.textContent);
        language.click();
        await settle();
        words.push(aside.textContent);
    }}
    return words.join("\\n");
}}"""
BOTH = f"""async () => {{
    {SETTLE}
    await settle();
    const words = [document.body.textContent];
    document.querySelector("button.language").click();
    await settle();
    words.push(document.body.textContent);
    return words.join("\\n");
}}"""
PICK_ALL = f"""async () => {{
    {SETTLE}
    const words = [], choose = (field, value) => {{ field.value = value; field.dispatchEvent(new Event("change")); }};
    const kind = document.getElementById("report-class"), what = document.getElementById("report-condition");
    for (const one of [...kind.options].map(o => o.value).filter(Boolean)) {{
        choose(kind, one);
        await new Promise(done => setTimeout(done));
        for (const code of [...what.options].map(o => o.value).filter(Boolean)) {{
            choose(what, code);
            await new Promise(done => setTimeout(done));
            words.push(document.querySelector("form.report").textContent);
        }}
    }}
    return words.join("\\n");
}}"""


def things(engine: Engine, turn: int) -> list[dict[str, Any]]:
    """List a share of the things, as a search would find them: after all rounds each kind was opened forty-two times."""
    found = []
    with engine.connect() as connection:
        for kind, sql in THINGS.items():
            codes = list(connection.execute(text(sql)).scalars())[turn::ROUNDS]
            found += [{"kind": kind, "code": code, "name": code, "detail": None} for code in codes]
    bare = {"community": None, "grid": None, "lon": None, "lat": None, "distance_m": None, "match": "exact"}
    return [one | bare for one in found]


def answering(body: object) -> Callable[[Route], None]:
    """Make what answers every question with the same."""
    return lambda route: route.fulfill(body=json.dumps(body), content_type="application/json")


def open_map(page: Page) -> None:
    page.goto("/")
    page.wait_for_function("() => window.gridsvc")
    page.evaluate("() => window.gridsvc.ready")


def test_every_payload_of_every_field_stands_in_a_panel(watch: Watch, poisoned: Site) -> None:
    engine, page = open_engine(poisoned.database_url), watch.page
    page.add_init_script(COUNTING)
    # What is drawn on a canvas runs nothing, and drawing it anew for every panel takes most of the time.
    page.route("**/*.mvt", lambda route: route.fulfill(status=204))
    seen: set[tuple[str, int]] = set()
    for turn in range(ROUNDS):
        poison(engine, turn or ROUNDS)
        page.route("**/api/v1/search*", answering({"items": things(engine, turn), "next": None}))
        open_map(page)
        seen |= told(page.evaluate(BOTH))
        page.get_by_role("combobox").first.fill("a")
        page.locator("[role=option]").first.wait_for(state="attached")
        seen |= told(page.evaluate(OPEN_ALL))
        watch.look("the panels")
        page.unroute("**/api/v1/search*")
        look_at(page, *INSIDE, 17)
        page.locator("button.primary.raised").click()
        click_map(page, *INSIDE)
        page.locator("#report-class").wait_for()
        for _ in range(2):
            seen |= told(page.evaluate(PICK_ALL))
            page.locator("button.language").click()
        watch.look("the report")
    engine.dispose()
    assert missing(seen, SHOWN) == {}


def test_what_is_typed_into_the_report_never_runs(watch: Watch) -> None:
    page = watch.page
    open_map(page)
    look_at(page, *INSIDE, 17)
    page.locator("button.primary.raised").click()
    click_map(page, *INSIDE)
    page.locator("#report-class").wait_for()
    for payload in PAYLOADS:
        page.locator("input[type=search]").last.fill(payload)
        page.locator("#report-text").fill(payload)
        page.evaluate(
            """said => {
                for (const name of ["class", "condition"]) {
                    const field = document.getElementById(`report-${name}`);
                    field.disabled = false;
                    const option = new Option("x", said);
                    option._value = said;
                    field.add(option);
                    field.value = said;
                    field.dispatchEvent(new Event("change"));
                }
            }""",
            payload,
        )
    watch.look("the report")
