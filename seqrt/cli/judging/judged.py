"""The back-test of a forecasting model on a table, as `seqrt evaluate` makes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrt.errors import UsageError
from seqrt.wording import series_name

if TYPE_CHECKING:
    from seqrt.ahead.layout import ForecastLayout
    from seqrt.contract import Manifest
    from seqrt.data import Part, Sequences, Timeline
    from seqrt.forecasting.back_test import BackTest
    from seqrt.forecasting.origins import Origins


@dataclass(frozen=True)
class JudgeOptions:
    """The options of `seqrt evaluate` for forecasts."""

    season: int | None = None
    baselines: bool = False
    plot: Path | None = None

    def check(self, data: Path, model: Path) -> None:
        """Raise an error if a package is not installed or the picture cannot be written."""
        from seqrt.drawing.style import check_matplotlib
        from seqrt.files import check_not_input, check_writable
        from seqrt.forecasting.classical import check_statsforecast

        if self.baselines:
            check_statsforecast()
        if self.plot is None:
            return
        if self.plot.suffix.lower() != ".png":
            raise UsageError(f"--plot must name a file that ends in .png, got {str(self.plot)!r}.")
        check_matplotlib()
        check_not_input(self.plot, data, model)
        check_writable(self.plot)

    def check_unused(self, what: str) -> None:
        """Raise UsageError if one is given where there is no back-test."""
        if self.season or self.baselines or self.plot:
            raise UsageError(
                "--season, --baselines and --plot apply to forecasts of the rows of a table, not to"
                f" {what}. Drop them."
            )


@dataclass(frozen=True, eq=False)
class Judgement:
    """A back-test, and what its report and its picture need besides."""

    test: BackTest
    data: Timeline
    origins: Origins
    layout: ForecastLayout
    predicted: Any

    @property
    def points(self) -> Any:
        """The point forecasts (N, O), like the targets of a part."""
        return self.layout.point(self.predicted).reshape(len(self.predicted), -1)

    def record(self) -> dict[str, Any]:
        """Return the back-test for JSON."""
        from seqrt.cli.judging.record import back_test_record

        names = [series_name(self.data.keys[i]) for i in self.origins.judged.tolist()]
        return {"back_test": back_test_record(self.test, names)}


def judged_targets(manifest: Manifest, given: tuple[str, ...]) -> tuple[Manifest, tuple[str, ...]]:
    """Return the manifest by which to read data, and the columns of the targets.

    Of a model of wide columns, those that are `given` are read, and their values are the target.
    Raises UsageError for one that the model does not forecast.
    """
    if not manifest.wide or not given or given == manifest.targets:
        return manifest, given
    wrong = next((name for name in given if name not in manifest.wide), None)
    if wrong is not None:
        raise UsageError(
            f"--target must be among the targets of the model, {', '.join(manifest.wide)!s:.80},"
            f" got {wrong!r}."
        )
    return replace(manifest, wide=given), ()


def judge(
    data: Timeline | Sequences,
    manifest: Manifest,
    part: Part,
    predicted: Any,
    target: tuple[str, ...],
    options: JudgeOptions,
) -> Judgement | None:
    """Return the back-test of predictions (N, O) for `part` of a table; None for other tasks."""
    from seqrt.ahead.layout import ForecastLayout
    from seqrt.data import Sequences
    from seqrt.data.serving import target_values
    from seqrt.forecasting.back_test import back_test
    from seqrt.forecasting.origins import Origins

    if manifest.task != "forecast" or isinstance(data, Sequences) or part.first_rows is None:
        options.check_unused("sequences" if isinstance(data, Sequences) else manifest.task)
        return None
    layout = ForecastLayout.of(manifest)
    if predicted.shape[1] != part.truth.shape[1] * max(1, len(layout.quantiles)):
        return None  # which is an error when the metrics are measured
    timeline, values = target_values(data, manifest, target)
    origins = Origins.of(values, part.first_rows, manifest.horizon or 1, timeline)
    more = _classical if options.baselines else None
    test = back_test(origins, predicted, layout, season=options.season, more=more)
    return Judgement(test, timeline, origins, layout, predicted)


def seen_in_training(data: Path, manifest: Manifest) -> Iterator[str]:
    """Yield a note if a file is the one that a model was trained on."""
    from seqrt.data.readers.source import digest

    if manifest.data_sha256 and digest(data) == manifest.data_sha256:
        yield (
            f"{data.name} is what the network was trained on, so these metrics flatter it. Use"
            " rows that it has not seen, with --span or another file."
        )


def _classical(origins: Origins, season: int) -> Iterator[tuple[str, Any]]:
    from seqrt.cli.progress import work_progress
    from seqrt.forecasting.classical import NAMES, classical

    total = len(NAMES) * len(origins) * origins.values.shape[1]
    with work_progress(total, "forecasts") as advance:
        yield from classical(origins, season, advance)
