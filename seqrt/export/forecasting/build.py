"""Builds the ONNX graph of a forecaster; the equations are those of Forecaster."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from seqrt.contract import Y
from seqrt.export.forecasting.base_graph import append_base
from seqrt.export.forecasting.early_graph import append_early
from seqrt.export.forecasting.forecaster_graph import ForecasterGraph
from seqrt.export.forecasting.lags_graph import AppendedLags, LagNodes, append_normalised
from seqrt.export.graph.build import (
    append_missing_policy,
    append_output,
    append_scaling,
    stack_model,
)
from seqrt.export.graph.recurrent import RecurrentNodes
from seqrt.export.graph.weights import float32_array
from seqrt.training.networks.forecasting.forecaster import (
    CLIP_LAGS,
    CLIP_OTHERS,
    Forecaster,
)

Array = NDArray[np.float32]


def build_forecaster(net: Forecaster) -> onnx.ModelProto:
    """Return the ONNX model of a forecaster, without its metadata."""
    g = ForecasterGraph(net)
    u, last_known = append_missing_policy(g, net, append_scaling(g, net))
    x = g.add("Transpose", [u], "x_time_major", perm=[1, 0, 2])
    now, known = _append_channels(g, net, x)
    lags = AppendedLags.of(g, now, known, net.architecture.lags)
    read = append_normalised(g, now, lags, net.architecture)
    others = _append_others(g, net, x)
    embedded = _append_embedded(g, net, read, others)
    h = RecurrentNodes(g, net).emit(net.layer, "layer0", embedded)
    append_output(g, net, _append_quantiles(g, net, read, h, others))
    _append_floor(g, net.architecture.floor)
    g.ends += [*lags.carried, *last_known]
    g.join_state()
    return stack_model(g, net)


def _append_channels(graph: ForecasterGraph, net: Forecaster, x: str) -> tuple[str, str]:
    """Append the target (T, B, 1), and whether it is known: 1 or 0."""
    config = net.architecture
    indicator = config.missing == "indicator"
    width = config.features * (2 if indicator else 1)
    values = graph.pick(x, [config.target], "values") if width > 1 else x
    if not indicator:
        one = graph.scalar(1.0)
        return values, graph.add("Clip", [values, one, one], "known")
    unknown = graph.pick(x, [config.features + config.target], "unknown")
    return values, graph.add("Sub", [graph.scalar(1.0), unknown], "known")


def _append_others(graph: ForecasterGraph, net: Forecaster, x: str) -> list[str]:
    """Append the features other than the target (T, B, ·), if there are any."""
    config = net.architecture
    places = [place for place in range(config.features) if place != config.target]
    if not places:
        return []
    limits = [graph.scalar(-CLIP_OTHERS), graph.scalar(CLIP_OTHERS)]
    return [graph.add("Clip", [graph.pick(x, places, "others_raw"), *limits], "others")]


def _append_embedded(
    graph: ForecasterGraph, net: Forecaster, read: LagNodes, others: list[str]
) -> str:
    """Append the input of the recurrent layer (T, B, U)."""
    limits = [graph.scalar(-CLIP_LAGS), graph.scalar(CLIP_LAGS)]
    z = graph.add("Clip", [read.z, *limits], "z_clipped")
    inputs = graph.add("Concat", [z, *read.statistics, *others], "embed_inputs", axis=2)
    weight = float32_array(net.embed.weight).T
    # a statistic that the graph leaves out is 0
    absent = range(net.architecture.lags + len(read.statistics), net.architecture.lags + 2)
    weight = np.delete(weight, list(absent), axis=0)
    embedded = graph.affine(inputs, weight, float32_array(net.embed.bias), "embed")
    return graph.add("Relu", [embedded], "embedded")


def _append_quantiles(
    graph: ForecasterGraph, net: Forecaster, read: LagNodes, h: str, others: list[str]
) -> str:
    """Append the answers in scaled units (T, B, H A)."""
    g, config = graph, net.architecture
    inputs = g.add("Concat", [h, *others], "correct_inputs", axis=2) if others else h
    steps, levels = config.horizon, len(config.quantiles)
    weight = float32_array(net.correct.weight).reshape(steps, levels, -1)
    bias = float32_array(net.correct.bias).reshape(steps, levels)
    mid = g.affine(inputs, weight[:, config.median].T, bias[:, config.median], "correction")
    mid = g.add("Add", [append_base(g, net.base, h, read), mid], "mid")
    answers = _append_linear(g, net, read, mid)
    if len(config.answers) > 1:
        places = _places_of_gaps(net)
        used = weight[:, places].reshape(steps * len(places), -1).T
        r = g.affine(inputs, used, bias[:, places].reshape(-1), "gap_logits")
        answers = _append_offsets(g, net, answers, r)
    spread = g.add("Mul", [answers, read.scale], "answers_spread")
    if net.early is not None and net.early.gaps.any():
        places = [config.quantiles.index(q) for q in config.answers]
        early = append_early(g, net.early, read, config.lags, places)
        spread = g.add("Add", [spread, early], "answers_widened")
    return g.add("Add", [spread, read.level], "answers")


def _append_floor(graph: ForecasterGraph, floor: float | None) -> None:
    """Replace what is below the floor, if there is one; y is the output of the last node."""
    if floor is not None:
        graph.nodes[-1].output[0] = graph.nodes[-1].name = "y_before_floor"
        graph.add("Max", ["y_before_floor", graph.scalar(floor)], Y)


def _append_linear(graph: ForecasterGraph, net: Forecaster, read: LagNodes, mid: str) -> str:
    """Append share mid + (1 - share) linear(z), where any share is not 1."""
    g, share = graph, float32_array(net.share)
    if (share == 1).all():
        return mid
    rest = 1 - share
    weight, offset = float32_array(net.linear) * rest, float32_array(net.linear_offset) * rest
    linear = g.affine(read.z, weight, offset, "linear")
    level, start = float32_array(net.linear_level) * rest, float32_array(net.linear_start) * rest
    if level.any() or start.any():
        slope = g.add("Mul", [read.level, g.floats("linear_level", level)], "linear_slope")
        drift = g.add("Add", [slope, g.floats("linear_start", start)], "linear_drift")
        scaled = g.add("Div", [drift, read.scale], "linear_drift_scaled")
        linear = g.add("Add", [linear, scaled], "linear_and_drift")
    part = g.add("Mul", [mid, g.floats("share", share)], "mid_share")
    return g.add("Add", [part, linear], "mid_and_linear")


def _places_of_gaps(net: Forecaster) -> list[int]:
    """Return the places of the quantiles whose gaps lie between the median and an answer."""
    config = net.architecture
    answers = [config.quantiles.index(q) for q in config.answers]
    return [i for i in range(min(answers), max(answers) + 1) if i != config.median]


def _append_offsets(graph: ForecasterGraph, net: Forecaster, mid: str, r: str) -> str:
    """Append mid (T, B, H) plus or minus sums of gaps: all answers, (T, B, H A)."""
    g, config = graph, net.architecture
    steps, places = config.horizon, _places_of_gaps(net)
    large = g.add("Relu", [r], "gaps_large")
    small = g.add("Exp", [g.add("Min", [r, g.scalar(0.0)], "gap_logits_small")], "gaps_small")
    gaps = g.add("Add", [large, small], "gaps")
    widen = float32_array(net.widen)[:, places].reshape(-1)
    if (widen != 1).any():
        gaps = g.add("Mul", [gaps, g.floats("widen", widen)], "gaps_widened")
    rows = g.reshaped(gaps, (steps, len(places)), "gap_rows")
    offsets = g.add("MatMul", [rows, g.floats("gap_sums", _gap_sums(net))], "offsets")
    centred = g.add("Add", [g.reshaped(mid, (steps, 1), "mid_column"), offsets], "answer_rows")
    return g.reshaped(centred, (steps * len(config.answers),), "answers_scaled")


def _gap_sums(net: Forecaster) -> Array:
    """Return the matrix (gaps, A) that sums the gaps from the median to each answer, with sign."""
    config, places = net.architecture, _places_of_gaps(net)
    sums = np.zeros((len(places), len(config.answers)), np.float32)
    for column, answer in enumerate(config.answers):
        at = config.quantiles.index(answer)
        for row, place in enumerate(places):
            below, above = at <= place < config.median, config.median < place <= at
            sums[row, column] = int(above) - int(below)
    return sums
