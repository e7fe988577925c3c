"""`seqrt bench`: real quick races, the JSON, and mistakes found before the race."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import seqrt
from seqrt.bench import race

NETS = Path(__file__).parents[2] / "runtime" / "nets"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def without_torch(monkeypatch):
    """Let the race believe that PyTorch is not installed."""
    monkeypatch.setattr(race, "find_spec", lambda name: None)


@pytest.fixture
def no_race(monkeypatch):
    """Fail if the race starts."""
    monkeypatch.setattr(race, "run_turn", lambda *_: pytest.fail("the race began"))


def test_a_program_gets_json_and_a_picture_is_drawn(run):
    path = NETS / "lstm-last.onnx"

    done = run("bench", path, "--quick", "--threads", 1, "--json", "-o", "race.png")

    answer = json.loads(done.out)
    assert done.code == 0
    assert answer["sha256"] == seqrt.load(path).digest
    assert answer["threads"] == 1
    assert answer["machine"]["product_gflops"] > 0
    assert list(answer["contenders"]) == ["seqrt", "onnxruntime", "torch"]
    for name, contender in answer["contenders"].items():
        figures = contender["figures"]
        gained = figures.pop("gained_mb")
        assert gained is None or isinstance(gained, float)
        assert all(value > 0 for value in figures.values()), name
    picture = Path("race.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert picture.rstrip()[-8:-4] == b"IEND"
    assert [path.name for path in Path().iterdir()] == ["race.png"]


def test_the_table_alone_is_on_stdout_and_the_talk_on_stderr(run, without_torch):
    done = run("bench", NETS / "rnn-bidirectional-last.onnx", "--quick", "--rounds", 2)

    lines = done.out.splitlines()
    assert done.code == 0
    assert lines[0].startswith("model     rnn-bidirectional-last (")
    assert lines[1].startswith("network   rnn 2 -> 6 -> 4 -> 2 bidirectional, ")
    assert "torch: not installed, skipped." in lines
    assert max(map(len, lines[1:])) <= 80
    assert done.err.splitlines() == [
        "round 1/2  seqrt",
        "round 1/2  onnxruntime",
        "round 1/2  numpy",
        "round 2/2  onnxruntime",
        "round 2/2  numpy",
        "round 2/2  seqrt",
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("--rounds", 0),
        ("--rounds", "many"),
        ("--threads", 0),
        ("-o", "race.pdf"),
        ("--slow",),
        ("another.onnx",),
    ],
    ids=str,
)
def test_a_wrong_option_is_exit_code_2(run, no_race, words):
    done = run("bench", NETS / "lstm-last.onnx", *words)

    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1


def test_a_picture_that_cannot_be_written_is_exit_code_7_before_the_race(run, no_race):
    done = run("bench", NETS / "lstm-last.onnx", "-o", "gone/race.png")

    assert (done.code, done.out) == (7, "")
    assert done.err.startswith("seqrt: E_OUTPUT_FOLDER: ")


def test_without_matplotlib_a_picture_is_exit_code_5_before_the_race(run, no_race, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    done = run("bench", NETS / "lstm-last.onnx", "-o", "race.png")

    assert (done.code, done.out) == (5, "")
    assert done.err == (
        "seqrt: drawing needs matplotlib. Install it with: pip install 'seqrt[train]'\n"
    )


def test_an_older_picture_is_kept_where_the_race_fails(run, monkeypatch):
    Path("race.png").write_text("older")
    monkeypatch.setattr(race, "_CODE", "raise SystemExit('no engine')")

    done = run("bench", NETS / "lstm-last.onnx", "-o", "race.png")

    assert (done.code, done.out) == (5, "")
    assert "E_BENCH: the turn of seqrt failed: no engine" in done.err
    assert Path("race.png").read_text() == "older"
    assert [path.name for path in Path().iterdir()] == ["race.png"]


def test_a_file_that_is_no_model_is_exit_code_4(run, no_race):
    Path("some.onnx").write_bytes(b"no model")

    assert run("bench", "some.onnx")[:2] == (4, "")


def test_without_a_model_it_says_how_to_make_one(run):
    done = run("bench")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("seqrt: there is no model in models/. Name one, or make one with:")
