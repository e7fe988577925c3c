"""Runs of rows behave as the sets of rows that they stand for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seqrt.data.runs import as_runs, intersection, of_least, pieces_of, starts_of


@st.composite
def runs(draw):
    edges = sorted(draw(st.sets(st.integers(0, 40), max_size=12)))
    touching = draw(st.booleans())
    step = 1 if touching else 2
    return as_runs(*zip(edges[:-1:step], edges[1::step], strict=False))


def rows_of(runs):
    return [row for first, end in runs.tolist() for row in range(first, end)]


@given(runs(), runs())
def test_an_intersection_has_the_rows_of_both_and_keeps_their_borders(a, b):
    both = intersection(a, b)

    assert rows_of(both) == sorted(set(rows_of(a)) & set(rows_of(b)))
    borders = {*a.ravel().tolist(), *b.ravel().tolist()}
    for first, end in both.tolist():
        assert not borders & set(range(first + 1, end))


@given(runs(), st.integers(1, 6))
def test_a_stretch_starts_at_every_row_from_which_it_stays_in_its_run(a, rows):
    expected = [s for first, end in a.tolist() for s in range(first, end - rows + 1)]

    assert starts_of(a, rows).tolist() == expected


@given(runs(), st.integers(1, 6))
def test_pieces_cover_each_run_in_order(a, rows):
    pieces = pieces_of(a, rows)

    assert rows_of(pieces) == rows_of(a)
    assert all(0 < end - first <= rows for first, end in pieces.tolist())
    assert len(pieces) == sum(-(-(end - first) // rows) for first, end in a.tolist())


@given(runs(), st.integers(1, 6))
def test_runs_that_are_too_short_are_dropped(a, rows):
    assert of_least(a, rows).tolist() == [run for run in a.tolist() if run[1] - run[0] >= rows]
