"""Which tokens speak for each class: the gradient of its logit times the embedding, as a picture.

The gradient is its mean on the way from embeddings of zero to those of the text. What all tokens of
a text say then adds up to its logit, less that of embeddings of zero. The gradient at the text
alone can have the wrong sign where a network is sure: `good` may then speak for `negative`.

Integrated gradients: Sundararajan et al. 2017, arXiv:1703.01365.
"""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from seqrt.colours import BLUE, INK
from seqrt.contract.text import UNKNOWN, Text
from seqrt.data.ragged import Ragged
from seqrt.drawing.style import new_figure, save_figure, style_axes
from seqrt.training.inputs.batches import batch
from seqrt.training.inputs.examples import unlabelled
from seqrt.training.networks.stack import Stack

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Doubles = NDArray[np.float64]

# The most texts and tokens that are read, which takes seconds, and the most tokens of a batch.
_TEXTS, _TOKENS, _BATCH = 2000, 50_000, 20_000
# Where on the way from zero to the text gradients are taken. With eight points, what the tokens of
# the built-in sentences say adds up to their logits within 2 % on average; with four, within 10 %.
_POINTS = tuple((i + 0.5) / 8 for i in range(8))
# A token that occurs less often may stand beside a telling one by chance.
_LEAST = 3
_CLASSES, _SHOWN = 6, 10


class Telling(NamedTuple):
    """What each token says for each class: `mean` (C, V) over its `counts` (V,) occurrences."""

    mean: Doubles
    counts: NDArray[np.int64]

    def top(self, label: int, number: int) -> list[int]:
        """Return the ids that speak most for a class, the strongest first."""
        often = np.flatnonzero(self.counts >= min(_LEAST, self.counts.max()))
        order = often[np.argsort(-self.mean[label, often], kind="stable")]
        return [int(i) for i in order[:number] if self.mean[label, i] > 0]


def telling_tokens(net: Stack, texts: Ragged) -> Telling:
    """Return what each token of the `texts` says for each class of a network of tokens.

    The mean over all classes is taken off, as softmax does not see it.
    """
    twin = copy.deepcopy(net).cpu().float().eval().requires_grad_(False)
    count = min(len(texts), _TEXTS, max(1, _TOKENS * len(texts) // int(texts.lengths.sum())))
    chosen = texts[np.linspace(0, len(texts) - 1, count).astype(np.intp)]
    data = unlabelled(chosen, twin.head)
    total = torch.zeros(twin.logit_size, twin.tokens, dtype=torch.float64)
    counts = torch.zeros(twin.tokens, dtype=torch.int64)
    rows = max(1, _BATCH // chosen.longest)
    for group in data.lengths.argsort(stable=True).split(rows):
        read = batch(data, group)
        inside = torch.ones(read.x.shape[:2], dtype=torch.bool)
        if read.lengths is not None:
            inside = read.valid()
        ids = read.x[..., 0][inside].long()
        whole = twin.inputs(read.x)
        for point in _POINTS:
            u = (point * whole).requires_grad_()
            v = twin.logits_from(u, read.lengths).sum(0)
            for label, logit in enumerate(v - v.mean()):
                (gradient,) = torch.autograd.grad(logit, u, retain_graph=True)
                said = (gradient * whole).sum(-1)[inside] / len(_POINTS)
                total[label].index_add_(0, ids, said.double())
        counts += torch.bincount(ids, minlength=twin.tokens)
    return Telling((total / counts.clamp(min=1)).numpy(), counts.numpy())


def draw_telling_tokens(folder: Path, net: Stack, texts: Ragged) -> tuple[Path, ...]:
    """Write tokens.png into the folder of a run, if its network reads text to tell classes."""
    metadata = net.metadata
    if not (metadata.text and metadata.classes and net.head == "last"):
        return ()
    figure = tokens_figure(telling_tokens(net, texts), metadata.text, metadata.classes)
    save_figure(figure, folder / "tokens.png")
    return (folder / "tokens.png",)


def tokens_figure(telling: Telling, text: Text, classes: tuple[int | str, ...]) -> Figure:
    """Draw the tokens that speak most for each of at most 6 classes."""
    shown = classes[:_CLASSES]
    columns = min(len(shown), 3)
    rows = math.ceil(len(shown) / columns)
    figure = new_figure(3.6 * columns, 0.6 + 2.9 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for label, (axes, name) in enumerate(zip(panels, shown, strict=False)):
        top = telling.top(label, _SHOWN)[::-1]
        axes.barh(range(len(top)), telling.mean[label, top], color=BLUE, height=0.7)
        axes.set_yticks(range(len(top)), [name_of_token(text, i) for i in top], color=INK)
        style_axes(axes, f"for {name}")
        axes.grid(visible=False, axis="y")
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    more = f" (the first {len(shown)} of {len(classes)} classes)" if shown != classes else ""
    figure.supxlabel(f"gradient × embedding, mean over occurrences{more}", color=INK, fontsize=10)
    return figure


def name_of_token(text: Text, number: int) -> str:
    """Return a token as a picture shows it."""
    if number == UNKNOWN:
        return "(unknown)"
    if text.kind == "words":
        return text.vocabulary[number - 1]
    byte = number - 1
    return repr(chr(byte)) if 0x20 <= byte < 0x7F else f"byte 0x{byte:02x}"
