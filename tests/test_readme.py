"""The pages are true: sessions run, commands work, help is the help, links lead somewhere."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from pages import CLI, COPY, HELPS, HOUSE, LINK, NUMBER, OPTION, OURS, PAGES, README

from seqrt import errors

OUTLINE = [
    "Install",
    "Ten lines of Python",
    "Four commands",
    "Forecasts",
    "Text",
    "What is in the file",
    "Streaming",
    "On servers, devices and web pages",
    "Training in Python",
    "Your own PyTorch module",
    "Figures",
    "Security",
    "Limits, said plainly",
    "Where to read on",
    "Development",
]
each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
with_python = [page for page in PAGES.values() if page.blocks("python")]
with_commands = [page for page in PAGES.values() if page.blocks("console")]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the models and the tables that the pages name."""
    shutil.copytree(HOUSE / "models", tmp_path / "models")
    for nets in ("tests/runtime/nets/text", "tests/runtime/nets/format2"):
        shutil.copytree(HOUSE / nets, tmp_path / nets)
    years = np.arange(1700, 2009)
    spots = 60 + 50 * np.sin(years / 11 * 2 * np.pi) + years % 7
    rows = [f"{year},{value:.1f}" for year, value in zip(years, spots, strict=True)]
    (tmp_path / "sunspots.csv").write_text("\n".join(["YEAR,SUNACTIVITY", *rows]) + "\n")
    weeks = [f"{1900 + i},{'' if i % 9 == 5 else 300 + i % 7}" for i in range(200)]
    (tmp_path / "co2.csv").write_text("\n".join(["date,co2", *weeks]) + "\n")
    (tmp_path / "shops.csv").write_text(shops(120))
    (tmp_path / "plan.csv").write_text(shops(120, planned=7))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shops(days: int, planned: int = 0) -> str:
    """Return the sales of two shops as CSV, and the promotions of some days to come."""
    lines = ["date,shop,weekday,promo,sales"]
    for level, shop in enumerate(("north", "south"), 1):
        for i in range(days + planned):
            day = np.datetime64("2024-01-01") + i
            promo = i * level % 5 == 0
            sales = "" if i >= days else f"{100 * level + 10 * promo + i % 7:.1f}"
            lines.append(f"{day},{shop},{day.item():%a},{promo},{sales}")
    return "\n".join(lines) + "\n"


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

    header, *rows = (here / "sunspots.pred.csv").read_text().splitlines()
    assert header == "YEAR,SUNACTIVITY+1"
    assert [row.split(",")[0] for row in rows] == [str(year) for year in range(1724, 2010)]


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


# What pip takes: the fixes of some errors name it.
OF_PIP = {"--force-reinstall", "--upgrade"}
SOURCES = {path: path.read_text(encoding="utf-8") for path in (HOUSE / "seqrt").rglob("*.py")}
CODE = re.compile(r"\bE_[A-Z_]*[A-Z]\b")


@each_page
def test_the_error_codes_it_names_exist(page):
    assert set(CODE.findall(page.text)) <= set(CODE.findall("".join(SOURCES.values())))


@each_page
def test_the_commands_it_names_exist(page):
    for span in page.spans():
        if named := re.match(r"seqrt [a-z]+", span):
            assert named[0] in HELPS, span


def test_the_commands_and_options_that_errors_and_help_name_exist():
    known = set(OPTION.findall("".join(HELPS.values()))) | OF_PIP
    for path, text in SOURCES.items():
        assert set(re.findall(r"`(seqrt [a-z]+)", text)) <= set(HELPS), path
        assert set(OPTION.findall(text)) <= known, path


def test_the_exit_codes_are_those_of_the_errors():
    table = re.findall(r"^\| (\d+) \| [^|]* \| (`.*`) \|$", CLI.text, re.MULTILINE)
    listed = {name: int(code) for code, names in table for name in re.findall(r"`(\w+)`", names)}

    leaves = {error for error in vars(errors).values() if isinstance(error, type)}
    leaves -= {errors.SeqrtError}

    assert listed == {error.__name__: error.exit_code for error in leaves}


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
