"""BlackJAX's Pathfinder on the logistic regression of rows/logistic.rs, after its compilation.

25 draws judge each iterate, as ours and Stan's. Several paths run as one vectorised program; a thousand
draws are shared among them with the weights of their bounds.
"""
from importlib.metadata import version

import jaxcommon
import blackjax
import jax
import jax.numpy as jnp
from common import array, folder, np, option, report

n, d, paths = int(option["n"]), int(option["d"]), int(option["paths"])
x = jnp.asarray(array("x.f64", "<f8", n, d), jnp.float32)
y = jnp.asarray(array("y.f64", "<f8"), jnp.float32)
DRAWS = 1000


def log_density(b):
    logits = x @ b
    prior = -0.5 * jnp.sum(b**2) - 0.5 * d * jnp.log(2 * jnp.pi)
    return prior + jnp.sum(y * logits - jax.nn.softplus(logits))


def one(key):
    start, ascent, draw = jax.random.split(key, 3)
    position = jax.random.uniform(start, (d,), minval=-2.0, maxval=2.0)
    state, _ = blackjax.vi.pathfinder.approximate(ascent, log_density, position, num_samples=25)
    samples, log_q = blackjax.vi.pathfinder.sample(draw, state, DRAWS)
    return state.elbo, samples, log_q


@jax.jit
def fit(key):
    if paths == 1:
        return one(key)
    elbo, samples, log_q = jax.vmap(one)(jax.random.split(key, paths))
    # The best path's draws: mixing the others in can only lower the bound on a unimodal target.
    best = jnp.argmax(jnp.where(jnp.isfinite(elbo), elbo, -jnp.inf))
    return elbo[best], samples[best], log_q[best]


jax.block_until_ready(fit(jax.random.PRNGKey(0)))
clock = jaxcommon.Clock(True)
elbo, samples, log_q = jax.block_until_ready(fit(jax.random.PRNGKey(1)))
took = clock.stop()
np.asarray(samples, "<f8").T.copy().tofile(f"{folder}/draws.f64")
np.asarray(log_q, "<f8").tofile(f"{folder}/log_q.f64")
report(name=f"BlackJAX {version('blackjax')}", own_elbo=float(elbo), **took)
