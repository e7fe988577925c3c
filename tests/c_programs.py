"""Compiles the C of model files, and runs its steps on given input, for tests and tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np

from seqrt.export.to_c.source import sources
from seqrt.runtime.opening.file import ModelFile

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
SANITIZED = [*WARNINGS, "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]

_DRIVER = """
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
{includes}
{tests}
static void get(void *to, size_t size) {{ if (fread(to, 1, size, stdin) != size) exit(9); }}
static void put(const void *from, size_t size) {{ fwrite(from, 1, size, stdout); }}
int main(int count, char **words) {{
    int32_t which, steps, t;
    (void)words;
    if (count > 1) {{ int failed = 0; {proofs} return failed; }}
    while (fread(&which, 4, 1, stdin) == 1) {{
        get(&steps, 4);
        {cases}
    }}
    return 0;
}}
"""
_CASE = """if (which == {number}) {{
            {name}_state s; {kind} x[{name}_FEATURES]; float y[{name}_OUTPUTS];
            get(s.v, {name}_STATE * 4);
            for (t = 0; t < steps; t++) {{
                get(x, sizeof x); {name}_step(&s, x, y); put(y, sizeof y);
            }}
            put(s.v, {name}_STATE * 4);
        }}
"""


class Program:
    """The C of several model files in one program.

    `flags` go to the compiler, `runner` before the program, such as an emulator.
    """

    def __init__(self, files, folder, compiler="gcc", flags=SANITIZED, runner=()):
        self.files = {name: ModelFile.parse(content) for name, content in files.items()}
        self.order = list(self.files)
        self.runner, self.path = [*runner], Path(folder) / f"program-{compiler.replace('/', '-')}"
        units = []
        for name, file in self.files.items():
            text = sources(file, name)
            Path(folder, f"{name}.h").write_text(text.header, "utf-8")
            Path(folder, f"{name}.c").write_text(text.source, "utf-8")
            unit = Path(folder, f"{name}-{compiler}.o")
            main = [f"-D{name}_MAIN", f"-Dmain={name}_main"] if file.proof else []
            run([compiler, *flags, *main, "-c", Path(folder, f"{name}.c"), "-o", unit])
            units.append(unit)
        driver = Path(folder, "driver.c")
        driver.write_text(self._driver())
        run([compiler, *flags, driver, *units, "-o", self.path, "-lm"])

    def _driver(self):
        proved = [name for name, file in self.files.items() if file.proof]
        cases = [
            _CASE.format(
                number=number,
                name=name,
                kind="int32_t" if file.manifest.tokens else "float",
            )
            for number, (name, file) in enumerate(self.files.items())
        ]
        return _DRIVER.format(
            includes="\n".join(f'#include "{name}.h"' for name in self.order),
            tests="\n".join(f"int {name}_main(void);" for name in proved),
            proofs=" ".join(f"failed |= {name}_main();" for name in proved),
            cases="\n        ".join(cases),
        )

    def prove(self):
        """Run the golden cases of every file: the exit code, and a line for each file."""
        command = [*self.runner, self.path, "prove"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines(), done.stderr

    def steps(self, jobs):
        """Run (name, x (T, D), state (S,)) one after the other: y (T, O) and the state of each."""
        data = b""
        for name, x, state in jobs:
            kind = np.int32 if self.files[name].manifest.tokens else np.float32
            data += np.array([self.order.index(name), len(x)], np.int32).tobytes()
            data += np.asarray(state, np.float32).tobytes() + np.asarray(x, kind).tobytes()
        command = [*self.runner, self.path]
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()[:2000]
        numbers, found = np.frombuffer(done.stdout, np.float32), []
        for name, x, _ in jobs:
            m = self.files[name].manifest
            size = len(x) * len(m.outputs)
            y, state, numbers = np.split(numbers, [size, size + m.state_size])
            found.append((y.reshape(len(x), -1), state))
        assert not len(numbers)
        return found


def run(command, **options):
    """Run a compiler; fail with what it says."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stderr[:3000]}"
    return done
