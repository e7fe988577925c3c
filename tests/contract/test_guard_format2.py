"""Files of format 2 that are built from the idioms pass the guard."""

from __future__ import annotations

import format2_nets
import pytest

from seqrt.contract.guard import guard


@pytest.mark.parametrize("name", format2_nets.NETS)
def test_a_file_made_of_idioms_passes(name: str):
    found = guard(format2_nets.NETS[name]())

    assert (found.manifest.name, found.manifest.format) == (name, 2)
