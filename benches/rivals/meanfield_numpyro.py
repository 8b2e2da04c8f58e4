"""NumPyro's AutoNormal by SVI on the model of rows/logistic.rs, to half a nat.

As a rival should be run: the loop is one compiled scan, Adam's rate decays exponentially over the run.
"sweep" as the last argument instead looks for the fewest steps and the rate, start, and number of
draws that reach half a nat; the row's settings come from there.
"""
from importlib.metadata import version

import jaxcommon
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from common import array, np, option, report
from numpyro.infer import SVI, Trace_ELBO, init_to_value
from numpyro.infer.autoguide import AutoNormal

n, d, groups = int(option["n"]), int(option["d"]), int(option["groups"])
x = jnp.asarray(array("x.f64", "<f8", n, d), jnp.float32)
y = jnp.asarray(array("y.f64", "<f8"), jnp.int32)
g = jnp.asarray(array("group.u32", "<u4"), jnp.int32)


def model():
    mu = numpyro.sample("mu", dist.Normal(0.0, 2.0))
    tau = numpyro.sample("tau", dist.HalfNormal(1.0))
    a = numpyro.sample("a", dist.Normal(mu * jnp.ones(groups), tau).to_event(1))
    b = numpyro.sample("b", dist.Normal(jnp.zeros(d), 1.0).to_event(1))
    with numpyro.plate("n", n):
        numpyro.sample("y", dist.Bernoulli(logits=x @ b + a[g]), obs=y)


def fitter(steps, rate, last, scale, particles):
    start = init_to_value(values={"mu": 0.0, "tau": 1.0, "a": jnp.zeros(groups), "b": jnp.zeros(d)})
    guide = AutoNormal(model, init_loc_fn=start, init_scale=scale)
    schedule = lambda k: rate * last ** (k / steps)
    svi = SVI(model, guide, numpyro.optim.Adam(schedule), Trace_ELBO(num_particles=particles))

    @jax.jit
    def fit(key):
        state = svi.init(key)
        state, _ = jax.lax.scan(lambda s, _: svi.update(s), state, None, length=steps)
        return svi.get_params(state)

    return fit


def answer_of(params):
    names = ["mu", "tau", "a", "b"]
    means = [np.ravel(params[f"{k}_auto_loc"]) for k in names]
    sds = [np.ravel(params[f"{k}_auto_scale"]) for k in names]
    return np.concatenate(means), np.concatenate(sds)


SETTINGS = {"rate": 0.1, "last": 0.03, "scale": 0.05, "particles": 1}

if "sweep" in option:
    best = np.fromfile(jaxcommon.os.path.join(jaxcommon.common.folder, "best.f64"))
    m, s = np.split(best, 2)
    for particles, scale in ((1, 0.05), (1, 0.1), (2, 0.05)):
        for rate in (0.03, 0.05, 0.1, 0.2):
            for last in (0.1, 0.03, 0.01):
                for steps in (150, 200, 250, 300, 400, 600):
                    fit = fitter(steps, rate, last, scale, particles)
                    nats = []
                    for seed in range(5):
                        a, t = answer_of(fit(jax.random.PRNGKey(seed)))
                        # The divergence from the best member, which near it is the loss.
                        nats.append(np.sum(np.log(s / t) + (t**2 + (a - m) ** 2) / (2 * s**2) - 0.5))
                    if np.median(nats) < 0.5:
                        print(particles, scale, rate, last, steps, np.round(nats, 2), flush=True)
                        break
else:
    warm = int(option["warm"])
    fit = fitter(int(option["steps"]), **SETTINGS)
    if warm:
        jax.block_until_ready(fit(jax.random.PRNGKey(0)))
    clock = jaxcommon.Clock(warm)
    params = jax.block_until_ready(fit(jax.random.PRNGKey(1)))
    means, sds = answer_of(params)
    took = clock.stop()
    jaxcommon.answer(means, sds)
    report(name=f"NumPyro {version('numpyro')}", steps=int(option["steps"]), **took)
