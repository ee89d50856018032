"""The house keeps its shape: layers, sizes, names, and nothing in the repository that does not belong there."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "gridsvc").rglob("*.py"))
TOP = {
    *("gridsvc", "maps", "data", "tests", "docker", ".ci", ".github"),
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile", ".gitignore"),
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "service", "services", "manager", "managers"}
MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS, MOST_FILES = 400, 50, 6, 12
# Folders of one machine; put together, so that this file does not name them either.
OWN_PATHS = re.compile("(?:/" + "work/|/" + "root/|/" + r"home/\w+/)\S*")
# A command's parameters are its options, and typer reads them one by one.
OPTIONS = {"gridsvc/app/commands"}


def tracked() -> list[str]:
    """List the files git knows or would take; a copy without git is looked at as it is."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def test_the_layers_hold() -> None:
    checked = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    names = {name.split("/")[0] for name in tracked()}
    if not names:
        pytest.skip("not a git checkout")
    assert names <= TOP, names - TOP


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_a_sentence_and_keeps_its_size(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    tree = ast.parse(text)
    where = module.relative_to(ROOT)
    assert ast.get_docstring(tree), f"{where} has no opening sentence"
    assert len(text.splitlines()) <= MOST_LINES, f"{where} has two meanings in it"
    assert not VAGUE & {part.removesuffix(".py") for part in where.parts}, f"{where} says nothing by its name"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= MOST_FUNCTION_LINES, f"{where}: {node.name} has {lines} lines"
            if not any(str(where).startswith(folder) for folder in OPTIONS):
                arguments = len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs)
                own = arguments - (1 if node.args.args and node.args.args[0].arg in ("self", "cls") else 0)
                assert own <= MOST_PARAMETERS + 1, f"{where}: {node.name} has {own} parameters"


def test_no_folder_grows_beyond_a_handful_of_files() -> None:
    for folder in {module.parent for module in MODULES}:
        files = [file for file in folder.glob("*.py") if file.name != "__init__.py"]
        assert len(files) <= MOST_FILES, f"{folder.relative_to(ROOT)} has {len(files)} files"


def test_nothing_names_a_host_to_fetch_from_or_a_path_of_one_machine() -> None:
    # Put together, so that this file does not name them either.
    hosts = (
        "pypi" + ".org",
        "python" + "hosted.org",
        "registry.npm" + "js.org",
        "deb.deb" + "ian.org",
        "unpkg" + ".com",
    )
    found = []
    for name in tracked():
        path = ROOT / name
        if path.suffix in {".gz", ".pbf", ".png", ".ico"}:
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [f"{name}: {host}" for host in hosts if host in text]
        found += [f"{name}: {hit}" for hit in OWN_PATHS.findall(text)]
    assert found == []


def test_the_lock_file_holds_no_addresses() -> None:
    assert '"resolved"' not in (ROOT / "maps" / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in (ROOT / "docker" / "constraints.txt").read_text(encoding="utf-8")


def test_no_build_artefact_is_kept() -> None:
    built = re.compile(r"(^|/)(node_modules|dist|static|vendor|__pycache__)/|\.(pyc|min\.js|whl)$")
    assert [name for name in tracked() if built.search(name)] == []
