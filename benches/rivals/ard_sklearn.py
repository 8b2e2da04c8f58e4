"""scikit-learn's ARDRegression, to its own convergence."""
import time
from importlib.metadata import version

from common import array, np, option, report
from sklearn.linear_model import ARDRegression

n, d = int(option["n"]), int(option["d"])
X, y = array("x.f64", "<f8", n, d), array("y.f64", "<f8")
X_test, truth = array("x_test.f64", "<f8", -1, d), array("f_test.f64", "<f8")
model = ARDRegression()
start = time.perf_counter()
model.fit(X, y)
seconds = time.perf_counter() - start
report(name=f"scikit-learn {version('scikit-learn')}", seconds=seconds,
       accuracy=float(np.sqrt(np.mean((model.predict(X_test) - truth) ** 2))),
       n_on=int((np.abs(model.coef_) > 1e-8).sum()))
