"""scikit-learn's ARDRegression, to its own convergence."""
import time
from importlib.metadata import version

from common import array, np, option, report
from sklearn.linear_model import ARDRegression

n, d = int(option["n"]), int(option["d"])
X, y = array("x.f64", "<f8", n, d), array("y.f64", "<f8")
X_test, truth = array("x_test.f64", "<f8", -1, d), array("f_test.f64", "<f8")
model = ARDRegression()
start, cpu = time.perf_counter(), time.process_time()
model.fit(X, y)
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu

# On: kept in the fit; certain: of whose sign its posterior is 99% sure, which is elbo's "on".
weights = array("w.f64", "<f8")
kept = np.abs(model.coef_) > 1e-8
sd = np.full(d, np.inf)
alive = model.lambda_ < model.threshold_lambda
sd[alive] = np.sqrt(np.diag(model.sigma_))
certain = np.abs(model.coef_) > 2.3263478740408408 * sd
missed = np.abs(weights[(weights != 0) & ~kept]) / (2 / np.sqrt(n))
report(name=f"scikit-learn {version('scikit-learn')}", seconds=seconds, cpu=cpu,
       accuracy=float(np.sqrt(np.mean((model.predict(X_test) - truth) ** 2))),
       **{"true on": int((kept & (weights != 0)).sum()), "false on": int((kept & (weights == 0)).sum()),
          "missed": len(missed), "largest missed, in standard errors": float(missed.max(initial=0)),
          "false and certain": int((certain & (weights == 0)).sum()),
          "true and certain": int((certain & (weights != 0)).sum())})
