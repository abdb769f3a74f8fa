"""Writes ``CMakeLists.txt``."""

from __future__ import annotations

from lissom.backends.c.program import Program


def cmake(program: Program) -> str:
    """A library, and a test program that ``ctest`` runs."""
    n = program.name
    units = [n, *(level.name for level in program.levels), *(f"{p.name}_weights" for p in program.levels or [program])]
    files = "\n".join(f"    {unit}.c" for unit in [*units, *(f"kernels/{k.name}" for k in program.kernels)])
    return f"""cmake_minimum_required(VERSION 3.13)
project({n} C)

add_library({n} STATIC
{files}
)
target_include_directories({n} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
set_target_properties({n} PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF)
if(NOT MSVC)
    # Results are defined without contraction of products and sums.
    target_compile_options({n} PRIVATE -ffp-contract=off)
    target_link_libraries({n} PUBLIC m)
endif()

# As a part of another project it is the library alone.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
    enable_testing()
    add_executable({n}_test {n}_test.c)
    target_link_libraries({n}_test PRIVATE {n})
    add_test(NAME {n}_test COMMAND {n}_test)
endif()
"""
