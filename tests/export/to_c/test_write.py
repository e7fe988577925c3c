"""`export_c`: two files, both whole or none, under names that C allows."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import c_programs
import pytest
import torch

from seqrt.contract import Column
from seqrt.errors import ModelError, OutputError, ParityError, UsageError
from seqrt.export import export, export_c, shrink
from seqrt.export.to_c import compiling
from seqrt.export.to_c.source import sources
from seqrt.runtime.opening.file import ModelFile
from seqrt.training import Network

NETS = Path(__file__).parents[2] / "runtime" / "nets"
MODELS = Path(__file__).parents[3] / "models"
HOSTILE = '*/ int x; /* \\ ??/ "é'


def test_two_files_and_their_sizes(tmp_path):
    done = export_c(NETS / "gru-last.onnx", tmp_path / "new" / "folder", name="pump")

    assert [path.name for path in sorted(done.source.parent.iterdir())] == ["pump.c", "pump.h"]
    header = done.header.read_text()
    assert "void pump_step(pump_state *state, const float *x, float *y);" in header
    assert "#define pump_FEATURES 2" in header
    assert 'extern "C"' in header
    assert done.state == 40
    assert done.constants > 4 * 6 * (2 + 6) * 3


def test_the_golden_cases_are_compiled_and_run_where_there_is_a_compiler(tmp_path, compiler):
    done = export_c(NETS / "lstm-last.onnx", tmp_path)

    assert done.proved_with in ("gcc", "cc", "clang")
    assert done.compiled.flash > done.constants
    assert done.compiled.stack >= done.workspace


def test_nothing_is_compiled_where_there_is_no_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    done = export_c(NETS / "lstm-last.onnx", tmp_path)

    assert (done.compiled, done.proved_with) == (None, "")
    assert done.source.is_file()


def test_a_compiler_for_another_machine_proves_nothing_and_does_not_stop_the_export(
    tmp_path, monkeypatch
):
    compiler = tmp_path / "gcc"
    compiler.write_text("#!/bin/sh\necho no program for this machine > test\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    done = export_c(NETS / "lstm-last.onnx", tmp_path)

    assert (done.compiled, done.proved_with) == (None, "")


def test_c_that_computes_something_else_is_not_written(tmp_path, compiler):
    file = ModelFile.parse((NETS / "gru-last.onnx").read_bytes())
    text = sources(file, "pump")
    number = re.search(r"k_layer0_steps_w\[\d+\] = \{\s*(\S+),", text.source)[1]
    wrong = replace(text, source=text.source.replace(number, "0.5f", 1))

    with pytest.raises(ParityError, match=r"^E_PARITY: .* worst y .* FAILS"):
        compiling.check_cases(wrong, "pump")


def test_the_same_file_gives_the_same_c(tmp_path):
    first = export_c(NETS / "gru-last.onnx", tmp_path / "a", name="pump")
    second = export_c((NETS / "gru-last.onnx").read_bytes(), tmp_path / "b", name="pump")

    assert first.source.read_bytes() == second.source.read_bytes()
    assert first.header.read_bytes() == second.header.read_bytes()


def test_a_header_of_another_model_does_not_compile(tmp_path, compiler):
    one = export_c(NETS / "gru-last.onnx", tmp_path / "a", name="pump")
    other = export_c(NETS / "lstm-last.onnx", tmp_path / "b", name="pump")
    shutil.copy(other.header, one.header)

    with pytest.raises(AssertionError, match=r"pump\.h is of another model"):
        c_programs.run([compiler, "-c", one.source, "-o", tmp_path / "pump.o"])


@pytest.mark.parametrize(
    "name", ["", "3d", "_x", "a-b", "a b", "é", "x" * 21, "seqrt", "a;", "a\n"]
)
def test_a_name_that_c_does_not_allow_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="the name must be a C identifier of 1 to 20 letters"):
        export_c(NETS / "gru-last.onnx", tmp_path, name=name)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["int", "main", "state", "x", "w", "step", "memcpy", "NULL"])
def test_names_with_another_meaning_in_c_are_fine_as_the_beginning_of_names(
    tmp_path, compiler, name
):
    files = {name: (NETS / "gru-last.onnx").read_bytes()}

    code, lines, _ = c_programs.Program(files, tmp_path, compiler).prove()

    assert (code, len(lines)) == (0, 1)


def test_hostile_names_of_columns_stay_in_comments(tmp_path, compiler):
    torch.manual_seed(0)
    net = Network("gru", 2, (3,), 1)
    features = (Column(HOSTILE, unit=HOSTILE), Column("*/"))
    net.metadata = replace(net.metadata, features=features, name=HOSTILE)
    export(net, tmp_path / "net.onnx")
    content = (tmp_path / "net.onnx").read_bytes()

    code, _, _ = c_programs.Program({"hostile": content}, tmp_path, compiler).prove()

    assert code == 0
    header = (tmp_path / "hostile.h").read_text("utf-8")
    assert header.count("*/") == 2, "one ends the page, one is in the structure"


@pytest.mark.parametrize(
    ("net", "why"),
    [
        ("gru-bidirectional-last", "its layers are bidirectional"),
        ("format2/attention", "nn.GRU is bidirectional"),
        ("format2/ahead", "nn.Conv1d reads 1 step ahead"),
        ("format2/autoencoder", "the end of the row is put back on every step"),
    ],
)
def test_a_network_that_reads_whole_sequences_is_refused_by_name(tmp_path, net, why):
    with pytest.raises(UsageError, match=f"C computes one step at a time, .* sequences: {why}"):
        export_c(NETS / f"{net}.onnx", tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_refused(tmp_path):
    content = bytearray((NETS / "gru-last.onnx").read_bytes())
    content[700] ^= 1

    with pytest.raises(ModelError, match=r"^E_MODEL_DAMAGED"):
        export_c(bytes(content), tmp_path)


def test_an_older_pair_is_unchanged_if_one_file_cannot_be_written(tmp_path):
    export_c(NETS / "gru-last.onnx", tmp_path, name="pump")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "pump.h").unlink()
    (tmp_path / "pump.h").mkdir()

    with pytest.raises(OutputError, match=r"^E_OUTPUT_PATH"):
        export_c(NETS / "lstm-last.onnx", tmp_path, name="pump")

    assert (tmp_path / "pump.c").read_bytes() == before[tmp_path / "pump.c"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pump.c", "pump.h"]


def test_matrices_of_16_bits_stay_so_in_c(tmp_path, compiler):
    shrink(MODELS / "tutorial-rnn.onnx", tmp_path / "small.onnx", weights="fp16")

    small = export_c(tmp_path / "small.onnx", tmp_path / "a")
    large = export_c(MODELS / "tutorial-rnn.onnx", tmp_path / "b")

    assert small.proved_with
    assert 0.5 < small.constants / large.constants < 0.55


def test_matrices_of_8_bits_are_float32_in_c(tmp_path, compiler):
    shrink(NETS / "lstm-last.onnx", tmp_path / "small.onnx", weights="int8")

    small = export_c(tmp_path / "small.onnx", tmp_path / "a")

    assert small.proved_with
    assert small.constants == export_c(NETS / "lstm-last.onnx", tmp_path / "b").constants


@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler: g++ is not installed")
def test_cpp_may_include_the_header_and_call_the_step(tmp_path):
    written = export_c(NETS / "gru-last.onnx", tmp_path, name="pump")
    (tmp_path / "main.cpp").write_text(
        '#include "pump.h"\n'
        "int main() { pump_state s{}; float x[2] = {}, y[2]; pump_step(&s, x, y); }\n"
    )

    c_programs.run(["gcc", "-std=c99", "-c", written.source, "-o", tmp_path / "pump.o"])
    c_programs.run(["g++", tmp_path / "main.cpp", tmp_path / "pump.o", "-o", tmp_path / "main"])
    c_programs.run([tmp_path / "main"])
