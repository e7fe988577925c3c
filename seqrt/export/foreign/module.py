"""A user's own module as the subject of an export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from seqrt import __version__
from seqrt.contract import (
    MANIFEST_KEY,
    NEWEST_FORMAT,
    PROOF_KEY,
    Carry,
    Column,
    Manifest,
    OutputHead,
    seal,
)
from seqrt.contract.guard import guard
from seqrt.contract.manifest import Head
from seqrt.errors import ModelError, SeqrtError, UsageError
from seqrt.export.foreign.build import Built, build
from seqrt.export.foreign.tracing.refusal import Refused
from seqrt.export.foreign.tracing.sequential import as_chain
from seqrt.export.foreign.truth import Truth
from seqrt.export.subject import rounded_again
from seqrt.runtime import Model
from seqrt.runtime.proving.parity import largest
from seqrt.runtime.proving.proof import Case
from seqrt.runtime.types import Doubles, Floats, Lengths
from seqrt.training.networks.metadata import Metadata
from seqrt.training.runs.memory import norms_by_lag

# Rows that a forward with another path for short ones would fail at, and how often the same row is
# run to find one that depends on chance.
_SHORT = (1, 2, 3, 5, 9, 33)
_REPEATS = 6
_SEED = 20261127


def read_module(
    net: nn.Module,
    *,
    head: Head | None = None,
    about: Metadata | None = None,
    example: ArrayLike | None = None,
) -> ForeignModule:
    """Return a module, read and ready to be exported.

    Raises UsageError that names the user's own line for what cannot be a file.
    """
    try:
        module = ForeignModule(build(as_chain(net, head), example), about)
    except Refused as error:
        raise UsageError(error.sentence()) from error
    except SeqrtError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, AssertionError) as error:
        raise UsageError(
            "net cannot be exported: it does something that seqrt does not know"
            f" ({type(error).__name__}: {' '.join(str(error).split()):.200})."
        ) from error
    found = module.manifest().head
    if head not in (None, found):
        raise UsageError(
            f"head must be {found!r}, as the forward of {type(net).__name__} has, got {head!r}."
        )
    return module


class ForeignModule:
    """A user's module: its graph, its manifest, and what its own forward computes."""

    def __init__(self, built: Built, about: Metadata | None) -> None:
        """Wrap what was read; `about` names its features and outputs."""
        self.built, self.truth = built, Truth(built)
        self.checks: list[Callable[[Model], None]] = []
        width = sum(answer.width for answer in built.answers)
        heads = {answer.head for answer in built.answers}
        head: Head = "sequence" if "sequence" in heads else "last"
        self.about = about or Metadata.unnamed(built.features, width, "none", head)
        if about and (len(about.features), len(about.outputs)) != (built.features, width):
            raise UsageError(
                f"about must name {built.features} features and {width} outputs, got"
                f" {len(about.features)} and {len(about.outputs)}."
            )
        self._check_outputs()
        self._manifest = self._fitting(self._described(head))

    def weights(self) -> Mapping[str, Tensor]:
        """Return parameters and buffers by name."""
        state = self.built.net.state_dict()
        return {name: each for name, each in state.items() if each.is_floating_point()}

    def graph(self) -> onnx.ModelProto:
        """Return the ONNX model."""
        copied = onnx.ModelProto()
        copied.CopyFrom(self.built.model)
        return copied

    def manifest(self) -> Manifest:
        """Return the manifest, of format 1 where that can say it."""
        return self._manifest

    def _described(self, head: Head) -> Manifest:
        built, about = self.built, self.about
        layers = list(built.emitter.layers.values())
        answers = built.answers
        several = tuple(
            OutputHead(each.name, each.width, each.head, built.activations[each.name])
            for each in answers
        )
        features = about.features
        if built.tokens and about is not None and features[0].name == "x0":
            features = (Column("token", low=0.0, high=float(built.tokens - 1)),)
        return Manifest(
            name=about.name,
            producer=f"seqrt {__version__}",
            task=about.task,
            head=head,
            activation=several[0].activation if len(several) == 1 else "none",
            layers=tuple(layer for layer in layers if not layer.steps),
            features=features,
            outputs=about.outputs,
            classes=about.classes,
            targets=about.targets,
            window=about.window,
            horizon=about.horizon,
            data_sha256=about.data_sha256,
            seed=about.seed,
            inputs=about.inputs,
            series=about.series,
            time=about.time,
            quantiles=about.quantiles,
            format=NEWEST_FORMAT,
            carries=tuple(Carry(piece.what, piece.size) for piece in built.emitter.pieces),
            least=built.emitter.least,
            tokens=built.tokens,
            decoders=tuple(layer for layer in layers if layer.steps),
            heads=several if len(several) > 1 else (),
            not_streamable=built.why,
        )

    def _fitting(self, manifest: Manifest) -> Manifest:
        """Return the manifest as format 1 if the file is one, which older readers open."""
        older = replace(manifest, format=1, carries=(), not_streamable="")
        newer = manifest.heads or manifest.tokens or manifest.decoders or manifest.least > 1
        if not newer and not self._objection(older):
            return older
        objection = self._objection(manifest)
        if objection:
            raise Refused(f"its graph is more than a file may hold: {objection}")
        return manifest

    def _objection(self, manifest: Manifest) -> str:
        """Return why the guard would refuse the file, if it would."""
        model = self.graph()
        onnx.helper.set_model_props(model, {MANIFEST_KEY: manifest.to_json(), PROOF_KEY: ""})
        try:
            guard(seal(model.SerializeToString(deterministic=True)))
        except ModelError as error:
            return str(error).split(". ")[0]
        return ""

    def gradient(self, x: Floats) -> Doubles | None:
        """Return the gradient of the last outputs by lag; None for tokens, and without one."""
        if self.built.tokens:
            return None
        inputs = torch.from_numpy(x).requires_grad_()
        scale = torch.tensor([column.scale for column in self.about.features])
        try:
            norms = norms_by_lag(self.truth.last(inputs), inputs, scale)
        except RuntimeError:
            # forward detaches what it computes from x
            return None
        return norms if norms.any() else None

    def _check_outputs(self) -> None:
        """Raise Refused if forward depends on chance, or gives no numbers."""
        rng = np.random.Generator(np.random.PCG64(_SEED))
        x = self.draw(1, 7 + self.built.emitter.least, rng)
        first = self.truth.row(torch.float64, x[0])
        if not np.isfinite(first).all():
            raise Refused("forward gives NaN or Inf for ordinary numbers")
        for _ in range(_REPEATS):
            if not np.array_equal(first, self.truth.row(torch.float64, x[0])):
                raise Refused(
                    "forward depends on chance or on earlier calls: the same input gives different"
                    " outputs",
                    "Make it deterministic after net.eval(), and take a state as an argument.",
                )

    def check(self, draft: Model) -> None:
        """Raise UsageError if forward computes something else for short rows."""
        try:
            self._check(draft)
        except Refused as error:
            raise UsageError(error.sentence()) from error
        for check in self.checks:
            check(draft)

    def _check(self, draft: Model) -> None:
        rng, off = np.random.Generator(np.random.PCG64(_SEED)), {}
        for steps in _SHORT:
            if steps < draft.manifest.least:
                continue
            x = self.draw(1, steps, rng)
            truth = self.truth.rows(torch.float64, x, np.array([steps], np.int32))
            error = largest(draft.run(x)[0] - truth)
            if not error <= 1e-4 * max(1.0, largest(truth)):
                off[steps] = error
        if off and len(off) < len(_SHORT):
            steps, error = next(iter(off.items()))
            raise Refused(
                f"forward computes something else for rows of {steps} steps than for others"
                f" (it differs by {error:.1e})",
                "A branch on the number of steps, such as `if x.size(1) > 5`, cannot be in a file.",
            )

    def case(
        self, draft: Model, rows: int, steps: int, rng: np.random.Generator, *, fresh: bool = False
    ) -> Case:
        """Return a case with random inputs.

        A stream has been running for some steps, of which forward reads all again. What forward
        then computes is the truth; the state itself is what the draft computes.
        """
        least = draft.manifest.least
        x = self.draw(rows, steps, rng)
        lengths = np.maximum(least, steps - np.arange(rows) * steps // (rows + 1)).astype(np.int32)
        earlier = 0 if fresh or not draft.manifest.streamable or steps == 1 else 3 + rows % 3
        state = draft.zero_state(rows)
        whole = x
        if earlier:
            before = self.draw(rows, earlier, rng)
            state = draft.run(before)[1]
            whole = np.concatenate([before, x], axis=1)
        truth, y = (
            self._later(kind, whole, lengths, earlier) for kind in (torch.float64, torch.float32)
        )
        error = largest(y - truth)
        ends = state[:, :0].astype(np.float64)
        if draft.manifest.streamable:
            ends = draft.run(x, lengths, state)[1].astype(np.float64)
        return Case(x, lengths, state, truth, ends, error, error)

    def solve(
        self,
        dtype: torch.dtype,
        x: NDArray[Any],
        lengths: Lengths,
        state: Floats,
        *,
        rounded: bool = False,
    ) -> tuple[Doubles, Doubles]:
        """Return y, from zero state, and no final state; see Subject, but tables stay."""
        if rounded and not self.built.tokens:
            x = rounded_again(x)
        return self.truth.rows(dtype, x, lengths), np.zeros((len(x), 0))

    def _later(
        self, dtype: torch.dtype, x: NDArray[Any], lengths: Lengths, earlier: int
    ) -> Doubles:
        """Return y of the steps after the first `earlier` ones."""
        try:
            y = self.truth.rows(dtype, x, (lengths + earlier).astype(np.int32))
        except Refused as error:
            raise UsageError(error.sentence()) from error
        return y[:, earlier:] if y.ndim == len("BTO") else y

    def draw(self, rows: int, steps: int, rng: np.random.Generator) -> NDArray[Any]:
        """Draw inputs uniformly from the typical range of each feature, or any ids."""
        if self.built.tokens:
            return rng.integers(0, self.built.tokens, (rows, steps))
        x = np.empty((rows, steps, self.built.features), np.float32)
        for d, column in enumerate(self.about.features):
            low, high = column.typical_range
            x[..., d] = low + (high - low) * rng.random((rows, steps))
        return x
