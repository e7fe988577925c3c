"""The frame around every command: exit codes, one line on stderr, results on stdout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import seqrt
from seqrt import errors
from seqrt.cli.app import app


@pytest.fixture
def fail_with():
    """Give the real command line one more command, `seqrt fail`, that raises an error."""
    added = []

    def add(error):
        @app.command()
        def fail(words: list[str] = ()):
            raise error

        added.append(app.registered_commands[-1])

    yield add
    for command in added:
        app.registered_commands.remove(command)


def program(body):
    """Return a program that gives the command line one more command, `seqrt act`, and runs it."""
    return f"""
import sys, time
from seqrt.cli import main
from seqrt.cli.app import app

@app.command()
def act():
{textwrap.indent(textwrap.dedent(body), "    ")}

main(["act"])
"""


def start(body, *flags, **options):
    """Start `seqrt act`."""
    command = [sys.executable, *flags, "-c", program(body)]
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(command, env=plain, stderr=subprocess.PIPE, text=True, **options)


# The options of seqrt itself


def test_no_words_show_the_help(run):
    done = run()

    assert done.code == 0
    assert done.out.startswith("Usage: seqrt [OPTIONS] COMMAND")
    assert done.err == ""


def test_the_version_is_the_one_of_the_package(run):
    assert run("--version") == (0, f"seqrt {seqrt.__version__}\n", "")


def test_python_m_seqrt_is_seqrt():
    command = [sys.executable, "-m", "seqrt", "--version"]

    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert answer == f"seqrt {seqrt.__version__}\n"


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda c: c.callback.__name__)
def test_every_command_has_a_help_with_examples(run, command):
    name = command.name or command.callback.__name__

    done = run(name, "--help")

    assert done.code == 0
    assert f"Usage: seqrt {name}" in done.out
    assert f"Examples:\n    seqrt {name}" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


# Unknown commands and options


def test_an_unknown_command_is_one_line_that_offers_the_nearest(run):
    done = run("doctr")

    assert done.code == 2
    assert done.err == "seqrt: No such command 'doctr'. Did you mean 'doctor'? See: seqrt --help\n"
    assert done.out == ""


def test_a_model_before_the_data_is_one_line_that_says_how_a_model_is_named(run):
    for command in ("predict", "evaluate", "forecast"):
        done = run(command, "model.onnx", "data.csv")

        assert done.code == 2
        assert "(data.csv). A model is named with -m FILE. See:" in done.err
    assert "A model" not in run("stream", "model.onnx", "data.csv").err


def test_an_unknown_option_is_one_line_that_names_the_help_of_its_command(run):
    done = run("doctor", "--jsn")

    assert done.code == 2
    assert done.err.startswith("seqrt: No such option: --jsn")
    assert done.err.endswith("See: seqrt doctor --help\n")
    assert done.err.count("\n") == 1


# Errors of a command


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.InputError, 3),
        (errors.ModelError, 4),
        (errors.DeviceError, 5),
        (errors.MissingExtraError, 5),
        (errors.ParityError, 6),
        (errors.CheckError, 6),
        (errors.OutputError, 7),
        (errors.TrainingError, 8),
        (errors.ResourceError, 9),
    ],
)
def test_an_error_of_seqrt_is_its_sentence_and_its_exit_code(run, fail_with, kind, code):
    fail_with(kind("E_SOME: this must be, that was got."))

    assert run("fail") == (code, "", "seqrt: E_SOME: this must be, that was got.\n")


def test_every_leaf_of_the_tree_has_its_exit_code_in_the_test_above():
    leaves = {kind for kind in vars(errors).values() if isinstance(kind, type)}

    assert len(leaves - {errors.SeqrtError}) == 10


def test_python_out_of_memory_is_exit_code_9(run, fail_with):
    fail_with(MemoryError())

    done = run("fail")

    assert done.code == 9
    assert done.err.startswith("seqrt: E_MEMORY: the work does not fit into memory")


def test_a_missing_package_is_one_line_with_the_pip_line(run, fail_with):
    fail_with(ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"))

    done = run("fail")

    assert done.code == 5
    assert done.err == "seqrt: training needs torch. Install it with: pip install 'seqrt[train]'\n"


def test_a_module_that_no_extra_brings_is_a_bug(run, fail_with):
    fail_with(ModuleNotFoundError("No module named 'seqrt.lost'", name="seqrt.lost"))

    assert run("fail").code == 70


def test_any_other_error_is_a_bug_of_ours_in_one_line(run, fail_with):
    fail_with(KeyError("gate\norder"))

    done = run("fail")

    assert done.code == 70
    assert done.err.startswith(r"seqrt: this is a bug in seqrt: KeyError: 'gate\norder'.")
    assert "--debug" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("words", [("--debug", "fail"), ("fail", "--debug")])
def test_debug_shows_the_traceback_wherever_it_stands(run, fail_with, words):
    fail_with(errors.InputError("E_SOME: this must be."))

    done = run(*words)

    assert done.code == 3
    assert done.err.startswith("Traceback (most recent call last):")
    assert done.err.endswith("\nseqrt: E_SOME: this must be.\n")


def test_behind_two_dashes_debug_is_a_word_like_any_other(run):
    done = run("doctor", "--", "--debug")

    assert done.code == 2
    assert "--debug" in done.err


def test_without_typer_the_command_line_gives_the_pip_line():
    code = "import sys; sys.modules['typer'] = None; from seqrt.cli import main; main([])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 5
    assert done.stderr == (
        "seqrt: the command line needs typer. Install it with: pip install 'seqrt[cli]'\n"
    )


# Interruptions


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_unwinds_the_work_and_leaves_one_line(number, code, tmp_path):
    left = tmp_path / "left"
    body = f"""
    try:
        print("working", flush=True)
        time.sleep(600)
    finally:
        open({str(left)!r}, "w").close()
    """

    with start(body, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "working\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=600)

    assert process.returncode == code
    assert said == "seqrt: interrupted.\n"
    assert left.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_within_code_that_python_compiles_as_it_goes_leaves_the_same_way(
    number, code, tmp_path
):
    body = "exec(\"print('working', flush=True); time.sleep(600)\")"
    (tmp_path / "act.py").write_text(program(body), encoding="utf-8")
    command = [sys.executable, "-m", "act"]  # of all ways to start Python the one that noted it
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}

    with subprocess.Popen(command, cwd=tmp_path, text=True, **pipes) as process:
        assert process.stdout.readline() == "working\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=600)

    assert (process.returncode, said) == (code, "seqrt: interrupted.\n")


@pytest.mark.parametrize("module", ["seqrt.cli", "typer", "seqrt.cli.app"])
def test_an_interrupt_while_the_command_line_is_loaded_leaves_with_130(module):
    code = f"""
