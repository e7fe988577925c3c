"""`seqrt info` of files of format 2: what only they have, and why one cannot stream."""

from __future__ import annotations

from pathlib import Path

NETS = Path(__file__).parents[2] / "runtime" / "nets" / "format2"


def line_of(name, page):
    """Return the text after a label."""
    return next(line[10:] for line in page.splitlines() if line[:10].strip() == name)


def test_it_says_what_only_files_of_format_2_have(run):
    page = run("info", NETS / "tagger.onnx").out
    assert line_of("reads", page) == "token ids from 0 to 10"
    assert "format 2" in line_of("model", page)

    page = run("info", NETS / "two-heads.onnx").out
    assert line_of("named", page) == "y: 2 numbers at every step"
    assert "value: 1 number after the last step" in page

    page = run("info", NETS / "decoder.onnx").out
    assert line_of("decoders", page) == "lstm 3, over 3 steps"

    page = run("info", NETS / "dilated.onnx").out
    assert line_of("layers", page) == "lstm 4, dilation 5"


def test_it_says_why_a_network_cannot_stream_and_how_long_sequences_must_be(run):
    page = run("info", NETS / "ahead.onnx").out

    assert line_of("streams", page) == "no: nn.Conv1d reads 1 step ahead"
    assert line_of("needs", page) == "sequences of at least 3 steps"
    assert line_of("layers", page) == "gru 3, from the end"
