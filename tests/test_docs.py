"""What exists is written down: a setting, command, endpoint, layer, event or folder missing from README fails."""

import re
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from gridsvc.app.cli import cli
from gridsvc.app.tiles import LAYERS as TILE_LAYERS
from gridsvc.core.settings import Settings
from gridsvc.exchange.layers import LAYERS, STANDARDS
from gridsvc.incidents.actions import EVENTS
from tests.conftest import Service

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("setting", sorted(Settings.model_fields))
def test_every_setting_is_documented(setting: str) -> None:
    assert f"GRIDSVC_{setting.upper()}" in README


def commands(command: object, prefix: str = "") -> list[str]:
    """Name every command below one, with the words a person types."""
    inner = getattr(command, "commands", {})
    return [
        name
        for word, below in inner.items()
        for name in (commands(below, f"{prefix}{word} ") if getattr(below, "commands", None) else [f"{prefix}{word}"])
    ]


@pytest.mark.parametrize("command", commands(get_command(cli)))
def test_every_command_is_documented(command: str) -> None:
    assert isinstance(cli, typer.Typer)
    assert f"gridsvc {command}" in README


def test_every_endpoint_is_documented(service: Service) -> None:
    paths = service.client.get("/openapi.json").json()["paths"]
    assert len(paths) >= 24
    assert [path for path in paths if path.removeprefix("/api/v1") not in README] == []


@pytest.mark.parametrize("layer", sorted({*LAYERS, *TILE_LAYERS, *STANDARDS}))
def test_every_layer_is_documented(layer: str) -> None:
    assert f"`{layer}`" in README


def test_every_event_is_documented() -> None:
    kinds: set[str] = set()
    for module in (ROOT / "gridsvc").rglob("*.py"):
        kinds |= set(re.findall(r'record\(\s*session,\s*"([a-z_.]+)"', module.read_text(encoding="utf-8")))
    kinds |= set(EVENTS.values())
    assert len(kinds) >= 30
    assert sorted(kind for kind in kinds if f"`{kind}`" not in README) == []


def test_every_folder_is_on_the_map_of_the_code() -> None:
    folders = [path for path in (ROOT / "gridsvc").iterdir() if (path / "__init__.py").is_file()]
    tops = [ROOT / name for name in ("maps", "data", "tests", "docker")]
    assert [folder.name for folder in (*folders, *tops) if f"{folder.name}/" not in README] == []


def test_every_dependency_has_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r'^  "([A-Za-z0-9-]+)(?:\[[a-z,]+\])?>=', project.split("[project.optional")[0], re.MULTILINE)
    assert len(named) >= 15
    assert [name for name in named if name not in README] == []
