"""`seqrt stream`: a line in, a prediction out, and the state after the last prediction."""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import seqrt
from seqrt.runtime.opening.session import auto_device

HOUSE = Path(__file__).parents[3]
NETS = HOUSE / "tests" / "runtime" / "nets"
LSTM, TAGGER = NETS / "lstm-last.onnx", NETS / "gru-sequence.onnx"
SPOTS = HOUSE / "models" / "sunspots.onnx"


@pytest.fixture
def stream(run, monkeypatch):
    """Call `seqrt stream` in this process with some bytes on stdin."""

    def call(data, *words, model=LSTM):
        raw = data.encode() if isinstance(data, str) else data
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        return run("stream", model, *words)

    return call


@pytest.fixture
def live(tmp_path):
    """Start `seqrt stream` in a process of its own, which is ended after the test."""
    started = []

    def start(*words, model=LSTM):
        plain = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "seqrt", "stream", str(model), *map(str, words)]
        pipes = {"stdin": pipe, "stdout": pipe, "stderr": pipe, "bufsize": 0}
        started.append(subprocess.Popen(command, env=plain, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()


def _names(path=LSTM):
    manifest = seqrt.load(path).manifest
    return [c.name for c in manifest.features], [c.name for c in manifest.outputs]


def _alone(steps, path=LSTM, saved=None):
    """Return the predictions of a Stream, step by step, and its state after them."""
    one = seqrt.load(path).stream(saved)
    return [one.push(np.array(step, np.float32)) for step in steps], one.save()


def _numbers(text):
    return [np.array(line.split(","), np.float32) for line in text.splitlines()]


def _same(got, want):
    np.testing.assert_array_equal(np.array(got, np.float32), np.array(want, np.float32))


STEPS = [[1.0, 0.5], [2.5, -1.0], [3.0, 0.25], [29.0, -2.0]]
PLAIN = "".join(f"{a},{b}\n" for a, b in STEPS)


# Formats


@pytest.mark.parametrize("model", [LSTM, TAGGER])
def test_a_line_without_names_is_a_step_in_the_order_of_the_model(stream, model):
    done = stream(PLAIN, model=model)

    assert (done.code, done.err) == (0, "")
    _same(_numbers(done.out), _alone(STEPS, model)[0])


def test_auto_says_on_stderr_which_device_it_came_to(stream):
    device, why = auto_device()

    done = stream(PLAIN, "--device", "auto", "--tf32")

    assert (done.code, done.err) == (0, f"device: {device} (auto; {why})\n")
    assert len(_numbers(done.out)) == len(STEPS)


def test_columns_are_found_by_name_and_the_answers_have_names_too(stream):
    (a, b), outputs = _names()
    rows = [f"{day},{y},{x}" for day, (x, y) in enumerate(STEPS)]

    done = stream("\n".join([f"day,{b},{a}", *rows]) + "\n")

    header, answers = done.out.split("\n", 1)
    assert done.code == 0
    assert header == ",".join(outputs)
    _same(_numbers(answers), _alone(STEPS)[0])


@pytest.mark.parametrize("mark", [";", "\t"])
def test_the_mark_between_cells_is_the_one_of_the_input(stream, mark):
    done = stream(PLAIN.replace(",", mark))

    assert done.out.replace(mark, ",") == stream(PLAIN).out


def test_lists_are_answered_by_lists_and_objects_by_objects(stream):
    (a, b), outputs = _names()
    lines = [json.dumps(STEPS[0]), *(json.dumps({b: y, a: x, "t": 0}) for x, y in STEPS[1:])]

    done = stream("\n".join(lines))

    first, *rest = map(json.loads, done.out.splitlines())
    want = _alone(STEPS)[0]
    assert done.code == 0
    _same(first, want[0])
    assert [list(answer) for answer in rest] == [outputs] * 3
    _same([list(answer.values()) for answer in rest], want[1:])


def test_blank_lines_line_ends_and_marks_of_other_systems_do_not_matter(stream):
    odd = "\ufeff\r\n" + PLAIN.replace("\n", "\r\n\r\n  \r\n")

    assert stream(odd).out == stream(PLAIN).out


@pytest.mark.parametrize("data", ["", "\n\n"])
def test_nothing_in_is_nothing_out(stream, data):
    assert stream(data) == (0, "", "stdin is empty: there is nothing to predict\n")


def test_a_first_line_of_names_alone_is_answered_by_names_alone(stream):
    (a, b), outputs = _names()

    assert stream(f"{a},{b}\n").out == ",".join(outputs) + "\n"


# Keys


def test_a_key_column_makes_it_many_streams(stream):
    (a, b), outputs = _names()
    rng = np.random.default_rng(0)
    keys = [f"car {i}, red" for i in rng.integers(0, 9, 200)]
    steps = rng.random((200, 2)).round(3).tolist()
    rows = [f'{x},"{key}",{y}' for key, (x, y) in zip(keys, steps, strict=True)]

    done = stream("\n".join([f"{a},car,{b}", *rows]) + "\n", "--key", "car")

    header, *answers = done.out.splitlines()
    assert done.code == 0
    assert header == ",".join(["car", *outputs])
    for key in set(keys):
        mine = [i for i, k in enumerate(keys) if k == key]
        assert all(answers[i].startswith(f'"{key}",') for i in mine)
        got = [answers[i].removeprefix(f'"{key}",').split(",") for i in mine]
        _same(got, _alone([steps[i] for i in mine])[0])


def test_keys_in_json_keep_their_kind(stream):
    (a, b), outputs = _names()
    lines = [json.dumps({"id": key, a: 1, b: 2}) for key in (7, "7", "ü", 7)]

    done = stream("\n".join(lines) + "\n", "--key", "id")

    answers = [json.loads(line) for line in done.out.splitlines()]
    assert [answer["id"] for answer in answers] == [7, "7", "ü", 7]
    assert list(answers[0]) == ["id", *outputs]
    assert answers[0][outputs[0]] == answers[1][outputs[0]] != answers[3][outputs[0]]


# State


@pytest.mark.parametrize("words", [(), ("--key", "car")])
def test_a_saved_state_goes_on_in_another_call(stream, tmp_path, words):
    (a, b), _ = _names()
    rows = [f"car-{i % 2},{x},{y}\n" for i, (x, y) in enumerate(STEPS)]
    names, state = f"car,{a},{b}\n", tmp_path / "state"
    whole = stream(names + "".join(rows), *words).out.splitlines()

    first = stream(names + "".join(rows[:2]), *words, "--save", state)
    second = stream(names + "".join(rows[2:]), *words, "--save", state, "--restore", state)

    assert (first.code, second.code) == (0, 0)
    assert first.out.splitlines() + second.out.splitlines()[1:] == whole
    model = seqrt.load(LSTM)
    if words:
        assert list(model.streams(state.read_bytes())) == ["car-0", "car-1"]
    else:
        assert state.read_bytes() == _alone(STEPS)[1]


def test_a_state_of_another_model_or_another_kind_is_refused(stream, tmp_path):
    state = tmp_path / "state"
    stream(PLAIN, "--save", state)

    other = stream(PLAIN, "--restore", state, model=TAGGER)
    many = stream(PLAIN, "--restore", state, "--key", "car")

    assert (other.code, other.out) == (3, "")
    assert "E_STATE_MODEL: " in other.err
    assert (many.code, many.out) == (3, "")
    assert many.err.endswith("Check whether it was saved with --key or without.\n")


def test_a_state_that_is_not_there_is_named(stream, tmp_path):
    done = stream(PLAIN, "--restore", tmp_path / "none")

    assert done.code == 3
    assert "none does not exist" in done.err


def test_a_place_that_cannot_be_written_is_said_before_the_first_line(stream, tmp_path):
    done = stream(PLAIN, "--save", tmp_path / "no" / "state")

    assert (done.code, done.out) == (7, "")
    assert "E_OUTPUT_FOLDER" in done.err


# Errors


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("3,x\n", "E_INPUT_NUMBER: stdin, line 6: {b} must be a finite float32 number, got 'x'"),
        ("3,\n", "E_INPUT_NUMBER: stdin, line 6: {b} must be a finite float32 number, got ''"),
        ("3,nan\n", "E_INPUT_NUMBER: stdin, line 6: {b} must be"),
        ("1e39,3\n", "E_INPUT_NUMBER: stdin, line 6: {a} must be"),
        ("1_0,3\n", "E_INPUT_NUMBER: stdin, line 6: {a} must be"),
        ("3\n", "E_INPUT_RAGGED: stdin, line 6: the line must have 2 cells, got 1"),
        ('3,"4\n', "E_INPUT_FORMAT: stdin, line 6: the line must be CSV ("),
        ("3,4", "E_INPUT_TRUNCATED: stdin, line 6: the last line must end with a newline"),
        (b"3,\xff\n", "E_INPUT_ENCODING: stdin, line 6: the line must be UTF-8 text"),
        ("9" * 1_100_000, "E_INPUT_FORMAT: stdin, line 6: a line must be at most 1,048,576 bytes"),
    ],
)
def test_a_bad_line_of_csv_is_named_after_all_before_it_were_answered(
    stream, tmp_path, bad, message
):
    (a, b), _ = _names()
    bad = bad if isinstance(bad, bytes) else bad.encode()
    state = tmp_path / "state"

    done = stream(PLAIN.encode() + b"\n" + bad, "--save", state)

    assert done.code == 3
    assert done.err.startswith("seqrt: " + message.format(a=a, b=b))
    assert done.err.count("\n") == 1
    _same(_numbers(done.out), _alone(STEPS)[0])
    assert state.read_bytes() == _alone(STEPS)[1]


