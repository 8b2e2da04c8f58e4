"""What the rival scripts share: arguments, raw arrays, one JSON line at the end.

Usage: SCRIPT.py FOLDER THREADS KEY=VALUE ...
"""
import json
import os
import resource
import sys

folder, threads = sys.argv[1], sys.argv[2]
option = dict(pair.split("=", 1) for pair in sys.argv[3:])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = threads

import numpy as np  # noqa: E402  (after the thread counts are set)


def array(name, dtype, *shape):
    """A raw little-endian array that the bench wrote."""
    return np.fromfile(os.path.join(folder, name), dtype=dtype).reshape(shape or -1)


def report(**values):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**values, "peak_mb": round(peak, 1)}))