import runpy, sys, time

class Slow:
    def find_spec(self, name, *_):
        if name == {module!r}:
            print("loading", flush=True)
            time.sleep(600)

sys.meta_path.insert(0, Slow())
runpy.run_module("seqrt", run_name="__main__")
"""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}

    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=600)

    assert process.returncode == 130
    assert said in ("", "seqrt: interrupted.\n")


def test_an_interrupt_is_answered_without_taking_python_apart_but_with_all_that_ends_a_program():
    code = """
import atexit, os, sys, threading, time

class Heavy:
    def __del__(self, write=os.write):
        write(1, b"taken apart")

heavy = Heavy()
atexit.register(print, "registered", end=" ")
class Slow:
    def find_spec(self, name, *_):
        if name == "seqrt.cli.app":
            threading.Thread(target=lambda: time.sleep(0.5) or print("thread")).start()
            print("loading", flush=True)
            time.sleep(600)

sys.meta_path.insert(0, Slow())
from seqrt.__main__ import main
main()
"""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}

    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=600)

    assert (process.returncode, said) == (130, "seqrt: interrupted.\n")
    assert out == "thread\nregistered "


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_handler_of_a_signal_is_put_back(run, number):
    before = signal.getsignal(number)

    run("--version")

    assert signal.getsignal(number) is before


def test_an_interrupt_that_an_import_turns_into_an_import_error_is_still_one():
    body = """
    try:
        print("working", flush=True)
        time.sleep(600)
    except BaseException:
        raise ImportError("numpy.core.multiarray failed to import")
    """

    with start(body, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=600)

    assert (process.returncode, said) == (130, "seqrt: interrupted.\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_whose_exception_python_drops_comes_again(number, code):
    body = """
    class Dropping:
        def __del__(self):
            print("working", flush=True)
            time.sleep(600)
    Dropping()
    time.sleep(600)
    """

    with start(body, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "working\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=600)

    assert (process.returncode, said) == (code, "seqrt: interrupted.\n")


writes = pytest.mark.parametrize(
    ("lines", "flags"),
    [(1, ()), (100_000, ()), (1, ("-u",))],
    ids=["at the end", "in the middle", "unbuffered"],
)


@writes
def test_a_reader_that_leaves_early_is_no_error(lines, flags):
    reading, writing = os.pipe()
    os.close(reading)

    with start(f"print('result\\n' * {lines})", *flags, stdout=writing) as process:
        os.close(writing)
        said = process.stderr.read()

    assert process.returncode == 0
    assert said == ""


@writes
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_results_that_do_not_fit_on_the_disk_are_exit_code_7(lines, flags):
    with (
        Path("/dev/full").open("w", encoding="utf-8") as full,
        start(f"print('result\\n' * {lines})", *flags, stdout=full) as process,
    ):
        said = process.stderr.read()

    assert process.returncode == 7
    assert said == (
        "seqrt: E_OUTPUT_STDOUT: cannot write the result to stdout: No space left on device.\n"
    )
