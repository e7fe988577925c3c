"""A forecaster as the subject of an export."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import torch

from seqrt.contract import Column, Manifest
from seqrt.contract.quantiles import output_names
from seqrt.export.forecasting.build import build_forecaster
from seqrt.export.graph.weights import float32_array
from seqrt.export.network import MISSING_SHARE, SeqrtNetwork
from seqrt.runtime.types import Doubles, Floats, Lengths
from seqrt.training.networks.forecasting.forecaster import Forecaster
from seqrt.training.runs.memory import gradient_by_lag


class ForecasterNetwork(SeqrtNetwork):
    """A forecaster, its manifest, and its solutions in torch."""

    def __init__(self, net: Forecaster) -> None:
        """Wrap a forecaster on the CPU in float32."""
        super().__init__(net)
        self.net = net

    def graph(self) -> onnx.ModelProto:
        """Return the ONNX model."""
        return build_forecaster(self.net)

    def manifest(self) -> Manifest:
        """Return the manifest: a forecast at every step, and its quantiles if it gives several.

        Outputs that no data has named get the names of a forecast of the target.
        """
        config, manifest = self.net.architecture, super().manifest()
        quantiles = config.answers if len(config.answers) > 1 else ()
        outputs, targets = manifest.outputs, manifest.targets
        if manifest.task != "forecast":
            targets = (manifest.features[config.target].name,)
            outputs = _named(outputs, output_names(targets, config.horizon, quantiles))
        return replace(
            manifest,
            task="forecast",
            outputs=outputs,
            targets=targets,
            window=None,
            horizon=config.horizon,
            quantiles=quantiles,
            floor=config.floor,
        )

    def gradient(self, x: Floats) -> Doubles:
        """Return the gradient of the last quantiles by lag; rows in turn, to bound the memory."""
        norms: Doubles = np.mean([gradient_by_lag(self.net, row[None]) for row in x], axis=0)
        return norms

    def solve(
        self,
        dtype: torch.dtype,
        x: Floats | Doubles,
        lengths: Lengths,
        state: Floats | Doubles,
        *,
        rounded: bool = False,
    ) -> tuple[Doubles, Doubles]:
        """Return y and the final state as torch computes them, rows in turn as in `gradient`."""
        rows, one = [slice(row, row + 1) for row in range(len(x))], super().solve
        solved = [one(dtype, x[row], lengths[row], state[row], rounded=rounded) for row in rows]
        y, ends = zip(*solved, strict=True)
        return np.concatenate(y), np.concatenate(ends)

    def draw_states(self, rows: int, rng: np.random.Generator) -> Floats:
        """Draw states (B, S) of series that have begun from 0 to L - 1 steps before.

        The chains are within ±1/2, and the lags are drawn like inputs. The first row is at its
        start, where the state is 0.
        """
        net, state = self.net, super().draw_states(rows, rng)
        config, before = net.architecture, net.architecture.lags - 1
        x = self.draw_inputs(rows, before, rng)
        u = (x - float32_array(net.x_mean)) / float32_array(net.x_scale)
        begun = rng.integers(0, before + 1, (rows, 1))
        known = np.arange(before) >= before - begun
        if config.missing == "indicator":
            known &= rng.random(known.shape) >= MISSING_SHARE
        at = net.layer.state_size
        state[:, at : at + before] = u[..., config.target] * known
        state[:, at + before : at + 2 * before] = known
        state[0] = 0
        return state


def _named(columns: tuple[Column, ...], names: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(replace(column, name=name) for column, name in zip(columns, names, strict=True))
