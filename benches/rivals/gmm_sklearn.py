"""scikit-learn's BayesianGaussianMixture, seconds per iteration."""
import time
import warnings
from importlib.metadata import version

from common import array, np, option, report
from sklearn.mixture import BayesianGaussianMixture

warnings.simplefilter("ignore")
n, d, k, iterations = (int(option[key]) for key in ("n", "d", "k", "iterations"))
X = array("x.f64", "<f8", n, d)


def fit(max_iter):
    model = BayesianGaussianMixture(
        n_components=k, covariance_type="full", max_iter=max_iter, tol=0.0, init_params="kmeans",
        weight_concentration_prior_type="dirichlet_distribution", random_state=0,
    )
    start = time.perf_counter()
    model.fit(X)
    return model, time.perf_counter() - start


fit(1)
_, first = fit(1)
model, total = fit(iterations)
report(name=f"scikit-learn {version('scikit-learn')}",
       seconds=(total - first) / (model.n_iter_ - 1), total=total,
       accuracy=float(model.score(array("x_test.f64", "<f8", -1, d))))
