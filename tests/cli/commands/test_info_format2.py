"""`seqrt info` of files of format 2: what only they have, and why one cannot stream."""

from __future__ import annotations

import re
from pathlib import Path

from seqrt.export import export
from seqrt.training.networks.forecasting.forecaster import Forecaster

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


def test_a_forecaster_says_what_it_forecasts_and_from_what(run, tmp_path):
    made = {"horizon": 12, "season": 7, "seasons": 3, "level_window": 14, "units": 4}
    net = Forecaster(**made, answers=(0.1, 0.5, 0.9))
    page = run("info", export(net, tmp_path / "m.onnx").path).out

    assert line_of("task", page).startswith(
        "forecast 12 steps ahead with intervals of 80 % from the last 21 values, season 7;"
    )
    assert line_of("layers", page) == "gru 4, dilation 7"
    assert line_of("outputs", page) == "x0+1 to x0+12: mean 0, scale 1"


def test_it_says_how_far_the_rounding_of_weights_moved_the_outputs(run):
    page = run("info", NETS / "int8.onnx").out

    assert re.fullmatch(
        r"int8: rounding moved outputs by at most .*e-0., .* % of their size, on random inputs:"
        r" .* at step 1, .* at step 10, .* at step 100, .* at step 1,000",
        line_of("weights", page),
    )
    assert "(numpy in float32: " in line_of("parity", page)
