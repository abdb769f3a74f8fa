"""Where the time of an artifact goes: each layer on a clock, through the hooks around layers in ``model.c``."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from typing import Any

from lissom.backends.c.artifact import Artifact
from lissom.backends.c.toolchain import FLAGS


def layer_times(
    artifact: Artifact, *inputs: Any, seconds: float = 0.5, flags: Sequence[str] = FLAGS, cc: str | None = None
) -> list[float]:
    """Seconds each layer takes, the least of many runs; 0 for layers that take no work. What reading the clock costs
    is measured and taken off. Takes the inputs of a single run; raises what ``Artifact.run`` raises."""
    n, upper = artifact.name, artifact.name.upper()
    hooks = [
        f"-D{upper}_LAYER_{edge.upper()}(layer)=do {{ void {n}_{edge}(int); {n}_{edge}(layer); }} while (0)"
        for edge in ("begin", "end")
    ]
    library = ctypes.CDLL(str(artifact.build(cc, flags=[*flags, *hooks], harness=artifact.harness(_HARNESS)).resolve()))
    arguments, _ = artifact.bind(artifact.one(*inputs))
    least = (ctypes.c_double * max(1, len(artifact.report["layers"])))()
    profile = getattr(library, f"{n}_profile")
    began = time.perf_counter()
    profile(*arguments, 3, least, len(least), artifact.threads)
    runs = max(3, round(3 * seconds / max(time.perf_counter() - began, 1e-6)))
    profile(*arguments, runs, least, len(least), artifact.threads)
    return [float(t) for t in least][: len(artifact.report["layers"])]


_HARNESS = """\
#define _POSIX_C_SOURCE 200112L
#include <time.h>

#include "NAME.h"

void NAME_begin(int layer);
void NAME_end(int layer);
void NAME_profile(const NAME_inputs *inputs, NAME_outputs *outputs, void *arena, int runs, double *least, int layers,
                  int threads);

RUNNING
static double *shortest;
static struct timespec began;

static double since(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began.tv_sec) + 1e-9 * (double)(now.tv_nsec - began.tv_nsec);
}

void NAME_begin(int layer)
{
    (void)layer;
    clock_gettime(CLOCK_MONOTONIC, &began);
}

void NAME_end(int layer)
{
    const double t = since();
    if (t < shortest[layer]) {
        shortest[layer] = t;
    }
}

void NAME_profile(const NAME_inputs *inputs, NAME_outputs *outputs, void *arena, int runs, double *least, int layers,
                  int threads)
{
    const double never = 1e30;
    double clock = never;
    for (int i = 0; i < layers; ++i) {
        least[i] = never;
    }
    shortest = &clock;
    for (int i = 0; i < 1000; ++i) {
        NAME_begin(0);
        NAME_end(0);
    }
    shortest = least;
    start(threads);
    for (int i = 0; i < runs; ++i) {
        (void)run(inputs, outputs, arena);
    }
    for (int i = 0; i < layers; ++i) {
        least[i] = least[i] >= never ? 0.0 : least[i] > clock ? least[i] - clock : 0.0;
    }
}
"""
