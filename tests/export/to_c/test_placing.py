"""The next state is written in an order in which no number is lost."""

from __future__ import annotations

from pathlib import Path

import c_programs
import numpy as np
import pytest

from seqrt.export.to_c.operations import Leaf, Map, StepResult, Term
from seqrt.export.to_c.places import Buffers
from seqrt.export.to_c.placing import place_buffers, state_copies
from seqrt.export.to_c.step_code import step_code
from seqrt.export.to_c.tracing.values import Operations
from seqrt.runtime.opening.file import ModelFile

NETS = Path(__file__).parents[2] / "runtime" / "nets"


@pytest.fixture
def buffers():
    buffers = Buffers()
    buffers.buffer("state", 6)
    return buffers


def moved(copies, buffers):
    """What the copies leave of a state of 0 to 5, other numbers being negative."""
    state = np.arange(6)
    for offset, place, size in copies:
        buffer, at = buffers.find(place)
        inside = buffer.kind == "state"
        part = state[at : at + size].copy() if inside else -1 - at - np.arange(size)
        state[offset : offset + size] = part
    return state.tolist()


def test_a_register_moves_on_and_takes_in_the_new_number(buffers):
    state, x = buffers.buffers[0], buffers.buffer("x", 1)
    result = StepResult(np.concatenate([state.places[1:], x.places]), x.places)

    copies, cyclic = state_copies(buffers, place_buffers(buffers, [], result), result)

    assert (moved(copies, buffers), cyclic) == ([1, 2, 3, 4, 5, -1], False)


def test_registers_that_read_each_other_are_moved_in_order(buffers):
    places = buffers.buffers[0].places
    result = StepResult(places[[2, 3, 4, 5, 4, 5]], places[:1])

    copies, cyclic = state_copies(buffers, place_buffers(buffers, [], result), result)

    assert (moved(copies, buffers), cyclic) == ([2, 3, 4, 5, 4, 5], False)


def test_parts_that_change_places_need_the_state_to_be_saved(buffers):
    places = buffers.buffers[0].places
    result = StepResult(places[[3, 4, 5, 0, 1, 2]], places[:1])

    _, cyclic = state_copies(buffers, place_buffers(buffers, [], result), result)

    assert cyclic


def double(buffers, places):
    out = buffers.buffer("work", len(places))
    return Map(out, Term("2.0f * {0}", (Leaf(places),)))


def test_a_result_is_computed_where_the_next_step_reads_it(buffers):
    state = buffers.buffers[0]
    operation = double(buffers, state.places)
    result = StepResult(operation.out.places, operation.out.places[:1])

    placement = place_buffers(buffers, [operation], result)

    assert placement.where[operation.out.number] == ("state", 0)
    assert placement.workspace == 0


def test_a_result_waits_if_something_later_reads_what_it_replaces(buffers):
    state = buffers.buffers[0]
    first, later = double(buffers, state.places), double(buffers, state.places[:1])
    result = StepResult(first.out.places, later.out.places)

    placement = place_buffers(buffers, [first, later], result)

    assert placement.where[first.out.number] == ("work", 0)
    assert placement.where[later.out.number] == ("y", 0)


def test_a_result_waits_if_it_would_overwrite_what_it_still_reads(buffers):
    state = buffers.buffers[0]
    backwards = double(buffers, state.places[::-1])
    result = StepResult(backwards.out.places, backwards.out.places[:1])

    placement = place_buffers(buffers, [backwards], result)

    assert placement.where[backwards.out.number][0] == "work"


def test_two_results_share_the_workspace_if_they_are_not_needed_at_once(buffers):
    x, state = buffers.buffer("x", 4), buffers.buffers[0].places
    one = double(buffers, x.places)
    two = double(buffers, one.out.places)
    three = double(buffers, two.out.places)
    four = double(buffers, three.out.places)
    result = StepResult(state, four.out.places)

    placement = place_buffers(buffers, [one, two, three, four], result)

    assert placement.where[one.out.number] == placement.where[three.out.number]
    assert placement.workspace == 8


SWAP = """
#include <stdio.h>
#include <string.h>
typedef struct {{ float v[6]; }} net_state;
static void step(net_state *state, const float *x, float *y) {{
{body}
}}
int main(void) {{
    net_state s = {{{{0, 1, 2, 3, 4, 5}}}};
    float x[1] = {{0}}, y[1];
    int i;
    step(&s, x, y);
    for (i = 0; i < 6; i++) {{ printf("%g ", s.v[i]); }}
    printf("%g", y[0]);
    return 0;
}}
"""


@pytest.mark.parametrize("order", [[3, 4, 5, 0, 1, 2], [1, 2, 3, 4, 5, 0], [5, 4, 3, 2, 1, 0]])
def test_parts_that_change_places_arrive_in_c(compiler, tmp_path, order):
    manifest = ModelFile.parse((NETS / "gru-last.onnx").read_bytes()).manifest
    to = Operations(manifest)
    state = to.memory.buffer("state", 6).places
    code = step_code(to, StepResult(state[order], state[2:3]))
    (tmp_path / "swap.c").write_text(SWAP.format(body=code.body))

    c_programs.run([compiler, *c_programs.SANITIZED, tmp_path / "swap.c", "-o", tmp_path / "swap"])
    done = c_programs.run([tmp_path / "swap"])

    assert done.stdout.split() == [*map(str, order), "2"]
