"""The OpenAPI document is kept: whatever it allows, and what it does not, is answered as it says, and never with a fault."""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from gridsvc.app.main import create_app
from gridsvc.core.db import Database
from gridsvc.core.settings import Settings
from tests.conftest import Town, copy_database
from tests.loopback import serving

SETTINGS = Settings(pool_size=2)
DOCUMENT = create_app(Database.at("postgresql://nowhere/none", SETTINGS), SETTINGS, web=False).openapi()
OPERATIONS = {
    found.ok().label: found.ok()
    for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    if isinstance(found, Ok)
}
FEW = examples(
    max_examples=int(os.environ.get("GRIDSVC_TEST_EXAMPLES", "3")),
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def address(town: Town) -> Iterator[str]:
    """Serve a copy of the town on a port of loopback."""
    with serving(create_app(Database.at(copy_database(town.url), SETTINGS), SETTINGS, web=False)) as place:
        yield place


# What makes the examples draws some of them in a way that hypothesis would rather not have.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize("mode", list(GenerationMode), ids=["allowed", "not allowed"])
@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_every_operation_answers_as_the_document_says(
    label: str, mode: GenerationMode, address: str, town: Town
) -> None:
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    @FEW
    def ask(case: Any) -> None:
        answer = case.call(base_url=address, headers={"Authorization": f"Bearer {town.tokens['admin']}"})
        # That a class or grid that is named is not there is no fault of the document's.
        passed_over: list[Any] = [positive_data_acceptance]
        if answer.status_code == 413:
            passed_over.append(negative_data_rejection)  # it was rejected: for its length, before it was read
        case.validate_response(answer, excluded_checks=passed_over)

    with suppress(Unsatisfiable):  # what takes nothing can be asked for nothing wrong
        ask()


def test_no_operation_of_the_document_is_left_out() -> None:
    methods = ("get", "put", "post", "patch", "delete")
    assert len(OPERATIONS) == sum(method in path for path in DOCUMENT["paths"].values() for method in methods)