@pytest.mark.parametrize(
    ("bad", "words", "message"),
    [
        ("[1, null]\n", (), "E_INPUT_NUMBER: stdin, line 2: {b} must be a finite float32"),
        ("[1, true]\n", (), "E_INPUT_NUMBER: stdin, line 2: {b} must be a finite float32"),
        ("[1, NaN]\n", (), "E_INPUT_NONFINITE: stdin, line 2: {b} must be a finite float32"),
        ("[1, " + "9" * 400 + "]\n", (), "E_INPUT_NUMBER: stdin, line 2: {b} must be a finite"),
        (
            "[1]\n",
            (),
            "E_INPUT_SHAPE: stdin, line 2: the list must hold 2 numbers ({a}, {b}), got 1",
        ),
        (
            "3.5\n",
            (),
            "E_INPUT_FORMAT: stdin, line 2: the line must be a JSON list or object, got 3.5",
        ),
        ("[1, 2\n", (), "E_INPUT_FORMAT: stdin, line 2: the line must be JSON ("),
        ("[" * 100_000 + "\n", (), "E_INPUT_FORMAT: stdin, line 2: the line must be JSON ("),
        ("[1, 2", (), "E_INPUT_TRUNCATED: stdin, line 2: the last line must end with a newline"),
        ('{"q": 1}\n', (), "E_INPUT_COLUMN: stdin, line 2: the names must include {a}, {b}, got"),
        ("[1, 2]\n", ("--key", "id"), "E_INPUT_FORMAT: stdin, line 2: the line must be an object"),
        ('{"id": 1.5, "A": 1, "B": 2}\n', ("--key", "id"), "E_INPUT_FORMAT: stdin, line 2: id"),
    ],
)
def test_a_bad_line_of_json_is_named_after_all_before_it_were_answered(stream, bad, words, message):
    (a, b), _ = _names()
    bad = bad.replace('"A"', f'"{a}"').replace('"B"', f'"{b}"')
    good = json.dumps({"id": 1, a: 1.0, b: 0.5})

    done = stream(good + "\n" + bad, *words)

    assert done.code == 3
    assert done.err.startswith("seqrt: " + message.format(a=a, b=b))
    assert done.err.count("\n") == 1
    assert done.out.count("\n") == 1


