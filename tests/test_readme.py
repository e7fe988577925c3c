"""The pages are true: sessions run, commands work, help is the help, links lead somewhere."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

HOUSE = Path(__file__).parents[1]
OUTLINE = [
    "Install",
    "Ten lines of Python",
    "Four commands",
    "What is in the file",
    "Streaming",
    "Training in Python",
    "Figures",
    "Security",
    "Limits, said plainly",
    "Where to read on",
    "Development",
]
HELP = re.compile(r"<!-- help: (seqrt ?[a-z]*) -->\n```text\n(.*?)```", re.DOTALL)
COPY = re.compile(r"<!-- file: (\S+) -->\n```python\n(.*?)```", re.DOTALL)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
OURS = re.compile(r"(?:[\w-]+/)*(?:[\w-]+\.py|[\w-]+/)|(?:tools|tests|seqrt)/[\w./-]+")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
NUMBER = re.compile(r"-?\d+\.\d+")


class Page(NamedTuple):
    """A page: its path from the root, its whole text, and the text around its fenced blocks."""

    name: str
    text: str
    prose: str

    @property
    def folder(self) -> Path:
        return (HOUSE / self.name).parent

    def blocks(self, language: str) -> list[str]:
        copies = {text for _, text in COPY.findall(self.text)}
        found = [text for kind, text in FENCE.findall(self.text) if kind == language]
        return [text for text in found if text not in copies]

    def spans(self) -> list[str]:
        return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", self.prose)]

    def anchors(self) -> set[str]:
        titles = re.findall(r"^#+ (.*)$", self.prose, re.MULTILINE)
        slugs = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
        return {*slugs, *re.findall(r'<a id="([^"]+)">', self.prose)}


def _page(path: Path) -> Page:
    text = path.read_text(encoding="utf-8")
    return Page(path.relative_to(HOUSE).as_posix(), text, FENCE.sub("", text))


def _pages() -> dict[str, Page]:
    paths = [HOUSE / "README.md", HOUSE / "CHANGELOG.md"]
    for room in ("models", "seqrt", "tests", "tools"):
        paths += sorted((HOUSE / room).rglob("*.md"))
    return {page.name: page for page in map(_page, paths)}


PAGES = _pages()
README, TOOLS, CLI = (PAGES[f"{place}README.md"] for place in ("", "tools/", "seqrt/cli/"))
HELPS = {command.strip(): text for command, text in HELP.findall(CLI.text)}

each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
with_python = [page for page in PAGES.values() if page.blocks("python")]
with_commands = [page for page in PAGES.values() if page.blocks("console")]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the shipped models, and tables with the names and columns of the pages."""
    shutil.copytree(HOUSE / "models", tmp_path / "models")
    years = np.arange(1700, 2009)
    spots = 60 + 50 * np.sin(years / 11 * 2 * np.pi) + years % 7
    rows = [f"{year},{value:.1f}" for year, value in zip(years, spots, strict=True)]
    (tmp_path / "sunspots.csv").write_text("\n".join(["YEAR,SUNACTIVITY", *rows]) + "\n")
    weeks = [f"{1900 + i},{'' if i % 9 == 5 else 300 + i % 7}" for i in range(200)]
    (tmp_path / "co2.csv").write_text("\n".join(["date,co2", *weeks]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shell(here):
    """Run a line of a page in `here`; training takes three epochs."""
    seqrt = here / "bin" / "seqrt"
    seqrt.parent.mkdir()
    seqrt.write_text(
        '#!/bin/sh\n[ "$1" = train ] && set -- "$@" --epochs 3\n'
        f'exec "{sys.executable}" -m seqrt "$@"\n'
    )
    seqrt.chmod(0o755)
    env = {**os.environ, "PATH": f"{seqrt.parent}{os.pathsep}{os.environ['PATH']}"}

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            line, shell=True, env=env, capture_output=True, text=True, check=False
        )

    return run


def test_the_readme_is_a_page_with_its_outline():
    titles = re.findall(r"^## (.*)$", README.prose, re.MULTILINE)

    assert titles == OUTLINE
    assert len(README.text.encode()) <= 13_000
    assert [line for line in README.text.splitlines() if len(line) > 120] == []


@pytest.mark.parametrize("page", with_python, ids=lambda page: page.name)
def test_its_python_runs_and_returns_what_it_shows(page, here):
    shared: dict[str, object] = {}
    for number, text in enumerate(page.blocks("python")):
        if ">>>" not in text:
            exec(compile(text, f"{page.name}, block {number}", "exec"), shared)  # noqa: S102 - ours
            continue
        test = doctest.DocTestParser().get_doctest(text, shared, f"block {number}", page.name, 0)
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
        found: list[str] = []
        runner.run(test, out=found.append, clear_globs=False)
        assert not runner.failures, "".join(found)
        shared = test.globs


@pytest.mark.parametrize("page", with_commands, ids=lambda page: page.name)
def test_its_commands_work_and_print_what_they_show(page, shell):
    for block in page.blocks("console"):
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            done = shell(command)

            assert done.returncode == 0, f"{command}: {done.stderr}"
            if shown:
                assert_alike(done.stdout, shown)


def assert_alike(got: str, shown: str) -> None:
    """Compare words exactly and numbers to four digits: their last bits are the processor's."""
    assert NUMBER.sub("#", got) == NUMBER.sub("#", shown)
    numbers = [np.array(NUMBER.findall(text), float) for text in (got, shown)]
    np.testing.assert_allclose(*numbers, rtol=1e-4)


def test_the_four_commands_leave_a_forecast(here, shell):
    for command in re.findall(r"^\$ (.*)$", README.blocks("console")[0], re.MULTILINE):
        assert shell(command).returncode == 0

    assert np.load(here / "sunspots.pred.npy").shape == (286, 1)


@pytest.mark.parametrize("command", HELPS)
def test_its_help_is_the_help(command):
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "80"},
    )

    lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
    assert HELPS[command].splitlines() == lines, "run tools/readme_help.py"


