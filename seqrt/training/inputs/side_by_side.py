"""One long text as rows side by side, each read from end to end with its state carried along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from seqrt.training.inputs.batches import Batch, batch
from seqrt.training.inputs.examples import Examples
from seqrt.training.networks.stack import Stack

# For validation, the most rows, and the fewest steps of each: a row starts from the zero state.
_ROWS, _STEPS = 32, 8192

USUAL_SPAN: Final = 64
"""The steps that gradients go back in a text, unless `tbptt` says otherwise."""

# The most logits that are computed at once.
_NUMBERS = 1 << 21


def in_rows(data: Examples, rows: int, first: int = 0, left_out: int = 0) -> Examples:
    """Return one sequence, from step `first` on, as `rows` sequences; targets are per step.

    The rows differ in length by at most one step, longest first. They cover all steps but
    `left_out`, of which `first` are before them and the others behind. They share the memory of x.
    """
    steps = int(data.lengths.sum()) - left_out
    lengths = torch.full_like(data.starts[:1].expand(rows), steps // rows)
    lengths[: steps % rows] += 1
    begins = first + lengths.cumsum(0) - lengths
    targets = data.first_targets[:1] + begins
    return replace(data, lengths=lengths, starts=data.starts[:1] + begins, targets=targets)


def training_rows(data: Examples, rows: int, span: int, first: int | None = None) -> Examples:
    """Return a text as at most `rows` rows of at least `span` steps.

    Where they begin is drawn from torch's default generator among the first `span` steps, so that
    chunks are cut elsewhere in each epoch, unless `first` is given.
    """
    steps = int(data.lengths.sum())
    spare = min(span, steps - 1)
    if first is None:
        first = int(torch.randint(spare, ())) if spare else 0
    count = max(1, min(rows, (steps - spare) // span))
    return in_rows(data, count, first, spare)


@torch.no_grad()
def judged_in_rows(net: Stack, data: Examples) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the logits of `net` and the targets for all steps of a text, a chunk at a time.

    A long text is read in up to 32 rows, each from the zero state.
    """
    was_training = net.training
    net.eval()
    rows = in_rows(data, max(1, min(_ROWS, len(data.y) // _STEPS)))
    state, order = net.zero_state(len(rows)), torch.arange(len(rows), device=data.x.device)
    steps = max(1, _NUMBERS // (len(rows) * max(net.widest, net.logit_size)))
    for begin in range(0, int(rows.lengths[0]), steps):
        active = int((rows.lengths > begin).sum())
        chunk: Batch = batch(rows, order[:active], begin, begin + steps)
        v, state = chunk.advance(net, state[:active])
        yield v, chunk.y
    net.train(was_training)
