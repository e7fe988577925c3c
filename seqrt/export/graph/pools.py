"""The nodes of each pool: the steps of a row, h (T, B, W), become one value (B, W)."""

from __future__ import annotations

import numpy as np
from torch import nn

from seqrt.contract import idioms
from seqrt.export.graph.stack_graph import StackGraph
from seqrt.export.graph.weights import float32_array
from seqrt.training.networks.pooling import AttentionPool, MaxPool, MeanPool


def emit_mean(graph: StackGraph, step: MeanPool, name: str, h: str) -> str:
    """Append the sum of all steps, divided by their number."""
    total = graph.stateful(idioms.time_sum(0, h, step.width, graph.start()))
    start = graph.start()
    steps = graph.stateful(idioms.steps(start) if start else idioms.count())
    return graph.add("Div", [total, steps], f"{name}_out")


def emit_max(graph: StackGraph, step: MaxPool, name: str, h: str) -> str:
    """Append the maximum over all steps; a stream counts them, to know its first call."""
    graph.once(idioms.inside)
    most, start = graph.start(), graph.start()
    steps = idioms.steps(start) if start else None
    if steps:
        graph.idiom(steps)
    found = graph.stateful(idioms.time_max(0, h, step.width, most))
    graph.ends += [steps.carried] if steps else []
    return found


def emit_attention(graph: StackGraph, step: AttentionPool, name: str, h: str) -> str:
    """Append scores, their softmax over the steps of each row, and the weighted sum of h."""
    graph.once(idioms.inside)
    product = linear_product(graph, step.hidden, f"{name}_hidden", h)
    bias = graph.constant(f"{name}_hidden_bias", float32_array(step.hidden.bias))
    shifted = graph.add("Add", [product, bias], f"{name}_hidden_out")
    hidden = graph.add("Tanh", [shifted], f"{name}_tanh")
    scores = linear_product(graph, step.score, f"{name}_score", hidden)
    weights = graph.idiom(idioms.time_softmax(0, scores, step.heads))
    if step.heads > 1:
        share = np.kron(np.eye(step.heads), np.ones((1, step.width // step.heads)))
        each = graph.constant(f"{name}_shares", share.astype(np.float32))
        weights = graph.add("MatMul", [weights, each], f"{name}_weights")
    weighed = graph.add("Mul", [weights, h], f"{name}_weighed")
    return graph.idiom(idioms.time_sum(0, weighed, step.width))


def linear_product(graph: StackGraph, step: nn.Linear, name: str, h: str) -> str:
    """Append the product of h with the weights of a linear layer, without its bias."""
    weight = graph.constant(f"{name}_weight", float32_array(step.weight).T)
    return graph.add("MatMul", [h, weight], f"{name}_product")
