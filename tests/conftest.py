"""For all tests: workers run side by side, so numerical libraries keep to one thread each, here and in what tests
start. They read this when they are imported."""

import os

for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
