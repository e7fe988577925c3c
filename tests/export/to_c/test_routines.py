"""The functions in C are accurate to a few units in the last place, and pass NaN on."""

from __future__ import annotations

import math
import subprocess

import c_programs
import numpy as np
import pytest

from seqrt.export.to_c.routines import routines_for

FUNCTIONS = {
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), (-80, 100), 2.6),
    "tanh": (np.tanh, (-100, 100), 4.6),
    "exp": (np.exp, (-87, 88.7), 3.2),
    "expm1": (np.expm1, (-100, 80), 5.0),
    "log": (np.log, (1e-38, 1e38), 3.0),
    "softplus": (lambda x: np.logaddexp(0, x), (-80, 100), 6.0),
    "softsign": (lambda x: x / (1 + np.abs(x)), (-1e6, 1e6), 2.0),
    "atanh": (np.arctanh, (-0.999, 0.999), 7.0),
    "erf": (np.vectorize(math.erf), (-6, 6), 4.0),
    "relu": (lambda x: np.maximum(x, 0), (-9, 9), 0.0),
    "hard_swish": (lambda x: x * np.clip(x / 6 + 0.5, 0, 1), (-9, 9), 4.0),
}
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38], np.float32)
MAIN = """
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
%s
int main(void) {
    float v;
    while (fread(&v, 4, 1, stdin) == 1) {
        float y[%d] = {%s};
        fwrite(y, sizeof y, 1, stdout);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def compute(compiler, tmp_path_factory):
    """Compute every function in C for an array of numbers."""
    folder = tmp_path_factory.mktemp("c")
    calls = ", ".join(f"seqrt_{name}(v)" for name in FUNCTIONS)
    (folder / "f.c").write_text(MAIN % (routines_for(calls), len(FUNCTIONS), calls))
    c_programs.run([compiler, *c_programs.SANITIZED, folder / "f.c", "-o", folder / "f", "-lm"])

    def call(x):
        done = subprocess.run(
            [folder / "f"], input=x.astype(np.float32).tobytes(), capture_output=True, check=True
        )
        y = np.frombuffer(done.stdout, np.float32).reshape(len(x), -1)
        return dict(zip(FUNCTIONS, y.T, strict=True))

    return call


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_accurate(compute, rng, name):
    function, (low, high), most = FUNCTIONS[name]
    sizes = np.exp(rng.uniform(-30, 89, 20_000)) * rng.choice([-1, 1], 20_000)
    x = np.concatenate([sizes, rng.uniform(-10, 10, 20_000), rng.uniform(-1, 1, 20_000)])
    x = x[(x > low) & (x < high)].astype(np.float32)

    y = compute(x)[name]

    true = function(x.astype(np.float64))
    large = np.abs(true) > 1e-36
    error = np.abs(y[large] - true[large]) / np.abs(true[large]) * 2**24
    assert error.max() <= most


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "atanh"])
def test_nan_infinity_and_zero_give_what_the_mathematics_says(compute, name):
    with np.errstate(all="ignore"):
        true = FUNCTIONS[name][0](SPECIAL.astype(np.float64)).astype(np.float32)
    if name in ("softsign", "hard_swish"):
        true[1:3] = np.nan if name == "softsign" else [np.inf, np.nan]

    y = compute(SPECIAL)[name]

    np.testing.assert_array_equal(np.isnan(y), np.isnan(true))
    near = np.isfinite(true) & np.isfinite(y)
    np.testing.assert_allclose(y[near], true[near], rtol=1e-6, atol=1e-37)
    np.testing.assert_array_equal(np.isinf(y), np.isinf(true))


def test_every_number_of_16_bits_is_read_exactly(compiler, tmp_path):
    bits = np.arange(1 << 16, dtype=np.uint16)
    numbers = bits.view(np.float16).astype(np.float32)
    source = MAIN.replace("float v;", "float v = 0; uint16_t h;").replace("&v, 4", "&h, 2")
    (tmp_path / "f.c").write_text(source % (routines_for("seqrt_half("), 1, "seqrt_half(h) + v"))
    c_programs.run([compiler, *c_programs.SANITIZED, tmp_path / "f.c", "-o", tmp_path / "f", "-lm"])

    done = subprocess.run([tmp_path / "f"], input=bits.tobytes(), capture_output=True, check=True)

    finite = np.isfinite(numbers)
    y = np.frombuffer(done.stdout, np.float32)
    np.testing.assert_array_equal(y[finite], numbers[finite])
