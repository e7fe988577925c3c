"""The page of the tools has a section for each, with its call, and the table is the tool's."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from pages import HOUSE, OPTION, PAGES, TOOLS


def sections_of_tools() -> dict[str, str]:
    parts = re.split(r"^### (.*)$", TOOLS.prose, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def options_of(script: Path) -> set[str]:
    """The options that a script adds to its parser and does not suppress."""
    found = set()
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument":
            text = ast.unparse(node)
            found |= set() if "SUPPRESS" in text else set(OPTION.findall(text.split(",")[0]))
    return found


def test_every_tool_has_a_section():
    tools = {path.name for path in (HOUSE / "tools").iterdir() if path.is_file()}

    sections = {title for title in sections_of_tools() if " " not in title}
    assert sections == tools - {"README.md", "constraints.txt"}


@pytest.mark.parametrize("title", [title for title in sections_of_tools() if title[-3:] == ".py"])
def test_a_script_and_its_section_name_its_call_and_all_its_options(title):
    script = HOUSE / "tools" / title
    docstring = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""

    for text in (sections_of_tools()[title], docstring):
        calls = re.findall(rf"^    python tools/{title}(.*)$", text, re.MULTILINE)
        assert calls or title == "mutants.py"
        assert set(OPTION.findall(" ".join(calls))) == options_of(script)


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


def test_a_measured_number_is_on_one_page():
    pages = [page for page in PAGES.values() if page.name.endswith("README.md")]
    measured = re.compile(r"\d\.\d+e-\d+|\d[\d.,]* (?:us|ms|MB|GB|GFLOP/s)\b")

    numbers = [number for page in pages for number in set(measured.findall(page.prose))]
    assert [number for number in set(numbers) if numbers.count(number) > 1] == []
    assert len(numbers) > 50
