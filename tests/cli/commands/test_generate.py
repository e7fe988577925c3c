"""`seqrt generate`: the text of Model.generate, exact to a pipe and safe on a terminal."""

from __future__ import annotations

import io
import json
import os
import re
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unicodedata import category

import pytest

import seqrt
from seqrt.contract.seal import SEAL_SIZE
from seqrt.contract.text import Text
from seqrt.training import Network
from seqrt.training.runs.folder import new_folder, write_record
from seqrt.training.runs.weights import save_weights

NETS = Path(__file__).parents[2] / "runtime" / "nets"
BYTES, TAGGER = NETS / "text" / "bytes.onnx", NETS / "gru-sequence.onnx"
COMMAND = [sys.executable, "-m", "seqrt", "generate", str(BYTES)]


class Terminal(io.StringIO):
    """A stdin at which nobody types."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder, and nothing piped into stdin."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", Terminal())


@pytest.fixture
def generate():
    """Call `seqrt generate` in a process of its own, with bytes piped into stdin."""

    def call(*words, stdin=b""):
        command = [*COMMAND, *map(str, words)]
        return subprocess.run(command, input=stdin, capture_output=True, check=False)

    return call


def text_of(prompt, n, **options):
    return seqrt.load(BYTES).generate(prompt, n, **options)


def shown_by(*words, until=None, ctrl_c=False):
    """Return what the command shows on a terminal, with its exit code."""
    screen, terminal = os.openpty()
    ends = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    text = b""
    with subprocess.Popen([*COMMAND, *words], start_new_session=True, **ends) as process:
        os.close(terminal)
        while select.select([screen], [], [], 600)[0]:
            try:
                more = os.read(screen, 65_536)
            except OSError:  # raised on Linux when the other side has closed
                break
            if not text and ctrl_c:
                process.send_signal(signal.SIGINT)
            text += more
    os.close(screen)
    return text.decode(), process.returncode


# Text


def test_the_prompt_comes_first_and_then_the_bytes_of_the_model(generate):
    done = generate("Äh, ", "-n", 300, "--temperature", 0.8, "--top-k", 40, "--seed", 1)

    prompt = "Äh, ".encode()
    text = text_of(prompt, 300, temperature=0.8, top_k=40, seed=1)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == prompt + text


def test_no_prompt_writes_the_new_text_alone(generate):
    done = generate("ab", "-n", 30, "--seed", 1, "--no-prompt")

    assert done.stdout == text_of(b"ab", 30, seed=1)


@pytest.mark.parametrize("words", [[], ["-"]])
def test_a_prompt_from_stdin_may_hold_any_bytes(generate, words):
    prompt = b"\xff\x1b[2J\xc3\n"

    done = generate(*words, "-n", 30, "--seed", 1, stdin=prompt)

    assert done.stdout == prompt + text_of(prompt, 30, seed=1)


def test_a_prompt_of_the_command_line_may_hold_any_bytes_too(generate):
    prompt = b"\xff\xc3"

    done = generate(os.fsdecode(prompt), "-n", 30, "--seed", 1, stdin=b"not read")

    assert done.stdout == prompt + text_of(prompt, 30, seed=1)


def test_without_a_prompt_the_text_begins_on_a_new_line(generate):
    assert generate("-n", 30, "--seed", 1).stdout == text_of(b"", 30, seed=1)


def test_a_seed_that_was_drawn_is_reported_and_gives_the_text_again(generate):
    done = generate("ab", "-n", 30)

    seed = int(re.fullmatch(rb"seed: (\d+)\n", done.stderr)[1])
    assert done.stdout == b"ab" + text_of(b"ab", 30, seed=seed)
    assert generate("ab", "-n", 30, "--temperature", 0).stderr == b""


def test_json_has_the_text_and_all_that_gives_it_again(run):
    done = run("generate", BYTES, "ab", "-n", 30, "--top-k", 9, "--json")

    record = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    options = {"temperature": 1.0, "top_k": 9, "seed": record["seed"]}
    assert record == {
        "path": None,
        "prompt": "ab",
        "text": text_of("ab", 30, **options),
        "n": 30,
        **options,
        "model": str(BYTES),
        "sha256": seqrt.load(BYTES).digest,
    }


def test_a_file_gets_the_exact_bytes_and_stdout_its_name(run):
    done = run("generate", BYTES, "ab", "-n", 30, "--seed", 1, "-o", "scene.txt")

    assert (done.code, done.out, done.err) == (0, "scene.txt\n", "")
    assert Path("scene.txt").read_bytes() == b"ab" + text_of(b"ab", 30, seed=1)


def test_json_and_a_file_go_together(run):
    done = run("generate", BYTES, "ab", "-n", 30, "--seed", 1, "--json", "-o", "scene.txt")

    assert json.loads(done.out)["path"] == "scene.txt"
    assert len(Path("scene.txt").read_bytes()) == 32


# Terminals, pipes and signals


def test_a_terminal_gets_no_character_that_moves_the_cursor():
    text, code = shown_by("ab", "-n", "3000", "--seed", "1")

    lines = text.replace("\r\n", "\n")
    assert code == 0
    assert lines.startswith("ab")
    assert lines.endswith("\n")
    raw = text_of("ab", 3000, seed=1)
    assert {c for c in raw if category(c) == "Cc"} > {"\x1b", "\r"}
    assert {c for c in lines if category(c) == "Cc"} <= {"\n", "\t"}
    assert len(lines.rstrip("\n")) == len(f"ab{raw}".rstrip("\n"))


def test_ctrl_c_ends_the_last_line():
    text, code = shown_by("ab", "-n", "1000000000", "--seed", "1", ctrl_c=True)

    assert code == 130
    assert text.endswith("\r\nseqrt: interrupted.\r\n")


def test_ctrl_c_leaves_no_file():
    command = [*COMMAND, "-n", "1000000000", "-o", "scene.txt"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stderr.readline().startswith(b"seed: ")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130

    assert os.listdir() == []


def test_a_reader_that_leaves_ends_it_without_a_word():
    command = [*COMMAND, "ab", "-n", "1000000000", "--seed", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        first = process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""

    assert first == b"ab" + text_of(b"ab", 8, seed=1)
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no device that is always full")
def test_a_full_disk_under_stdout_is_one_line():
    with open("/dev/full", "wb") as full:
        command = [*COMMAND, "ab", "--seed", "1"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)

    assert done.returncode == 7
    assert done.stderr.startswith(b"seqrt: E_OUTPUT_STDOUT: cannot write the result to stdout")


# From a run


def test_only_the_pinned_file_and_a_sealed_one_is_opened(run):
    Path("unsealed.onnx").write_bytes(BYTES.read_bytes()[:-SEAL_SIZE])

    assert run("generate", BYTES, "ab", "--sha256", "0" * 64).code == 4
    assert run("generate", "unsealed.onnx", "ab").code == 4
    opened = run("generate", "unsealed.onnx", "ab", "--allow-unsealed", "--seed", 1, "--json")
    assert json.loads(opened.out)["text"] == text_of("ab", 500, seed=1)


def test_the_export_of_a_language_model_names_the_command_that_writes(run):
    head = {"head": "sequence", "activation": "softmax"}
    net = Network("gru", 1, (8,), 256, tokens=257, embedding=4, **head)
    about = replace(net.metadata, task="generate", text=Text("bytes", 4))
    net.metadata = replace(about, classes=tuple(range(256)))
    folder = new_folder("plays.txt", "gru", None)
    write_record(folder, {"started": "2026-01-01"})
    save_weights(net, folder)

    done = run("export")

    path = done.out.strip()
    assert (done.code, path) == (0, "models/plays-gru-1.onnx")
    assert done.err.endswith(f"next        seqrt generate {path} PROMPT\n")
    written = run("generate", path, "ab", "-n", 5, "--seed", 1, "--json")
    assert json.loads(written.out)["text"] == seqrt.load(path).generate("ab", 5, seed=1)


# Errors


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            [TAGGER, "ab"],
            "seqrt generate needs a language model, but the task of 'gru-sequence' is regress."
            " Use predict.",
        ),
        (
            ["ROMEO:"],
            "the model must be named before the prompt, but there is no file 'ROMEO:'."
            " Use: seqrt generate MODEL PROMPT",
        ),
        ([BYTES, "ab", "--temperature", "inf"], "temperature must be a finite number from 0"),
        ([BYTES, "ab", "--temperature", "-1"], "Invalid value for '--temperature'"),
        ([BYTES, "ab", "--top-k", "0"], "Invalid value for '--top-k'"),
        ([BYTES, "ab", "-n", "-1"], "Invalid value for '-n' / '--bytes'"),
    ],
)
def test_a_wrong_word_is_an_error_of_usage(run, words, message):
    done = run("generate", *words)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"seqrt: {message}")


def test_the_file_must_not_be_the_model(run):
    Path("m.onnx").write_bytes(BYTES.read_bytes())

    done = run("generate", "m.onnx", "ab", "-o", "m.onnx")

    assert done.code == 7
    assert "it is the same file as the input m.onnx" in done.err
