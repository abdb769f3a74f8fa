"""Writes what build systems want: ``CMakeLists.txt``, CMake's file about a cross compiler, and start-up for a board."""

from __future__ import annotations

from lissom.backends.c.cross import CROSS
from lissom.backends.c.emulation.guest import BOARD
from lissom.backends.c.emulation.machines import MACHINES
from lissom.backends.c.program import Program
from lissom.backends.c.toolchain import LEVEL_HEADER
from lissom.kernels.kernel import Kernel, folders


def units(program: Program) -> list[str]:
    """The C files of an artifact, without ``.c``."""
    n = program.name
    own = [n, *(level.name for level in program.levels), *(f"{p.name}_weights" for p in program.levels or [program])]
    own += [f"{n}_threads"] if program.threads > 1 else []
    return [*own, *(f"kernels/{k.name}" for k in program.kernels)]


def is_bare(target: str) -> bool:
    """Whether the target has no operating system."""
    return target in CROSS and CROSS[target].bare


def is_x86(kernel: Kernel) -> bool:
    """Whether a kernel is for the vectors of x86."""
    return folders(kernel.level)[0] == "x86"


def cmake(program: Program) -> str:
    """A library, and a test program that ``ctest`` runs; for a processor without a system, start-up for its board in
    place of that."""
    n, target = program.name, program.target
    files = "\n".join(f"    {unit}.c" for unit in units(program))
    level = "" if target not in CROSS or is_bare(target) else _CLANG.format(name=n, flags=CROSS[target].clang_flags[0])
    level += _PRECOMPILED.format(name=n, header=LEVEL_HEADER) if any(map(is_x86, program.kernels)) else ""
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
{_THREADS.format(name=n) if program.threads > 1 else ""}{level}{_board(program) if is_bare(target) else _test(n)}"""


_THREADS = """\
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
target_link_libraries({name} PUBLIC Threads::Threads)
"""

_CLANG = """\
if(CMAKE_C_COMPILER_ID MATCHES Clang AND CMAKE_C_COMPILER_VERSION VERSION_LESS 16)
    # Later ones, and gcc, take from each file which instructions it may have.
    target_compile_options({name} PRIVATE {flags})
endif()
"""

_PRECOMPILED = """\
if(COMMAND target_precompile_headers AND NOT MSVC)
    # It takes a compiler longer to read this than to compile most kernels.
    target_precompile_headers({name} PRIVATE kernels/{header})
endif()
"""


def _test(n: str) -> str:
    return f"""
# As a part of another project it is the library alone.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
    enable_testing()
    add_executable({n}_test {n}_test.c)
    target_link_libraries({n}_test PRIVATE {n})
    add_test(NAME {n}_test COMMAND {n}_test)
endif()
"""


def _board(program: Program) -> str:
    n, board = program.name, MACHINES[program.target].board
    assert board is not None
    return f"""
# Start-up for {board.name} under qemu, and its memory: for programs that have none of their own.
add_library({n}_board OBJECT EXCLUDE_FROM_ALL board/start.c board/semihosting.c)
target_include_directories({n}_board PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}}/board)
set({n}_BOARD_LINK_OPTIONS -nostartfiles -T ${{CMAKE_CURRENT_SOURCE_DIR}}/board/{board.name}.ld
    CACHE INTERNAL "what a program is linked with")
"""


def board_files(target: str) -> dict[str, str]:
    """By path, start-up, semihosting and linker script for the board of a target without a system; else none."""
    if not is_bare(target):
        return {}
    board = MACHINES[target].board
    assert board is not None
    found = {f"board/{file.name}": file.read_text(encoding="ascii") for file in sorted(BOARD.iterdir())}
    return {**found, f"board/{board.name}.ld": board.linker_script()}


def toolchain(target: str) -> str:
    """CMake's file about the cross compiler of a target."""
    cross, machine = CROSS[target], MACHINES[target]
    flags = " ".join(cross.flags)
    system = ["Generic", "arm"] if cross.bare else ["Linux", "aarch64"]
    lines = [
        f"# For cmake -DCMAKE_TOOLCHAIN_FILE: {target} by {cross.gcc}.",
        f"set(CMAKE_SYSTEM_NAME {system[0]})",
        f"set(CMAKE_SYSTEM_PROCESSOR {system[1]})",
        f"set(CMAKE_C_COMPILER {cross.gcc})",
    ]
    if cross.bare:
        lines += ["set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)", f'set(CMAKE_C_FLAGS_INIT "{flags}")']
    else:
        root = f"/usr/{cross.triple}"
        lines.append(f'set(CMAKE_CROSSCOMPILING_EMULATOR "{machine.emulator};-L;{root};-cpu;{machine.cpu}")')
    lines += ["if(NOT CMAKE_BUILD_TYPE)", "    set(CMAKE_BUILD_TYPE Release)", "endif()"]
    return "\n".join([*lines, ""])