@pytest.mark.parametrize(
    ("first", "words", "message"),
    [
        ("q,r", (), "E_INPUT_COLUMN: stdin, line 1: the names must include {a}, {b}, got q, r"),
        ("{a},{b}", ("--key", "car"), "E_INPUT_COLUMN: stdin, line 1: the names must include car"),
        (
            "{a},{b},{a}",
            (),
            "E_INPUT_HEADER: stdin, line 1: a column name must not occur twice, got '{a}' twice",
        ),
        (
            "car-7,1,2",
            ("--key", "car"),
            "E_INPUT_HEADER: stdin, line 1: --key car needs column names",
        ),
    ],
)
def test_names_that_do_not_fit_are_said(stream, first, words, message):
    a, b = _names()[0]

    done = stream(first.format(a=a, b=b) + "\n1,2\n", *words)

    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("seqrt: " + message.format(a=a, b=b))


def test_a_stream_without_the_column_of_its_keys_is_told_to_have_none(stream):
    a, b = _names()[0]

    done = stream(f"{a},{b}\n1,2\n", "--key", "car")

    assert done.err.endswith(" For a single stream, use --key none.\n")
    assert stream(f"{a},{b}\n1,2\n", "--key", "none").code == 0


def test_a_key_that_is_an_output_is_refused(stream):
    done = stream(PLAIN, "--key", _names()[1][0])

    assert done.code == 2
    assert "--key must be a column of the input, not an output of the model" in done.err


