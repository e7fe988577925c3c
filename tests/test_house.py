"""The layout of the package: which room may import what, and which files belong where.

A room is a folder or a file of seqrt/. ROOMS says what each may import, and INNER_ROOMS the same
for the folders and files inside a room. The tests read the source files and compare.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

HOUSE = Path(__file__).parents[1]
SEQRT = HOUSE / "seqrt"


class Room:
    """What a room may import besides the standard library and itself.

    `inside` names what it may import only inside function bodies, or for type checkers alone, so
    that the room can be imported without it. "front" is seqrt/__init__.py, "version" its version.
    """

    def __init__(self, top: str, inside: str = "") -> None:
        self.top = set(top.split())
        self.inside = set(inside.split())


ROOMS = {
    "errors": Room(""),
    "colours": Room(""),
    "wording": Room(""),
    "drawing": Room("colours errors files wording numpy", inside="data forecasting matplotlib"),
    "contract": Room("errors"),
    "files": Room("errors"),
    "metrics": Room("errors numpy"),
    "metrics_by_series": Room("metrics wording numpy"),
    "numbers": Room("errors numpy"),
    "ranges": Room("contract numpy"),
    "encoding": Room("contract errors numbers numpy"),
    "text": Room("contract errors numpy"),
    "ahead": Room("contract encoding errors numpy"),
    "data": Room("ahead contract encoding errors numbers text wording numpy", inside="pyarrow"),
    "forecasting": Room("ahead data errors numpy", inside="statsforecast"),
    "runtime": Room(
        "ahead contract encoding errors numbers ranges text numpy", inside="onnxruntime"
    ),
    "serving": Room("contract errors runtime numpy starlette uvicorn"),
    "testing": Room("errors runtime numpy"),
    "training": Room(
        "colours contract data drawing encoding errors files forecasting metrics"
        " metrics_by_series numbers text version wording numpy safetensors tomli_w torch",
        inside="matplotlib optuna",
    ),
    "export": Room(
        "contract errors files version runtime text training numpy onnx sympy torch", inside="h5py"
    ),
    "demo": Room(
        "colours contract data drawing export files metrics runtime training numpy torch",
        inside="matplotlib",
    ),
    "bench": Room(
        "colours drawing errors numpy",
        inside="contract matplotlib onnxruntime runtime torch version",
    ),
    "cli": Room(
        "errors wording typer",
        inside="ahead bench contract data demo drawing encoding export files forecasting front"
        " metrics metrics_by_series numbers ranges runtime serving text training numpy rich torch",
    ),
    "__init__": Room("errors", inside="runtime"),
    "__main__": Room("", inside="cli"),
}

# For each room with folders, what its folders and files may import of each other, at the top of a
# file or inside a function body. "*" stands for the files that have no line of their own.
INNER_ROOMS = {
    "contract": {
        "protobuf": "",
        "seal": "",
        "strict_json": "",
        "onnx_reader": "protobuf",
        "measured": "",
        "columns": "strict_json",
        "format2": "strict_json",
        "quantiles": "strict_json",
        "text": "strict_json",
        "manifest": "columns format2 measured quantiles strict_json text",
        "__init__": "columns manifest measured seal",
        "idioms": "__init__ format2 manifest onnx_reader",
        "operators": "idioms manifest onnx_reader",
        "operators_format2": "idioms manifest onnx_reader operators",
        "guard_records": "__init__ idioms manifest onnx_reader operators protobuf",
        "guard_missing": "idioms manifest onnx_reader operators",
        "guard_format2": "__init__ format2 guard_missing idioms onnx_reader operators",
        "small_weights": "guard_missing idioms onnx_reader operators",
        "guard": "__init__ guard_format2 guard_missing guard_records idioms manifest onnx_reader"
        " operators operators_format2 small_weights",
    },
    "export": {
        "__init__": "from_keras from_onnx to_c write",
        "graph": "",
        "*": "graph",
        "to_c": "",
        "untrusted": "",
        "own_forward": "",
        "small_weights": "* graph",
        "write": "* foreign forecasting graph small_weights",
        "foreign": "* graph",
        "forecasting": "* graph",
        "keras": "own_forward untrusted",
        "from_keras": "keras write",
        "onnx_in": "foreign own_forward untrusted",
        "from_onnx": "foreign onnx_in untrusted write",
    },
    "cli": {
        "__init__": "entry",
        "entry": "* app",
        "app": "commands",
        "commands": "* describing exporting judging predictions streaming",
        "describing": "*",
        "exporting": "*",
        "judging": "* predictions",
        "predictions": "*",
        "streaming": "* predictions",
        "*": "",
    },
    "data": {
        "__init__": "ordering readers sequences table timeline windowing windows",
        "limits": "",
        "windows": "",
        "ragged": "limits windows",
        "labels": "",
        "padding": "",
        "feature_cast": "",
        "list_columns": "feature_cast sequences table",
        "sequences": "feature_cast padding ragged",
        "table": "",
        "runs": "",
        "understanding": "table",
        "steps": "",
        "timeline": "steps table windowing",
        "wide": "runs table timeline",
        "ordering": "steps table timeline wide",
        "windowing": "ragged runs",
        "known_ahead": "timeline",
        "serving": "known_ahead labels sequences table timeline windowing",
        "readers": "feature_cast limits sequences table",
        "texts": "labels ragged table windowing",
        "slices": "feature_cast padding ragged readers runs sequences serving table texts timeline"
        " windows",
        "predicted": "known_ahead readers runs sequences serving slices texts timeline wide",
        "writers": "",
    },
    "encoding": {
        "__init__": "",
        "cells": "",
        "text": "cells",
        "notation": "text",
        "*": "cells notation text",
    },
    "runtime": {
        "__init__": "live loading model",
        "types": "",
        "out_of_memory": "",
        "inputs": "types",
        "opening": "inputs out_of_memory",
        "compute": "inputs opening out_of_memory types",
        "live": "compute inputs out_of_memory types",
        "proving": "compute inputs opening out_of_memory types",
        "forecasts": "compute inputs",
        "text": "compute out_of_memory types",
        "facts": "compute opening",
        "reading": "compute facts inputs out_of_memory types",
        "generating": "out_of_memory reading text",
        "model": "compute forecasts generating inputs live opening out_of_memory proving types",
        "loading": "model opening",
        "memory": "inputs model out_of_memory proving types",
    },
    "training": {
        "__init__": "experiments inputs loop networks problems runs",
        "kernels": "",
        "networks": "kernels",
        "inputs": "networks",
        "problems": "inputs networks",
        "loop": "inputs kernels networks",
        "forecasting": "inputs networks problems",
        "runs": "forecasting inputs loop networks problems",
        "experiments": "forecasting inputs kernels loop networks problems runs",
    },
}

TOP_LEVEL = {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"}
TOP_LEVEL |= {"models", "seqrt", "tests", "tools"}
MEANINGLESS = {"base", "common", "core", "helper", "helpers", "misc", "util", "utils"}
LONGEST_FILE = 300

FILES = sorted(SEQRT.rglob("*.py"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))


class Import(NamedTuple):
    """One imported name in full, its line, and whether importing the file already loads it."""

    name: str
    line: int
    at_top: bool

    @property
    def room(self) -> str:
        """The room of seqrt, or the package, that the name belongs to."""
        parts = self.name.split(".")
        if parts[0] != "seqrt":
            return parts[0]
        if parts[1:] == ["__version__"]:
            return "version"
        return parts[1] if len(parts) > 1 and parts[1] in ROOMS else "front"

    @property
    def path(self) -> Path | None:
        """The file of seqrt that the name belongs to, None for a name of another package."""
        parts = self.name.split(".")
        while parts[0] == "seqrt":
            module = HOUSE.joinpath(*parts)
            if module.with_suffix(".py").exists():
                return module.with_suffix(".py")
            if (module / "__init__.py").exists():
                return module / "__init__.py"
            parts.pop()
        return None


def room_of(path: Path) -> str:
    return path.relative_to(SEQRT).parts[0].removesuffix(".py")


def inner_room_of(path: Path) -> str:
    """The folder or file inside its room that a file belongs to, as INNER_ROOMS names it."""
    room, name, *_ = path.relative_to(SEQRT).parts
    name = name.removesuffix(".py")
    return name if name in INNER_ROOMS[room] or "*" not in INNER_ROOMS[room] else "*"


def imports_of(path: Path) -> list[Import]:
    return list(_imports(ast.parse(path.read_text(encoding="utf-8")), at_top=True))


def _imports(node: ast.AST, at_top: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, at_top)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: imports are written in full"
            for alias in child.names:
                yield Import(f"{child.module}.{alias.name}", child.lineno, at_top)
        else:
            lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or (
                isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            )
            yield from _imports(child, at_top and not lazy)


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600
    )
    return done.stdout


def loaded_by(code: str, *packages: str) -> set[str]:
    """Those of `packages` that a new Python process has loaded after `code`."""
    names = run_python(f"{code}\nimport sys\nprint(*(p for p in {packages!r} if p in sys.modules))")
    return set(names.split())


# Rooms


@each_file
def test_a_file_imports_only_what_its_room_may(path):
    room = room_of(path)
    assert room in ROOMS, f"{room} is not a room: add it to ROOMS and to the design"
    may = ROOMS[room].top | ROOMS[room].inside | {room} | sys.stdlib_module_names

    forbidden = [i for i in imports_of(path) if i.room not in may]

    assert forbidden == []


@each_file
def test_a_file_can_be_imported_without_what_is_for_function_bodies_only(path):
    lazy = ROOMS[room_of(path)].inside

    loaded_too_early = [i for i in imports_of(path) if i.at_top and i.room in lazy]

    assert loaded_too_early == []


def test_every_room_of_the_table_is_there():
    rooms = {room_of(path) for path in FILES}

    assert rooms == set(ROOMS)


def test_no_room_imports_one_above_it():
    order = ["errors", "contract", "runtime", "training", "export", "cli"]

    for height, room in enumerate(order):
        reached = ROOMS[room].top | ROOMS[room].inside
        assert reached.isdisjoint(order[height + 1 :])

    assert "training" not in ROOMS["runtime"].top, "the two halves meet only in the file"
    assert "runtime" not in ROOMS["training"].top, "the two halves meet only in the file"


# Inside the rooms


@pytest.mark.parametrize("room", INNER_ROOMS)
def test_a_folder_of_a_room_imports_only_those_below_it(room):
    may = {name: {name, *below.split()} for name, below in INNER_ROOMS[room].items()}
    files = [path for path in FILES if room_of(path) == room]

    forbidden = [
        (str(path.relative_to(SEQRT)), each)
        for path in files
        for each in imports_of(path)
        if each.room == room and inner_room_of(each.path) not in may[inner_room_of(path)]
    ]

    assert forbidden == []


def test_the_table_has_every_room_with_folders_and_all_that_is_in_it():
    inner = {room: set() for room in ROOMS if (SEQRT / room).is_dir()}
    for path in FILES:
        room, *names = path.relative_to(SEQRT).parts
        if len(names) > 1:
            inner[room].add(names[0])

    assert {room for room in inner if inner[room]} == set(INNER_ROOMS)
    for room, table in INNER_ROOMS.items():
        assert {inner_room_of(path) for path in FILES if room_of(path) == room} == set(table)
        assert inner[room] <= set(table), "a folder has a line of its own"


@pytest.mark.parametrize("room", INNER_ROOMS)
def test_no_folder_of_a_room_imports_one_above_it(room):
    order = TopologicalSorter(
        {name: set(below.split()) for name, below in INNER_ROOMS[room].items()}
    )

    order.prepare()  # raises CycleError


def test_no_file_imports_itself_by_way_of_others():
    imported = {path: {i.path for i in imports_of(path)} - {None, path} for path in FILES}

    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(str(path.relative_to(SEQRT)) for path in error.args[1]))


# Tests


def test_the_tests_of_the_runtime_need_no_more_than_an_embedding_user_has():
    may = {"front", "runtime", "testing", "contract", "errors", "numpy", "onnxruntime"}
    may |= {"pytest", "hypothesis", "reference"} | sys.stdlib_module_names
    tests = HOUSE / "tests"
    files = [*tests.glob("runtime/**/*.py"), *tests.glob("testing/**/*.py")]
    files += tests.glob("reference.py")
    assert files

    forbidden = [(f.name, i) for f in files for i in imports_of(f) if i.room not in may]

    assert forbidden == []


def test_tests_are_in_a_folder_named_after_the_room_they_test():
    # Two belong to no room: recipes for other hosts, and attacks, which test the file as a whole
    # and are built with onnx, which tests of the runtime must do without.
    assert _test_folders(HOUSE / "tests") - {"attacks", "recipes"} <= set(ROOMS)


@pytest.mark.parametrize("room", INNER_ROOMS)
def test_each_folder_of_a_room_has_a_folder_of_tests(room):
    folders = {path.parent.name for path in FILES if path.parent.parent == SEQRT / room}

    assert _test_folders(HOUSE / "tests" / room) == folders


def _test_folders(place: Path) -> set[str]:
    return {path.parent.name for path in place.glob("*/test_*.py")}


# What a new Python process loads

HEAVY = ("matplotlib", "onnx", "onnxruntime", "pandas", "pyarrow", "rich", "torch", "typer")


def test_import_seqrt_loads_nothing_heavy():
    assert loaded_by("import seqrt", *HEAVY, "numpy") == set()


def test_the_runtime_loads_onnxruntime_and_numpy_and_nothing_of_the_other_half():
    code = (
        "import seqrt\nseqrt.load\n"
        "from seqrt.runtime.opening.installed import onnxruntime\nonnxruntime()"
    )

    assert loaded_by(code, *HEAVY, "numpy") == {"numpy", "onnxruntime"}


def test_the_command_line_starts_with_typer_alone():
    assert loaded_by("import seqrt.cli.app", *HEAVY, "numpy") == {"typer"}


def test_the_package_has_every_name_in_its_all():
    code = "import seqrt\nfor n in seqrt.__all__: getattr(seqrt, n)\nprint(*dir(seqrt))"

    offered = run_python(code).split()

    assert {"load", "Model", "Stream", "SeqrtError", "__version__"} <= set(offered)


# Top-level files


def test_only_known_files_and_folders_are_at_the_top():
    if not (HOUSE / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=True)

    entries = {line.strip('"').split("/")[0] for line in listed.stdout.splitlines()}

    assert "seqrt" in entries
    assert {entry for entry in entries if not entry.startswith(".")} <= TOP_LEVEL


# Names and sizes


def test_no_file_has_a_meaningless_name():
    paths = [p for place in ("seqrt", "tests", "tools") for p in (HOUSE / place).rglob("*")]

    ours = [p for p in paths if "node_modules" not in p.parts]
    meaningless = [p for p in ours if p.stem.removeprefix("test_") in MEANINGLESS]

    assert len(paths) > len(FILES)
    assert meaningless == []


@each_file
def test_no_class_is_a_manager(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))

    classes = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]

    assert [name for name in classes if name.endswith("Manager")] == []


@each_file
def test_a_file_is_short_enough_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


# Docstrings, and what a library must not do


@each_file
def test_a_file_starts_with_a_docstring(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))

    docstring, first = ast.get_docstring(tree), tree.body[1]

    assert docstring
    assert ast.unparse(first) == "from __future__ import annotations"


@each_file
def test_every_public_function_and_class_has_a_docstring(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))

    undocumented = [node.name for node in _public(tree) if not ast.get_docstring(node)]

    assert undocumented == []


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