def test_the_help_of_every_command_is_shown():
    listed = HELPS["seqrt"].partition("\nCommands:\n")[2]

    commands = re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE)
    assert len(commands) >= 11
    assert set(HELPS) == {"seqrt", *(f"seqrt {command}" for command in commands)}


def test_files_are_shown_as_they_are():
    copies = [copy for page in PAGES.values() for copy in COPY.findall(page.text)]

    assert [name for name, _ in copies] == ["tests/recipes/ray_data.py", "tests/recipes/spark.py"]
    for name, shown in copies:
        assert shown == (HOUSE / name).read_text(encoding="utf-8"), "run tools/readme_help.py"


@each_page
def test_its_commands_have_the_options_it_names(page):
    lines = [
        line
        for kind in ("sh", "console")
        for block in page.blocks(kind)
        for line in block.splitlines()
    ]
    for line in [*lines, *page.spans()]:
        named = re.search(r"\bseqrt (train|[a-z]+)\b(.*)", line)
        if named and f"seqrt {named[1]}" in HELPS:
            known = set(OPTION.findall(HELPS[f"seqrt {named[1]}"] + HELPS["seqrt"]))
            assert set(OPTION.findall(named[2])) <= known, line


@each_page
def test_the_options_it_explains_exist(page):
    known = set(OPTION.findall("".join(HELPS.values())))
    for tool in (HOUSE / "tools").glob("*.py"):
        known |= set(re.findall(r'"(--[a-z-]+)"', tool.read_text(encoding="utf-8")))

    for span in page.spans():
        if span.startswith("--"):
            assert set(OPTION.findall(span)) <= known, span


@each_page
def test_its_links_lead_somewhere(page):
    for target in LINK.findall(page.prose):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.folder / path).resolve() if path else HOUSE / page.name
        assert file.is_relative_to(HOUSE), target
        assert file.is_file(), target
        if anchor:
            assert anchor in PAGES[file.relative_to(HOUSE).as_posix()].anchors(), target


def test_every_page_is_reached_from_the_readme():
    reached, todo = set(), ["README.md"]
    while todo:
        page = PAGES[todo.pop()]
        reached.add(page.name)
        for target in LINK.findall(page.prose):
            file = (page.folder / target.partition("#")[0]).resolve()
            name = file.relative_to(HOUSE).as_posix() if file.is_relative_to(HOUSE) else ""
            if name in PAGES and name not in reached:
                todo.append(name)

    assert sorted(set(PAGES) - reached) == []


@each_page
def test_the_files_it_names_exist(page):
    code = [*page.spans(), *page.blocks("sh"), *re.findall(r"^    .*$", page.prose, re.MULTILINE)]
    for word in " ".join(code).split():
        if OURS.fullmatch(word) and not word.startswith(("runs/", "models/", "search/")):
            assert (page.folder / word).exists() or (HOUSE / word).exists(), word


def test_every_tool_has_a_section():
    tools = {path.name for path in (HOUSE / "tools").iterdir() if path.is_file()}

    sections = re.findall(r"^### (\S+)$", TOOLS.prose, re.MULTILINE)
    assert sorted(sections) == sorted(tools - {"README.md", "constraints.txt"})


def test_the_measured_table_has_the_rows_and_bounds_of_the_tool(monkeypatch):
    monkeypatch.syspath_prepend(HOUSE / "tools")
    from side_by_side.rows import ROWS, TITLES, Measured

    marked = [page for page in PAGES.values() if "<!-- figures -->" in page.text]
    assert marked == [TOOLS]
    table = TOOLS.text.partition("<!-- figures -->")[2].partition("<!-- /figures -->")[0]
    lines = [line[2:-2].split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert lines[0] == list(TITLES)
    wanted = [Measured(row, [(1.0, 1.0)] * 2).cells()[:3] for row in ROWS.values()]
    assert [line[:3] for line in lines[2:]] == wanted


def test_the_shipped_models_prove_themselves_and_match_their_cards():
    import seqrt

    cards = sorted(path for path in (HOUSE / "models").glob("*.md") if path.name != "README.md")
    assert [path.stem for path in cards] == ["sunspots", "tutorial-lstm", "tutorial-rnn"]

    for path in cards:
        card, path = path.read_text(encoding="utf-8"), path.with_suffix(".onnx")
        model = seqrt.load(path)
        assert model.validate().ok
        assert model.digest in card
        assert f"{path.stat().st_size:,} bytes" in card
        assert f"{model.manifest.parity.runtime:.1e} from float64" in card