def test_a_network_that_reads_both_ways_is_refused(stream):
    done = stream(PLAIN, model=NETS / "gru-bidirectional-last.onnx")

    assert done.code == 4
    assert "E_STREAM: a bidirectional network cannot stream" in done.err


def test_no_stdin_is_said(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    assert run("stream", LSTM) == (
        2,
        "",
        "seqrt: stdin must be open, because the steps are read from it.\n",
    )


def test_a_stdin_that_cannot_be_read_is_said(run, monkeypatch):
    def fail(_):
        raise IsADirectoryError(21, "Is a directory")

    broken = SimpleNamespace(buffer=SimpleNamespace(read1=fail), isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", broken)

    done = run("stream", LSTM)

    assert done.code == 3
    assert "E_INPUT_FILE: cannot read stdin (Is a directory)" in done.err


def test_a_state_that_cannot_go_on_is_said_with_its_line_after_all_before_it(stream):
    rows = "".join(f"{x},{y}\n" for x, y in [*STEPS, *[[3e38, 3e38]] * 40])
    net = NETS / "rnn-relu.onnx"

    done = stream(rows, model=net)

    answers = done.out.count("\n")
    assert done.code == 3
    last = done.err.splitlines()[-1]
    assert last.startswith(f"seqrt: E_INPUT_NONFINITE: stdin, line {answers + 1}: state must")
    assert answers > len(STEPS)


# Pipes and signals


def _ask(process, line, seconds=600):
    """Write a line and return its prediction, while the pipe stays open."""
    process.stdin.write(line.encode())
    process.stdin.flush()
    assert select.select([process.stdout], [], [], seconds)[0], "no answer in time"
    return process.stdout.readline().decode()


def test_each_line_is_answered_before_the_next_is_there(live):
    process = live()

    answers = [_ask(process, f"{a},{b}\n") for a, b in STEPS]

    _same(_numbers("".join(answers)), _alone(STEPS)[0])
    assert process.communicate() == (b"", b"")
    assert process.returncode == 0


def test_a_line_that_comes_in_pieces_waits_for_its_end(live):
    process = live()
    process.stdin.write(b"1.0,0")
    process.stdin.flush()

    answer = _ask(process, ".5\n")

    _same(_numbers(answer), _alone(STEPS[:1])[0])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_saves_the_state_behind_the_last_answer(live, tmp_path, number, code):
    state = tmp_path / "state"
    process = live("--save", state)
    for a, b in STEPS[:3]:
        _ask(process, f"{a},{b}\n")

    process.send_signal(number)
    out, err = process.communicate(timeout=600)

    assert (process.returncode, out, err) == (code, b"", b"seqrt: interrupted.\n")
    assert state.read_bytes() == _alone(STEPS[:3])[1]
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_an_interrupt_amid_many_lines_leaves_state_and_answers_in_step(live, tmp_path):
    state = tmp_path / "state"
    process = live("--save", state)
    first = _ask(process, PLAIN * 500)

    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=600)

    answered = (first.encode() + out).count(b"\n")
    assert process.returncode == 143
    assert int.from_bytes(state.read_bytes()[46:54], "little") == answered


def test_a_reader_that_leaves_ends_it_quietly(live):
    process = live()
    _ask(process, "1,0\n")
    process.stdout.close()

    process.stdin.write(b"1,0\n" * 4)
    process.stdin.close()

    assert process.wait(600) == 0
    assert process.stderr.read() == b""


def test_the_state_is_never_saved_over_what_it_comes_from(stream, tmp_path):
    model = tmp_path / "model.onnx"
    model.write_bytes(LSTM.read_bytes())

    done = stream("1,2\n", "--save", model, model=model)

    assert done.code == 7
    assert "E_OUTPUT_INPUT: cannot write " in done.err
    assert model.read_bytes() == LSTM.read_bytes()
