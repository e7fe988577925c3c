"""What the README shows is true: its sessions run, its commands work, its help is the help."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HOUSE = Path(__file__).parents[1]
README = (HOUSE / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
RECIPES = [
    (HOUSE / "tests" / "recipes" / name).read_text(encoding="utf-8")
    for name in ("ray_data.py", "spark.py")
]
HELP = re.findall(r"<!-- help: seqrt ?([a-z]*) -->\n```text\n(.*?)```", README, re.DOTALL)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with the shipped models and series named like those in the README."""
    shutil.copytree(HOUSE / "models", tmp_path / "models")
    years = np.arange(1700, 2009)
    spots = 60 + 50 * np.sin(years / 11 * 2 * np.pi) + years % 7
    rows = [f"{year},{value:.1f}" for year, value in zip(years, spots, strict=True)]
    (tmp_path / "sunspots.csv").write_text("\n".join(["YEAR,SUNACTIVITY", *rows]) + "\n")
    weeks = [f"{1900 + i},{'' if i % 9 == 5 else 300 + i % 7}" for i in range(200)]
    (tmp_path / "co2.csv").write_text("\n".join(["date,co2", *weeks]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_its_python_runs_and_answers_as_it_says():
    shared: dict[str, object] = {}
    sessions = [text for language, text in BLOCKS if language == "python" and text not in RECIPES]
    assert len(sessions) >= 5

    for number, text in enumerate(sessions):
        if ">>>" not in text:
            exec(compile(text, f"README block {number}", "exec"), shared)  # noqa: S102 - our own
            continue
        test = doctest.DocTestParser().get_doctest(text, shared, f"block {number}", "README.md", 0)
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
        found: list[str] = []
        runner.run(test, out=found.append, clear_globs=False)
        assert not runner.failures, "".join(found)
        shared = test.globs


def test_its_recipes_are_those_that_tests_recipes_runs():
    shown = [text for language, text in BLOCKS if language == "python"]

    assert all(recipe in shown for recipe in RECIPES)


def test_its_commands_work_as_they_are_written():
    commands = [
        line.removeprefix("$ ")
        for language, text in BLOCKS
        if language == "console"
        for line in text.splitlines()
        if line.startswith("$ ")
    ]
    assert len(commands) >= 4

    for command in commands:
        assert command.startswith("seqrt ")
        words = command.split()[1:]
        if words[0] == "train":
            words += ["--epochs", "3"]
        done = subprocess.run(
            [sys.executable, "-m", "seqrt", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert Path("sunspots.pred.npy").exists()


@pytest.mark.parametrize(("words", "shown"), HELP, ids=[f"seqrt {words}" for words, _ in HELP])
def test_its_help_is_the_help(words, shown):
    done = subprocess.run(
        [sys.executable, "-m", "seqrt", *words.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "80"},
    )

    lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
    assert shown.splitlines() == lines, "run tools/readme_help.py"


def test_it_names_every_command_tool_and_file_as_they_are():
    tools = set(re.findall(r"`?(?:python )?(tools/[\w.]+)", README))

    assert len(tools) >= 5
    assert [name for name in tools if not (HOUSE / name).exists()] == []
    assert HELP


def test_the_shipped_models_prove_themselves_and_match_their_cards():
    import seqrt

    cards = sorted((HOUSE / "models").glob("*.md"))
    assert [path.stem for path in cards] == ["sunspots", "tutorial-lstm", "tutorial-rnn"]

    for path in cards:
        card, path = path.read_text(), path.with_suffix(".onnx")
        model = seqrt.load(path)
        assert model.validate().ok
        assert model.digest in card
        assert f"{path.stat().st_size:,} bytes" in card
        assert f"{model.manifest.parity.runtime:.1e} from float64" in card
