"""The result of a language model: its metrics on a text, without all logits at once."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional as F

from seqrt.metrics import language_metrics
from seqrt.training.inputs.examples import examples
from seqrt.training.inputs.side_by_side import judged_in_rows
from seqrt.training.networks.stack import Stack
from seqrt.training.problems.from_book import book_baselines
from seqrt.training.problems.problem import Problem
from seqrt.training.runs.record import Result


def language_result(
    path: Path, net: Stack, problem: Problem, best_epoch: int, pictures: tuple[Path, ...]
) -> Result:
    """Measure `net` on the judged part of a text, and the counts of its training part."""
    found = {
        name: language_metrics(nats, right)
        for name, (nats, right) in book_baselines(problem).items()
    }
    (first, of_first), *further = found.items()
    return Result(
        path=path,
        part=problem.part,
        figures=language_metrics(*_scores(net, problem)),
        baseline=first,
        baseline_figures=of_first,
        best_epoch=best_epoch,
        pictures=pictures,
        further=dict(further),
    )


@torch.no_grad()
def _scores(net: Stack, problem: Problem) -> tuple[float, float]:
    """Return the mean negative log-probability of the judged bytes, and the share guessed right."""
    (data,) = examples(net, (problem.judged.x, problem.judged.y))
    nats = right = 0.0
    for v, y in judged_in_rows(net, data):
        nats += F.cross_entropy(v, y, reduction="none").double().sum().item()
        right += (v.argmax(1) == y).sum().item()
    return nats / len(data.y), right / len(data.y)
