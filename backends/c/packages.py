"""What an artifact is wrapped in: a CMake project, a library for the Arduino IDE, or a module of Zephyr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lissom.backends.c.build_files import board_files, cmake, toolchain, units
from lissom.backends.c.cross import CROSS
from lissom.backends.c.program import Program
from lissom.backends.c.source import Port

Package = Literal["cmake", "arduino", "zephyr"]
PACKAGES: tuple[Package, ...] = ("cmake", "arduino", "zephyr")


def code_folder(package: str) -> str:
    """Where in an artifact its C is: Arduino compiles all that is in ``src`` and nothing else."""
    return "src" if package == "arduino" else ""


def wrapping(program: Program, package: Package, inputs: Sequence[Port], outputs: Sequence[Port]) -> dict[str, str]:
    """By path, the files around the C."""
    if package == "arduino":
        return {
            "library.properties": properties(program),
            "examples/once/once.ino": sketch(program, inputs, outputs),
        }
    if package == "zephyr":
        return {
            "zephyr/module.yml": module(program),
            "zephyr/CMakeLists.txt": zephyr_cmake(program),
            "zephyr/Kconfig": kconfig(program),
        }
    cross = {"toolchain.cmake": toolchain(program.target)} if program.target in CROSS else {}
    return {"CMakeLists.txt": cmake(program), **cross, **board_files(program.target)}


WITHOUT_CONTRACTION = """\
/* Results are defined without contraction of products and sums, and this build system has no flags for a library. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("-ffp-contract=off")
#endif
"""


def properties(program: Program) -> str:
    """``library.properties`` (Arduino library specification, revision 2.2)."""
    return f"""\
name={program.name}
version=1.0.0
author=lissom
maintainer=lissom
sentence=A neural network for {program.target}, compiled by lissom.
paragraph=Call {program.name}_run with inputs, memory for outputs and an arena; see {program.name}.h.
category=Data Processing
url=https://www.arduino.cc/reference/en/libraries/
architectures=*
includes={program.name}.h
"""


def sketch(program: Program, inputs: Sequence[Port], outputs: Sequence[Port]) -> str:
    """An example that runs the network once on zeros."""
    n, upper = program.name, program.name.upper()
    given = "\n".join(f"static {p.c_type} in_{p.name}[{max(1, p.size)}];" for p in inputs)
    taken = "\n".join(f"static {p.c_type} out_{p.name}[{max(1, p.size)}];" for p in outputs)
    first = outputs[0]
    return f"""\
#include <{n}.h>

static uint8_t arena[{upper}_ARENA_BYTES + 1] __attribute__((aligned({upper}_ARENA_ALIGN)));
{given}
{taken}

void setup() {{ Serial.begin(115200); }}

void loop() {{
  const {n}_inputs inputs = {{{", ".join(f"in_{p.name}" for p in inputs)}}};
  {n}_outputs outputs = {{{", ".join(f"out_{p.name}" for p in outputs)}}};
  const unsigned long began = micros();
  const int status = {n}_run(&inputs, &outputs, arena);
  const unsigned long ended = micros();
  Serial.print("status ");
  Serial.print(status);
  Serial.print(", microseconds ");
  Serial.println(ended - began);
  for (int i = 0; i < {min(16, max(1, first.size))}; ++i) {{
    Serial.println((double)out_{first.name}[i]);
  }}
  delay(1000);
}}
"""


def module(program: Program) -> str:
    """``zephyr/module.yml`` (Zephyr's documentation, "Modules")."""
    return f"name: {program.name}\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\n"


def zephyr_cmake(program: Program) -> str:
    """The library as Zephyr builds it."""
    files = "\n".join(f"        ../{unit}.c" for unit in units(program))
    return f"""\
if(CONFIG_{program.name.upper()}_NETWORK)
    zephyr_library_named({program.name})
    zephyr_library_sources(
{files}
    )
    # Results are defined without contraction of products and sums.
    zephyr_library_compile_options(-ffp-contract=off)
    zephyr_include_directories(..)
endif()
"""


def kconfig(program: Program) -> str:
    """The option that puts the network into a firmware."""
    return f"""\
config {program.name.upper()}_NETWORK
\tbool "The network {program.name}, compiled by lissom for {program.target}"
\timply FPU if CPU_HAS_FPU
\thelp
\t  Call {program.name}_run of {program.name}.h with an arena of {program.arena_bytes} bytes.
"""
