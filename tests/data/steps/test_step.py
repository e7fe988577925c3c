"""The step: inferred from the times, in words and back, and counted on from a row."""

from __future__ import annotations

import numpy as np
import pytest

from seqrt.data.steps.step import Step
from seqrt.encoding.times import read_numbers, read_texts


def step_of(cells):
    times = read_texts(cells).times if isinstance(cells[0], str) else read_numbers(np.array(cells))
    return Step.of(times, np.ones(len(cells) - 1, bool)), times


def every(first, step, count=12):
    return [str(np.datetime64(first) + np.timedelta64(*step) * i) for i in range(count)]


MONTH_ENDS = ["2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]
WORKDAYS = [day for day in every("2024-01-01", (1, "D"), 30) if np.is_busday(day)]


@pytest.mark.parametrize(
    ("cells", "text", "after"),
    [
        (every("2024-01-01T00:00:00", (3, "s")), "3 seconds", "2024-01-01T00:00:36"),
        (every("2024-01-01T00:00", (15, "m")), "15 minutes", "2024-01-01T03:00"),
        (every("2024-01-01T00", (1, "h"), 25), "1 hour", "2024-01-02T01"),
        (every("2024-01-01T00:00:00.0", (100, "ms")), "100 milliseconds", None),
        (every("2024-02-25", (1, "D"), 4), "1 day", "2024-02-29"),
        (every("2024-01-05", (7, "D")), "1 week", "2024-03-29"),
        (WORKDAYS, "1 business day", "2024-01-31"),
        (WORKDAYS[:-3], "1 business day", "2024-01-26"),
        (["2024-01", "2024-02", "2024-03"], "1 month", "2024-04"),
        (["15.01.2024", "15.02.2024", "15.03.2024"], "1 month", "15.04.2024"),
        (MONTH_ENDS, "1 month", "2024-05-31"),
        (["2023Q1", "2023Q2", "2023Q3"], "1 quarter", "2023Q4"),
        (["2021-12-31", "2022-12-31", "2023-12-31"], "1 year", "2024-12-31"),
        ([1700.0, 1701.0, 1702.0], "1", "1703"),
        ([0.0, 0.1, 0.2, 0.30000000000000004], "0.1", None),
        ([1711713600.0, 1711713660.0], "1 minute", "1711713720"),
    ],
)
def test_a_step_is_inferred_and_counted_on(cells, text, after):
    step, times = step_of(cells)

    assert step.text == text
    if after is not None:
        assert step.after(times.take(slice(-1, None)), 1).text() == [after]


def test_several_steps_ahead_keep_to_the_calendar():
    ends, at_end = step_of(MONTH_ENDS)
    days, workdays = step_of(WORKDAYS[:10])

    assert ends.after(at_end.take(slice(-1, None)), 3).text() == ["2024-07-31"]
    assert days.after(workdays.take(slice(-1, None)), 6).text() == ["2024-01-22"]


def test_a_day_is_counted_on_the_clock_and_an_hour_between_instants():
    days, at_midnight = step_of([f"2024-03-{day} 00:00 Europe/Berlin" for day in (28, 29, 30, 31)])
    hours, before = step_of(
        [f"2024-03-31 {hour}:00 Europe/Berlin" for hour in ("00", "01", "03", "04")]
    )

    assert days.text == "1 day"
    assert days.after(at_midnight, 1).text()[-1] == "2024-04-01 00:00 Europe/Berlin"
    assert hours.text == "1 hour"
    assert hours.after(before, 1).text()[1] == "2024-03-31 03:00 Europe/Berlin"


def test_clocks_may_jitter_by_less_than_half_a_step():
    seconds = np.cumsum(10 + np.random.default_rng(0).uniform(-2, 2, 200))

    step, times = step_of(list(seconds))

    assert step.regular
    assert step.size == pytest.approx(10, abs=0.5)
    assert step.follows(np.diff(times.instant) / step.size).all()


def test_events_have_no_step():
    step, _ = step_of(list(np.cumsum(np.random.default_rng(0).exponential(10, 200))))

    assert not step.regular
    assert step.text == ""


@pytest.mark.parametrize(
    "text", ["3 seconds", "90 minutes", "1 day", "2 weeks", "1 business day", "1 quarter", "0.5"]
)
def test_a_step_in_words_is_read_back(text):
    assert Step.of_text(text).text == text


@pytest.mark.parametrize("text", ["", "often", "1 moon"])
def test_another_text_is_no_step(text):
    assert Step.of_text(text) is None
