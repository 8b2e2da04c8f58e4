"""Relevance determination on real tables, by ten-fold cross-validation: elbo against scikit-learn.

Usage: ard_tables.py ELBO TABLE TARGET [--drop COLUMN ...] [--repeats N]

ELBO is the program (`target/release/elbo`), TABLE a CSV or TSV file of numbers. Both sides run at
their defaults on standardised inputs (elbo standardises inside) and see the same folds. Printed per
method: the mean log density of a held-out row under a normal with the predictive mean and standard
deviation, the root mean squared error, and how often each input is on.
"""
import argparse
import collections
import json
import os
import subprocess
import tempfile

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
import pandas as pd
from sklearn.linear_model import ARDRegression, LinearRegression


def fit_elbo(program, train, test, target, extra=()):
    with tempfile.TemporaryDirectory() as folder:
        path = lambda name: os.path.join(folder, name)  # noqa: E731
        train.to_csv(path("train.csv"), index=False)
        test.to_csv(path("test.csv"), index=False)
        done = subprocess.run([program, "fit", "ard", path("train.csv"), "--target", target, "--seed", "1",
                               "--threads", "1", "--out", path("fit"), "--json", "--quiet", *extra],
                              check=True, capture_output=True, text=True)
        subprocess.run([program, "predict", path("fit"), path("test.csv"), "--quiet", "--threads", "1",
                        "--out", path("out.csv")], check=True)
        out = pd.read_csv(path("out.csv"))
    off = set(json.loads(done.stdout)["off"])
    inputs = [c for c in train.columns if c != target]
    return out["mean"].to_numpy(), out["sd"].to_numpy(), [c for c in inputs if c not in off]


def fit_sklearn(train, test, target, ard=True):
    inputs = [c for c in train.columns if c != target]
    X, y = train[inputs].to_numpy(float), train[target].to_numpy(float)
    center, scale = X.mean(0), X.std(0)
    X, X_test = (X - center) / scale, (test[inputs].to_numpy(float) - center) / scale
    if ard:
        model = ARDRegression().fit(X, y)
        mean, sd = model.predict(X_test, return_std=True)
        return mean, sd, [c for c, w in zip(inputs, model.coef_) if abs(w) > 1e-8]
    model = LinearRegression().fit(X, y)
    sd = np.sqrt(np.sum((y - model.predict(X)) ** 2) / (len(y) - X.shape[1] - 1))
    return model.predict(X_test), np.full(len(X_test), sd), inputs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("elbo")
    parser.add_argument("table")
    parser.add_argument("target")
    parser.add_argument("--drop", nargs="*", default=[])
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    table = pd.read_csv(args.table, sep=None, engine="python")
    table = table.drop(columns=args.drop).select_dtypes("number")
    methods = {
        "elbo": lambda a, b: fit_elbo(args.elbo, a, b, args.target),
        "scikit-learn ARD": lambda a, b: fit_sklearn(a, b, args.target),
        "least squares": lambda a, b: fit_sklearn(a, b, args.target, ard=False),
    }
    log_density, squares = collections.defaultdict(list), collections.defaultdict(list)
    on = collections.defaultdict(collections.Counter)
    for repeat in range(args.repeats):
        fold = np.random.default_rng(repeat).permutation(np.arange(len(table)) % 10)
        for k in range(10):
            train, test = table[fold != k], table[fold == k]
            y = test[args.target].to_numpy(float)
            for name, fit in methods.items():
                mean, sd, inputs = fit(train, test)
                log_density[name].extend(-0.5 * ((y - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi))
                squares[name].extend((y - mean) ** 2)
                on[name].update(inputs)
    for name in methods:
        print(f"{name:18} log density {np.mean(log_density[name]):.4f}   "
              f"RMSE {np.sqrt(np.mean(squares[name])):.4f}   on: "
              + ", ".join(f"{c} {n / (10 * args.repeats):.2f}" for c, n in on[name].most_common()))


if __name__ == "__main__":
    main()
