"""Every operation × everybody × every side: who may not is refused, and what is another's is as if it were not there."""

import pytest

from gridsvc.app.main import create_app
from gridsvc.core.db import Database
from gridsvc.core.settings import Settings
from tests.access.matrix.cells import cells_of, fault
from tests.access.matrix.ground import Ground
from tests.access.matrix.operations import DESCRIBED, OPERATIONS

SETTINGS = Settings()
FEWEST = 1_500


def described() -> set[str]:
    """List the operations of the OpenAPI document."""
    document = create_app(Database.at("postgresql://nowhere/none", SETTINGS), SETTINGS, web=False).openapi()
    return {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}


def test_the_matrix_has_every_operation_of_the_document() -> None:
    assert described() == set(DESCRIBED)
    assert sum(1 for label in OPERATIONS for _ in cells_of(label)) >= FEWEST


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_nobody_gets_what_is_not_theirs(label: str, ground: Ground) -> None:
    assert [wrong for cell in cells_of(label) if (wrong := fault(ground, cell))] == []
