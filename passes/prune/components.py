"""Connected components of a graph given by its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def components(count: int, left: Any, right: Any) -> npt.NDArray[np.int64]:
    """For each of ``count`` nodes the number of its component; ``left[i]`` and ``right[i]`` are joined."""
    if not count:
        return np.zeros(0, np.int64)
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    links = coo_matrix((np.ones(len(left), np.int8), (left, right)), shape=(count, count))
    labels: npt.NDArray[np.int64] = connected_components(links, directed=False)[1].astype(np.int64)
    return labels
