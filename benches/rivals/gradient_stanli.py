"""stanli's log_prob_grad on the Stan program of rows/gradient.rs, one draw at a time."""
import json
import os
import tempfile
import time
from importlib.metadata import version

import stanli
from common import array, np, option, report

n, d, groups = int(option["n"]), int(option["d"]), int(option["groups"])
data = {"n": n, "d": d, "x": array("x.f64", "<f8", n, d).tolist(),
        "y": array("y.f64", "<f8").astype(int).tolist()}
if groups:
    data |= {"J": groups, "g": (array("group.u32", "<u4") + 1).tolist()}
    program = """
data { int n; int d; int J; matrix[n, d] x; array[n] int<lower=0, upper=1> y;
       array[n] int<lower=1, upper=J> g; }
parameters { vector[d] beta; vector[J] z; real<lower=0> tau; }
model { beta ~ normal(0, 2); z ~ std_normal(); tau ~ normal(0, 1);
        y ~ bernoulli_logit(x * beta + tau * z[g]); }
"""
else:
    program = """
data { int n; int d; matrix[n, d] x; array[n] int<lower=0, upper=1> y; }
parameters { vector[d] beta; }
model { beta ~ normal(0, 2); y ~ bernoulli_logit_glm(x, 0, beta); }
"""
with tempfile.TemporaryDirectory() as folder:
    stan_file, data_file = os.path.join(folder, "m.stan"), os.path.join(folder, "d.json")
    with open(stan_file, "w") as f:
        f.write(program)
    with open(data_file, "w") as f:
        json.dump(data, f)
    model = stanli.Model(stan_file=stan_file, data=data_file)
points = array("points.f64", "<f8", 2, -1)
first, second = (model.log_prob_grad(p) for p in points)
times = []
for _ in range(50):
    start = time.perf_counter()
    model.log_prob_grad(points[0])
    # The call from Python itself costs about 5 µs.
    times.append(time.perf_counter() - start - 5e-6)
report(name=f"stanli {version('stanli')}", seconds=float(np.median(times)),
       accuracy=float(second[0] - first[0]), fastest=min(times),
       gradient_norm=float(np.linalg.norm(first[1])))
