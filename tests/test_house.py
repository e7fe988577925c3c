"""The plan of the house, held: which room may carry what, and what may stand in the hall.

The table is the one of the design; everything else here only reads files and compares.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

HOUSE = Path(__file__).parents[1]
SEQRT = HOUSE / "seqrt"


class Room:
    """What a room may import besides the standard library and itself.

    `inside` names what it may import only inside function bodies (or for type checkers alone), so
    that the room opens without it. "front" is seqrt/__init__.py, "version" its version alone.
    """

    def __init__(self, top: str, inside: str = "") -> None:
        self.top = set(top.split())
        self.inside = set(inside.split())


ROOMS = {
    "errors": Room(""),
    "contract": Room("errors"),
    "files": Room("errors"),
    "metrics": Room("errors numpy"),
    "numbers": Room("errors numpy"),
    "data": Room("contract errors files numbers numpy", inside="pyarrow"),
    "runtime": Room("contract errors numbers numpy", inside="onnxruntime"),
    "testing": Room("contract errors runtime numpy"),
    "training": Room(
        "contract data errors files metrics numbers version numpy safetensors tomli_w torch",
        inside="matplotlib optuna",
    ),
    "export": Room("contract errors files version runtime training numpy onnx torch"),
    "demo": Room(
        "contract data export files metrics runtime training numpy torch", inside="matplotlib"
    ),
    "bench": Room(
        "contract errors files runtime numpy", inside="matplotlib onnxruntime torch version"
    ),
    "cli": Room(
        "errors typer",
        inside="bench contract data demo export files front metrics runtime training"
        " numpy rich torch",
    ),
    "__init__": Room("errors", inside="runtime"),
    "__main__": Room("", inside="cli"),
}

HALL = {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"}
HALL |= {"models", "seqrt", "tests", "tools"}
SAYS_NOTHING = {"base", "common", "core", "helper", "helpers", "misc", "util", "utils"}
LONGEST_FILE = 300

FILES = sorted(SEQRT.rglob("*.py"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))


class Import(NamedTuple):
    """One name that a file imports, the line, and whether opening the file already loads it."""

    carries: str
    line: int
    at_top: bool


def room_of(path: Path) -> str:
    return path.relative_to(SEQRT).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[Import]:
    return list(_imports(ast.parse(path.read_text(encoding="utf-8")), at_top=True))


def _imports(node: ast.AST, at_top: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(_carried(alias.name.split(".")), child.lineno, at_top)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: imports are written in full"
            for alias in child.names:
                full = [*(child.module or "").split("."), alias.name]
                yield Import(_carried(full), child.lineno, at_top)
        else:
            lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or (
                isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            )
            yield from _imports(child, at_top and not lazy)


def _carried(parts: list[str]) -> str:
    """The room of seqrt, or the package, that an import reaches."""
    if parts[0] != "seqrt":
        return parts[0]
    if parts[1:] == ["__version__"]:
        return "version"
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else "front"


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def loaded_by(code: str, *packages: str) -> set[str]:
    """Those of `packages` that a fresh Python holds after `code`."""
    held = run_python(f"{code}\nimport sys\nprint(*(p for p in {packages!r} if p in sys.modules))")
    return set(held.split())


# Rooms


@each_file
def test_a_file_carries_only_what_its_room_may(path):
    room = room_of(path)
    assert room in ROOMS, f"{room} is no room of the plan: add it to ROOMS and to the design"
    may = ROOMS[room].top | ROOMS[room].inside | {room} | sys.stdlib_module_names

    carried_too_much = [i for i in imports_of(path) if i.carries not in may]

    assert carried_too_much == []


@each_file
def test_a_file_opens_without_what_is_for_function_bodies_only(path):
    lazy = ROOMS[room_of(path)].inside

    loaded_too_early = [i for i in imports_of(path) if i.at_top and i.carries in lazy]

    assert loaded_too_early == []


def test_every_room_of_the_plan_is_there():
    rooms = {room_of(path) for path in FILES}

    assert rooms == set(ROOMS)


def test_no_room_reaches_back_up():
    order = ["errors", "contract", "runtime", "training", "export", "cli"]

    for height, room in enumerate(order):
        reached = ROOMS[room].top | ROOMS[room].inside
        assert reached.isdisjoint(order[height + 1 :])

    assert "training" not in ROOMS["runtime"].top, "the two halves meet only in the file"
    assert "runtime" not in ROOMS["training"].top, "the two halves meet only in the file"


def test_the_tests_of_the_runtime_need_no_more_than_an_embedding_user_has():
    may = {"front", "runtime", "testing", "contract", "errors", "numpy", "onnxruntime"}
    may |= {"pytest", "hypothesis", "reference"} | sys.stdlib_module_names
    tests = HOUSE / "tests"
    files = [*tests.glob("runtime/**/*.py"), *tests.glob("testing/**/*.py")]
    files += tests.glob("reference.py")
    assert files

    carried_too_much = [(f.name, i) for f in files for i in imports_of(f) if i.carries not in may]

    assert carried_too_much == []


def test_tests_stand_in_a_folder_of_the_room_they_judge():
    folders = {path.name for path in (HOUSE / "tests").iterdir() if path.is_dir()}

    # Two are of no room: recipes for other hosts, and attacks, which are built with onnx, as tests
    # of the runtime may not be, and aim at the file, which is no room's alone.
    assert folders - {"__pycache__", "attacks", "recipes"} <= set(ROOMS)


# What a fresh Python loads

HEAVY = ("matplotlib", "onnx", "onnxruntime", "pandas", "pyarrow", "rich", "torch", "typer")


def test_import_seqrt_loads_nothing_heavy():
    assert loaded_by("import seqrt", *HEAVY, "numpy") == set()


def test_the_runtime_loads_onnxruntime_and_numpy_and_nothing_of_the_other_half():
    code = (
        "import seqrt\nseqrt.load\n"
        "from seqrt.runtime.opening.installed import onnxruntime\nonnxruntime()"
    )

    assert loaded_by(code, *HEAVY, "numpy") == {"numpy", "onnxruntime"}


def test_the_command_line_opens_with_typer_alone():
    assert loaded_by("import seqrt.cli.app", *HEAVY, "numpy") == {"typer"}


def test_the_front_door_offers_what_it_names():
    code = "import seqrt\nfor n in seqrt.__all__: getattr(seqrt, n)\nprint(*dir(seqrt))"

    offered = run_python(code).split()

    assert {"load", "Model", "Stream", "SeqrtError", "__version__"} <= set(offered)


# The hall


def test_only_what_belongs_there_stands_at_the_top():
    if not (HOUSE / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=True)

    entries = {line.strip('"').split("/")[0] for line in listed.stdout.splitlines()}

    assert "seqrt" in entries
    assert {entry for entry in entries if not entry.startswith(".")} <= HALL


# Names and sizes


def test_no_file_has_a_name_that_says_nothing():
    paths = [p for place in ("seqrt", "tests", "tools") for p in (HOUSE / place).rglob("*")]

    nameless = [p for p in paths if p.stem.removeprefix("test_") in SAYS_NOTHING]

    assert len(paths) > len(FILES)
    assert nameless == []


@each_file
def test_no_class_is_a_manager(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))

    classes = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]

    assert [name for name in classes if name.endswith("Manager")] == []


@each_file
def test_a_file_is_short_enough_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


# Voice


@each_file
def test_a_file_opens_with_its_idea(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))

    docstring, first = ast.get_docstring(tree), tree.body[1]

    assert docstring
    assert ast.unparse(first) == "from __future__ import annotations"


@each_file
def test_every_public_thing_says_what_it_gives(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))

    silent = [node.name for node in _public(tree) if not ast.get_docstring(node)]

    assert silent == []


def _public(node: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The public functions, classes and methods of a module."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from _public(child)


LEAVING = {"print", "exit", "quit", "sys.exit", "os._exit", "breakpoint"}


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if room_of(path) not in ("cli", "__main__")],
    ids=lambda path: str(path.relative_to(HOUSE)),
)
def test_the_library_never_prints_and_never_exits(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))

    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]

    assert LEAVING.isdisjoint(calls)
