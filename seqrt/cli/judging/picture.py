"""The picture of a back-test, drawn from the forecasts of the model and the best baseline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrt.wording import series_name

if TYPE_CHECKING:
    from seqrt.cli.judging.judged import Judgement

_MOST_PANELS = 4


def draw(judged: Judgement, path: Path) -> None:
    """Write the picture of a back-test to `path`."""
    from seqrt.drawing.back_test import back_test_figure
    from seqrt.drawing.style import save_figure

    save_figure(
        back_test_figure(judged.test, _panels(judged), judged.data.table.time or "row"), path
    )


def _panels(judged: Judgement) -> list[Any]:
    """Return a panel for each series and target, at most the first four."""
    from seqrt.drawing.back_test import Panel
    from seqrt.forecasting.back_test import naive_forecasters

    origins, test = judged.origins, judged.test
    best = naive_forecasters(origins, test.season)[test.best_naive.name](origins, test.season)
    points, levels = judged.layout.point(judged.predicted), judged.layout.levels
    ends = judged.layout.interval(judged.predicted, levels[-1]) if levels else ()
    panels = []
    for group, number in enumerate(origins.judged.tolist()):
        for k in range(origins.values.shape[1]):
            part = origins.slice_of(group)
            first, stop = int(judged.data.bounds[number]), int(judged.data.bounds[number + 1])
            key, target = series_name(judged.data.keys[number]), judged.layout.targets[k]
            panels.append(
                Panel(
                    title=f"{key}: {target}" if key else target,
                    when=_when(judged, first, stop),
                    truth=origins.values[first:stop, k],
                    rows=origins.rows[part] - first,
                    model=points[part, :, k],
                    baseline=best[part, :, k],
                    ends=tuple(each[part, :, k] for each in ends),
                    level=levels[-1] if levels else 0.0,
                )
            )
            if len(panels) == _MOST_PANELS:
                return panels
    return panels


def _when(judged: Judgement, first: int, stop: int) -> Any:
    """Return the times of some rows as numbers or dates, or their numbers from 1."""
    import numpy as np

    if judged.data.times is None:
        return np.arange(1, stop - first + 1)
    return judged.data.times.take(np.arange(first, stop)).values()
