"""Ratings at random 90/10 splits: elbo's command against myFM, on equal terms.

Usage: movielens.py ELBO RATINGS SEED ... [--rank R] [--fits N] [--extra OPTION ...]

ELBO is the program (`target/release/elbo`), RATINGS any file that `elbo fit factor` reads, of which
users, items and ratings are the first three columns. Every SEED makes a split of its own. Nothing
is chosen on the test set: elbo runs at its defaults (and with --extra's options instead, if given),
myFM's number of sweeps is the best on a tenth of the *training* ratings, then it is fitted to all
of them. Both have one thread; predictions are not clipped. One JSON line a fit, with held-out RMSE,
mean log density, the coverage of central 90% intervals, and CPU seconds.

The predictive density of elbo and of myFM's variational fit is the normal with the right first two
moments; that of myFM's sampler is the mixture over its draws, with intervals from two moments.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from importlib.metadata import version

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import myfm
import numpy as np
import pandas as pd
import scipy.sparse as sp

SWEEPS = {"vb": [3, 5, 8, 12, 18, 25, 35, 50, 75, 100, 150, 200], "gibbs": [25, 50, 100, 200, 400]}
NORMAL_95 = 1.6448536269514722


def split(n, seed, part=0.1):
    """Which rows are held out."""
    out = np.zeros(n, bool)
    out[np.random.default_rng(seed).permutation(n)[: round(part * n)]] = True
    return out


def score(y, mean, sd, log_density=None):
    if log_density is None:
        log_density = -0.5 * ((y - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)
    inside = np.abs(y - mean) <= NORMAL_95 * sd
    return {
        "rmse": round(float(np.sqrt(np.mean((y - mean) ** 2))), 4),
        "log_density": round(float(np.mean(log_density)), 4),
        "coverage_90": round(float(np.mean(inside)), 4),
    }


def cpu(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def fit_elbo(program, train, test, rank, seed, extra):
    """The scores of one run of the two commands."""
    with tempfile.TemporaryDirectory() as folder:
        names = {part: os.path.join(folder, part) for part in ("train.csv", "pairs.csv", "fit", "out.csv")}
        train.to_csv(names["train.csv"], index=False)
        test[["user", "item"]].to_csv(names["pairs.csv"], index=False)
        start = cpu(resource.RUSAGE_CHILDREN)
        command = [program, "fit", "factor", names["train.csv"], "--rank", str(rank), "--seed", str(seed),
                   "--threads", "1", "--out", names["fit"], "--json", "--quiet", *extra]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode not in (0, 3):
            raise SystemExit(done.stderr)
        seconds = cpu(resource.RUSAGE_CHILDREN) - start
        subprocess.run([program, "predict", names["fit"], names["pairs.csv"], "--quiet",
                        "--out", names["out.csv"]], check=True)
        predicted = pd.read_csv(names["out.csv"])
    fit = json.loads(done.stdout)
    y = test.rating.to_numpy(float)
    scores = score(y, predicted["mean"].to_numpy(), predicted["sd"].to_numpy())
    return {**scores, "sweeps": fit.get("iterations", fit.get("n_iter")), "elbo": fit.get("elbo"),
            "cpu_s": round(seconds, 2)}


class Rival:
    """myFM on one set of ids."""

    def __init__(self, table):
        self.shape = [int(table.u.max()) + 1, int(table.i.max()) + 1]

    def design(self, rows):
        n = len(rows)
        columns = np.empty(2 * n, np.int32)
        columns[0::2], columns[1::2] = rows.u, rows.i + self.shape[0]
        starts = np.arange(0, 2 * n + 1, 2, dtype=np.int32)
        return sp.csr_matrix((np.ones(2 * n), columns, starts), shape=(n, sum(self.shape)))

    def fit(self, mode, rows, rank, seed, sweeps, callback=None):
        cls = myfm.VariationalFMRegressor if mode == "vb" else myfm.MyFMGibbsRegressor
        model = cls(rank=rank, random_seed=seed)
        extra = {} if mode == "vb" else {"n_kept_samples": sweeps // 2}
        silent = callback or (lambda *_: (False, None))
        model.fit(self.design(rows), rows.rating.to_numpy(float), n_iter=sweeps,
                  group_shapes=self.shape, callback=silent, **extra)
        return model

    def best_sweeps(self, mode, rows, rank, seed):
        """The number of sweeps with the lowest error on a tenth of the training ratings; the
        sampler averages the second half of its draws, as it will afterwards."""
        out = split(len(rows), seed + 7)
        X, y = self.design(rows[out]), rows.rating[out].to_numpy(float)
        predictions = []

        def watch(_, fm, *__):
            predictions.append(np.asarray(fm.predict_score(X, [])))
            return False, None

        self.fit(mode, rows[~out], rank, seed, max(SWEEPS[mode]), watch)
        mean = {
            n: predictions[n - 1] if mode == "vb" else np.mean(predictions[n - n // 2: n], axis=0)
            for n in SWEEPS[mode]
        }
        return min(SWEEPS[mode], key=lambda n: np.mean((mean[n] - y) ** 2))

    def scores(self, mode, train, test, rank, seed):
        sweeps = self.best_sweeps(mode, train, rank, seed)
        start = cpu(resource.RUSAGE_SELF)
        model = self.fit(mode, train, rank, seed, sweeps)
        seconds = cpu(resource.RUSAGE_SELF) - start
        y = test.rating.to_numpy(float)
        moments = self.variational if mode == "vb" else self.sampled
        return {**moments(model, test, y), "sweeps": sweeps, "cpu_s": round(seconds, 2)}

    def variational(self, model, test, y):
        u, i = test.u.to_numpy(), test.i.to_numpy() + self.shape[0]
        V, S = model.V_mean, model.V_var
        spread = V[u] ** 2 * S[i] + S[u] * V[i] ** 2 + S[u] * S[i]
        variance = 1 / model.history_.hypers.alpha + model.w0_var + model.w_var[u] + model.w_var[i]
        return score(y, model.predict(self.design(test)), np.sqrt(variance + spread.sum(1)))

    def sampled(self, model, test, y):
        X = self.design(test)
        f = np.array([fm.predict_score(X, []) for fm in model.predictor_.samples])
        noise = np.array([h.alpha for h in model.history_.hypers[-len(f):]])[:, None] ** -1
        terms = -0.5 * ((y - f) ** 2 / noise + np.log(2 * np.pi * noise))
        top = terms.max(0)
        log_density = top + np.log(np.mean(np.exp(terms - top), axis=0))
        return score(y, f.mean(0), np.sqrt(noise.mean() + f.var(0)), log_density)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("elbo")
    parser.add_argument("ratings")
    parser.add_argument("seeds", nargs="+", type=int)
    parser.add_argument("--rank", type=int, default=10)
    parser.add_argument("--fits", type=int, default=3, help="random starts of each method")
    parser.add_argument("--no-rival", action="store_true")
    parser.add_argument("--extra", nargs=argparse.REMAINDER, default=[])
    args = parser.parse_args()
    tabs = os.path.basename(args.ratings) == "u.data"
    table = pd.read_csv(args.ratings, sep="\t" if tabs else ",", header=None if tabs else 0).iloc[:, :3]
    table.columns = ["user", "item", "rating"]
    table["u"], table["i"] = table.user.factorize()[0], table.item.factorize()[0]
    rival = Rival(table)
    for seed in args.seeds:
        out = split(len(table), seed)
        train, test = table[~out].reset_index(drop=True), table[out].reset_index(drop=True)
        for start in range(args.fits):
            shown = train[["user", "item", "rating"]]
            results = {f"elbo {' '.join(args.extra)}".strip():
                       fit_elbo(args.elbo, shown, test, args.rank, start, args.extra)}
            if not args.no_rival:
                for mode in ("vb", "gibbs"):
                    results[f"myFM {version('myfm')} {mode}"] = rival.scores(mode, train, test, args.rank, start)
            for name, scores in results.items():
                print(json.dumps({"split": seed, "fit": start, "method": name, **scores}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
