"""Machines that run the C of models: this one, an emulated ARMv7, and an emulated Cortex-M4F.

On each, a program replays the golden cases of a model, then runs 1,000 steps from the start and
prints a hash of all bits that came out, which is the same on all machines. The emulated Cortex-M4F
also counts the instructions of a step.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import c_programs

from seqrt.export.to_c.source import sources
from seqrt.export.to_c.text import number
from seqrt.runtime.opening.file import ModelFile

_PROGRAM = """
#include <stdint.h>
#include <stdio.h>
#include "NAME.h"
int NAME_main(void);
static NAME_state state;
static const float low[] = {LOW}, high[] = {HIGH};
int main(void) {
    uint32_t hash = 2166136261u, random = 1u;
    int t, j, failed = NAME_main();
    union { float f; uint32_t i; } u;
    for (t = 0; t < 1000; t++) {
        KIND x[NAME_FEATURES];
        float y[NAME_OUTPUTS];
        for (j = 0; j < NAME_FEATURES; j++) {
            random = random * 1664525u + 1013904223u;
            x[j] = (KIND)(low[j] + (high[j] - low[j]) * ((float)(random >> 8) / 16777216.0f));
        }
        NAME_step(&state, x, y);
        for (j = 0; j < NAME_OUTPUTS; j++) { u.f = y[j]; hash = (hash ^ u.i) * 16777619u; }
    }
    for (j = 0; j < NAME_STATE; j++) { u.f = state.v[j]; hash = (hash ^ u.i) * 16777619u; }
    printf("bits %08lx\\n", (unsigned long)hash);
#ifdef BARE
    {
        /* SysTick counts 25 MHz of an emulated time in which an instruction takes 1 ns */
        static float x[NAME_FEATURES], y[NAME_OUTPUTS];
        volatile uint32_t *tick = (volatile uint32_t *)0xE000E010u;
        uint32_t begin, end;
        tick[1] = 0xffffff;
        tick[0] = 5;
        begin = tick[2];
        for (t = 0; t < 10; t++) { NAME_step(&state, (const void *)x, y); }
        end = tick[2];
        printf("%lu instructions\\n", (unsigned long)(((begin - end) & 0xffffff) * 4));
    }
#endif
    return failed;
}
"""

# A Cortex-M has no operating system: memory, the first stack pointer, and the switch of the FPU.
_LINKER = """
MEMORY {
    code (rx) : ORIGIN = 0x00000000, LENGTH = 4M
    ram (rwx) : ORIGIN = 0x20000000, LENGTH = 4M
}
ENTRY(reset)
SECTIONS {
    .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) KEEP(*(.init)) KEEP(*(.fini)) } > code
    .ARM.exidx : { __exidx_start = .; *(.ARM.exidx*) __exidx_end = .; } > code
    .data : { *(.data*) } > ram
    .bss : { __bss_start__ = .; *(.bss*) *(COMMON) __bss_end__ = .; } > ram
    end = .; __end__ = .;
}
"""
_START = """
extern void _start(void);
void reset(void) {
    *(volatile unsigned *)0xE000ED88 |= 0xFu << 20; /* CPACR: the FPU on */
    __asm volatile("dsb\\n isb");
    _start();
    for (;;) { }
}
static void stop(void) { for (;;) { } }
__attribute__((section(".vectors"), used)) void (*const vectors[16])(void) = {
    (void (*)(void))0x20400000, reset, stop, stop, stop, stop, stop,
};
"""


@dataclass(frozen=True)
class Machine:
    """A compiler with its flags, and the command that runs what it made."""

    name: str
    compiler: str
    flags: tuple[str, ...]
    runner: tuple[str, ...] = ()
    bare: bool = False

    @property
    def missing(self) -> list[str]:
        """The programs that are not installed."""
        needed = (self.compiler, *self.runner[:1])
        return [program for program in needed if not shutil.which(program)]


_M4F = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
_EMULATED = (
    *("qemu-system-arm", "-machine", "mps2-an386", "-cpu", "cortex-m4", "-nographic"),
    *("-icount", "shift=0", "-semihosting-config", "enable=on,target=native", "-kernel"),
)
MACHINES = [
    *(
        Machine(f"{compiler} {flag}", compiler, (flag, "-ffp-contract=off"))
        for compiler in ("gcc", "clang")
        for flag in ("-O0", "-O2", "-O3", "-Os")
    ),
    Machine("gcc -O3 -march=native", "gcc", ("-O3", "-march=native", "-ffp-contract=off")),
    Machine("ARMv7, -O3", "arm-linux-gnueabihf-gcc", ("-O3", "-static"), ("qemu-arm",)),
    Machine("Cortex-M4F, -Os", "arm-none-eabi-gcc", ("-Os", *_M4F), _EMULATED, bare=True),
    Machine(
        "Cortex-M4F, __fp16",
        "arm-none-eabi-gcc",
        ("-Os", "-mfp16-format=ieee", *_M4F),
        _EMULATED,
        bare=True,
    ),
]


def replay(content: bytes, machine: Machine, folder: Path) -> tuple[int, list[str]]:
    """Compile and run the program for a model: the exit code and the lines that it prints."""
    file, name = ModelFile.parse(content), "net"
    text, m = sources(file, name), file.manifest
    low, high = zip(*(column.typical_range for column in m.features), strict=True)
    if m.tokens:
        low, high = (0.0,), (float(m.tokens),)
    parts = {
        "LOW": ", ".join(map(number, low)),
        "HIGH": ", ".join(map(number, high)),
        "KIND": "int32_t" if m.tokens else "float",
        "NAME": name,
    }
    program = _PROGRAM
    for word, part in parts.items():
        program = program.replace(word, part)
    files = {f"{name}.h": text.header, f"{name}.c": text.source, "main.c": program}
    extra = []
    if machine.bare:
        files |= {"start.c": _START, "memory.ld": _LINKER}
        extra = ["-DBARE", "start.c", "--specs=rdimon.specs", "-T", "memory.ld"]
    for path, content_of in files.items():
        (folder / path).write_text(content_of, "utf-8")
    flags = [machine.compiler, "-std=c99", "-Wall", "-Wextra", *machine.flags]
    c_programs.run([*flags, "-c", f"-D{name}_MAIN", f"-Dmain={name}_main", f"{name}.c"], cwd=folder)
    c_programs.run([*flags, "main.c", f"{name}.o", *extra, "-o", "program", "-lm"], cwd=folder)
    done = subprocess.run(
        [*machine.runner, "./program"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()
