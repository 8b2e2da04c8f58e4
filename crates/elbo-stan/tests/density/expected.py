"""Log densities and gradients of the programs here by Stan's own mathematics (pip install stanli).

Writes expected.json: for each program three unconstrained points with log density, Jacobians included,
and gradient. Densities under `~` lose their constants, so only differences between points count.
"""
import glob
import json
import pathlib
import re

import numpy as np
import stanli

folder = pathlib.Path(__file__).parent
expected = {}
for path in sorted(folder.glob("*.stan")):
    model = stanli.Model(stan_file=str(path), data=json.loads(path.with_suffix(".json").read_text()))
    try:
        model.log_prob_grad(np.zeros(0))
        raise SystemExit(f"{path.name} has no parameters")
    except Exception as error:
        dimension = int(re.findall(r"has (\d+) unconstrained", str(error))[0])
    random = np.random.default_rng(1)
    points = []
    while len(points) < 3:
        point = random.normal(size=dimension) * 0.7
        value, gradient = model.log_prob_grad(point)
        if np.isfinite(value):
            points.append({"point": list(point), "value": float(value), "gradient": [float(g) for g in gradient]})
    expected[path.stem] = points
(folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
