"""What stanli says about one program with its data, as one JSON line.

Usage: posteriordb_stanli.py density|gradient|nuts PROGRAM DATA [KEY=VALUE ...]

density   log densities and gradients at three random unconstrained points
gradient  seconds per gradient at the first of the points in the file points=…
nuts      moments of every quantity, with R-hat and effective sample sizes: chains=4 warmup=1000
          samples=2500 delta=0.8 parallel=2 seed=1
"""
import json
import re
import sys
import time
from importlib.metadata import version

import numpy as np
import stanli

task, program, data = sys.argv[1:4]
option = dict(pair.split("=", 1) for pair in sys.argv[4:])

N_POINTS = 3
# Spreads of the points that are tried, the widest first; programs differ in what they bear.
SPREADS = [0.5] * 60 + [0.1] * 140 + [0.02] * 200


def dimension(model):
    """The number of unconstrained coordinates, which only an error message tells."""
    try:
        model.log_prob_grad(np.zeros(1))
        return 1
    except Exception as error:
        found = re.search(r"model has (\d+) unconstrained", str(error))
        if not found:
            raise
        return int(found[1])


def density():
    start = time.perf_counter()
    model = stanli.Model(stan_file=program, data=data)
    load = time.perf_counter() - start
    d, rng, found = dimension(model), np.random.default_rng(1), []
    for spread in SPREADS:
        # Near a point that is known to be inside, once there is one.
        point = rng.normal(size=d) * spread + (np.array(found[0][0]) if found and spread < 0.1 else 0)
        try:
            value, gradient = model.log_prob_grad(point)
        except Exception:
            continue
        if np.isfinite(value) and np.all(np.isfinite(gradient)):
            found.append((point.tolist(), float(value), [float(g) for g in gradient]))
        if len(found) == N_POINTS:
            break
    points, values, gradients = (list(part) for part in zip(*found)) if found else ([], [], [])
    return {"load_seconds": load, "dimension": d, "points": points, "log_densities": values,
            "gradients": gradients}


def gradient():
    model = stanli.Model(stan_file=program, data=data)
    with open(option["points"]) as f:
        point = np.array(json.load(f)["points"][0])
    model.log_prob_grad(point)
    times = []
    # Batches of about a millisecond; the fastest is what the program takes on a free core.
    start = time.perf_counter()
    model.log_prob_grad(point)
    calls = max(1, int(0.001 / (time.perf_counter() - start)))
    for _ in range(100):
        start = time.perf_counter()
        for _ in range(calls):
            model.log_prob_grad(point)
        times.append((time.perf_counter() - start) / calls)
    return {"seconds": min(times)}


def nuts():
    start = time.perf_counter()
    model = stanli.Model(stan_file=program, data=data)
    load = time.perf_counter() - start
    fit = model.sample(chains=int(option.get("chains", 4)), seed=int(option.get("seed", 1)),
                       warmup=int(option.get("warmup", 1000)),
                       samples=int(option.get("samples", 2500)),
                       delta=float(option.get("delta", 0.8)),
                       parallel_chains=int(option.get("parallel", 2)), refresh=0)
    seconds = time.perf_counter() - start
    result = {"load_seconds": load, "seconds": seconds, "cpu_seconds": time.process_time(),
              "divergences": int(np.sum(fit.divergences))}
    if option.get("moments", "yes") == "no":
        return result
    diagnostics = {}
    lines = str(fit.summary()).splitlines()
    header = lines[0].split()
    ess, rhat = header.index("ESS_bulk") - len(header), header.index("R_hat") - len(header)
    for line in lines[1:]:
        fields = line.split()
        if len(fields) == len(header):
            diagnostics[fields[0]] = (number(fields[ess]), number(fields[rhat]))
    moments = {}
    for name, draws in fit.items():
        x = np.asarray(draws, dtype=float).reshape(-1)
        mean, sd = x.mean(), x.std(ddof=1)
        with np.errstate(all="ignore"):
            kurtosis = ((x - mean) ** 4).mean() / x.var() ** 2
        moments[name] = [number(mean), number(sd), *diagnostics.get(name, (None, None)),
                         number(kurtosis)]
    return result | {"moments": moments}


def number(value):
    """JSON knows no NaN."""
    value = float(value)
    return value if np.isfinite(value) else None


answer = {"density": density, "gradient": gradient, "nuts": nuts}[task]()
print(json.dumps({"stanli": version("stanli"), **answer}))
