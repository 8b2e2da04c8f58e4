"""Makes functions.tsv: calls of Stan's functions, their values and derivatives by stanli 0.24.

Signatures are read from ../../src/functions/table; for each, arguments of several kinds are tried until
value and gradient are finite. Calls whose arguments must fit together are in calls.txt, a line each.
Run in this folder: python make.py
"""
import itertools
import math
import random
import re
import sys

import numpy as np
import stanli

N = 12
X = np.array([round(0.9 * math.sin(2.1 * k + 0.4), 3) for k in range(N)])
DIRECTIONS = [np.cos(1.3 * np.arange(N) + s) for s in (0.0, 1.1)]
MOST = 6  # signatures of one function

# Weighted sums, so that every entry of a result counts.
FUNCTIONS = open("weigh.stan", encoding="utf-8").read()
WEIGH = [*re.findall(r"real (\w+)\(", FUNCTIONS), ""]


def program(call):
    return (f"functions {{{FUNCTIONS}}} parameters {{ vector[{N}] x; }} "
            f"model {{ target += {call}; }}")


class Uncompiled(Exception):
    pass


def compiled(call):
    """The model, and the call with what makes a number of its result."""
    for weigh in WEIGH:
        weighed = f"{weigh}({call})" if weigh else call
        try:
            return stanli.Model(stan_code=program(weighed)), weighed
        except Exception as fault:
            if "unsupported" in str(fault):
                raise Uncompiled(str(fault).splitlines()[0])
            last = str(fault)
    raise Uncompiled(" ".join(last.split())[:150])


def evaluate(call):
    model, weighed = compiled(call)
    value, gradient = model.log_prob_grad(X)
    return weighed, float(value), [float(np.dot(gradient, d)) for d in DIRECTIONS]


# Arguments. `k` is the position, so that arguments differ.
SHAPES = {"any": "{}", "unit": "inv_logit({})", "positive": "exp({})", "large": "1 + exp({})",
          "negative": "-exp({})", "simplex": "softmax({})", "ordered": "cumulative_sum(exp({}))"}
INTS = ["1", "2", "0", "3"]


def vector(k, kind):
    first = 1 + (3 * k) % 10
    return SHAPES[kind].format(f"x[{first}:{first + 2}]")


def matrix(k, kind):
    plain = f"to_matrix(x[{1 + k % 4}:{9 + k % 4}], 3, 3)"
    spd = f"add_diag(tcrossprod({plain}), 1)"
    return {"spd": spd, "cholesky": f"cholesky_decompose({spd})",
            "corr": f"quad_form_diag({spd}, inv_sqrt(diagonal({spd})))",
            "corr_cholesky": f"cholesky_decompose(quad_form_diag({spd}, inv_sqrt(diagonal({spd}))))",
            "tall": f"to_matrix(x[{1 + k % 4}:{6 + k % 4}], 3, 2)",
            }.get(kind) or SHAPES[kind].format(plain)


def argument(base, dims, k, kind):
    if base == "int":
        if dims == 0:
            return INTS[(kind + k) % 4] if isinstance(kind, int) else "2"
        one = "{" + ", ".join(INTS[(kind + i) % 4] for i in range(3)) + "}"
        return one if dims == 1 else "{" + one + ", " + one + "}"
    if base == "real":
        if dims == 0:
            return SHAPES[kind].format(f"x[{1 + (5 * k) % 12}]")
        if dims == 1:
            return f"to_array_1d({vector(k, kind)})"
        return "{" + ", ".join(f"to_array_1d({vector(k + i, kind)})" for i in range(2)) + "}"
    if base == "complex":
        if dims == 0:
            return f"to_complex({argument('real', 0, k, kind)}, x[{1 + (k + 4) % 12}])"
        return "{" + ", ".join(argument("complex", dims - 1, k + 3 * i, kind) for i in range(2)) + "}"
    of = {"vector": lambda k: vector(k, kind), "row_vector": lambda k: f"({vector(k, kind)})'",
          "matrix": lambda k: matrix(k, kind)}
    if base.startswith("complex_"):
        plain = of[base.removeprefix("complex_")]
        make = lambda k: f"to_complex({plain(k)}, {plain(k + 2)})"
    else:
        make = of[base]
    if dims == 0:
        return make(k)
    return "{" + ", ".join(argument(base, dims - 1, k + 2 * i, kind) for i in range(2)) + "}"


def kinds(base, dims):
    if base == "int":
        return [0, 1, 2, 3]
    if base in ("real", "complex") and dims == 0:
        return ["unit", "any", "positive", "large", "negative"]
    if base == "matrix":
        return ["any", "unit", "spd", "cholesky", "corr", "corr_cholesky", "tall", "positive"]
    return ["unit", "any", "positive", "large", "simplex", "ordered", "negative"]


GROUPS = {"ints": ["int", "int[]"], "reals": ["real", "vector", "real[]", "row_vector"],
          "numbers": ["real", "int", "vector", "real[]"], "list": ["vector", "row_vector", "real[]"],
          "scalar": ["real", "int"], "vectors": ["vector", "vector[]", "row_vector", "row_vector[]"]}
ANY = "int real complex vector row_vector matrix complex_vector complex_row_vector complex_matrix"


def split(text):
    pieces, depth, start = [], 0, 0
    for at, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            pieces.append(text[start:at].strip())
            start = at + 1
    last = text[start:].strip()
    return pieces + ([last] if last else [])


def parse(type_, x, d):
    """(base, dimensions) of a type of the notation."""
    base, _, brackets = type_.removeprefix("data ").partition("[")
    dims = 0
    if brackets:
        inner = brackets.rstrip("]")
        dims = {"d": d, "d+1": d + 1, "d+2": d + 2}.get(inner, inner.count(",") + 1)
    if base == "X":
        base = x
    real = {"int": "real", "complex": "real"}
    if base.startswith("real("):
        base = real.get(x, x.removeprefix("complex_"))
    return base, dims


def signatures(written):
    for signature in written.split(";"):
        signature, _, choices = signature.partition(" for X:")
        arguments, _, result = signature.partition("->")
        arguments = split(arguments.strip())
        choices = (choices.replace("any", ANY).split()) or [""]
        deep = "[d" in signature
        lists = [GROUPS.get(a.removeprefix("data "), [a.removeprefix("data ")]) for a in arguments]
        for x, d in itertools.product(choices, (0, 1) if deep else (0,)):
            for types in itertools.product(*lists):
                known = [a.startswith("data ") for a in arguments]
                yield [parse(t, x, d) for t in types], known


def table():
    """Names and written signatures."""
    folder = "../../src/functions/table/"
    rows = {}
    for file in ["scalars", "arrays", "linear_algebra", "complex", "transforms", "densities"]:
        text = open(folder + file + ".rs", encoding="utf-8").read()
        text = re.sub(r"\\\n\s*", "", text)
        constants = dict(re.findall(r"const (\w+): &str =\s*\"([^\"]*)\"", text))
        for names, written, constant in re.findall(
                r"row\(\s*\"([^\"]*)\",\s*(?:\"([^\"]*)\"|(\w+)),?\s*\)", text):
            for name in names.split():
                rows.setdefault(name, []).append(written or constants[constant])
    text = open(folder + "distributions.rs", encoding="utf-8").read()
    for name, written, endings in re.findall(
            r"family\(\s*\"(\w+)\",\s*\"([^\"]*)\",\s*(\"[^\"]*\"|\w+),?\s*\)", text):
        endings = {"PDF": "lpdf cdf lcdf lccdf", "PMF": "lpmf cdf lcdf lccdf"}.get(endings, endings)
        for ending in endings.strip('"').split():
            rows.setdefault(f"{name}_{ending}", []).append(written + " -> real")
    return rows


def call_of(name, arguments):
    ending = name.rsplit("_", 1)[-1]
    bar = ending in ("lpdf", "lpmf", "lcdf", "lccdf", "cdf")
    if bar and len(arguments) > 1:
        return f"{name}({arguments[0]} | {', '.join(arguments[1:])})"
    return f"{name}({', '.join(arguments)})"


def search(name, types, known, tries=40):
    """A call with finite value and derivatives."""
    choices = [kinds(*t) for t in types]
    all_ = list(itertools.islice(itertools.product(*choices), 4000))
    random.Random(name).shuffle(all_)
    # What is alike throughout is likeliest to fit.
    all_.sort(key=lambda c: len({x for x in c if isinstance(x, str)}))
    flat = None
    for choice in all_[:tries]:
        arguments = [argument(*t, k, c) for k, (t, c) in enumerate(zip(types, choice))]
        arguments = [re.sub(r"x\[(\d+)\]", lambda m: str(X[int(m[1]) - 1]), a)
                     if known[k] else a for k, a in enumerate(arguments)]
        call = call_of(name, arguments)
        try:
            weighed, value, slopes = evaluate(call)
        except Uncompiled as fault:
            return None, str(fault)
        except Exception:
            continue
        if not all(map(math.isfinite, [value, *slopes])) or abs(value) > 1e6:
            continue
        if value in (0.0, 1.0) or slopes[0] == 0.0:
            flat = flat or (weighed, value, slopes)
            continue
        return (weighed, value, slopes), None
    return flat, None if flat else "nothing finite"


# Where stanli 0.24 is wrong, by mpmath or SciPy: derivatives of the incomplete gamma function in its
# first argument and of ordered_probit to 1e-5 only; exp_mod_normal in its tail; length scales in an
# array; signs of eigenvectors, which mean nothing; _lccdf, 0 altogether once an entry is outside;
# beta_neg_binomial, whose series it ends early.
EXCEPT = re.compile(r"gamma_lccdf|wv\(gamma_q|scaled_inv_chi_square_lcdf|ordered_probit_lpmf\(\{2, 1, 3|"
                    r"exp_mod_normal_lc|gp_exp_quad_cov\(\{x\[1:2\], x\[3:4\], x\[6:7\]\}, exp\(x\[4\]\), \{|"
                    r"wm\(eigenvectors_sym|uniform_lccdf|beta_neg_binomial_l?c?cdf|"
                    r"(bernoulli|binomial|poisson)_lccdf\(\{-|log_falling_factorial\(\(inv_logit")


def main():
    lines, missing = [], []
    done = set()
    for line in open("calls.txt", encoding="utf-8"):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        done.add(re.match(r"\w+", line)[0])
        try:
            weighed, value, slopes = evaluate(line)
            assert all(map(math.isfinite, [value, *slopes])), "not finite"
            lines.append((weighed, value, slopes))
        except Exception as fault:
            missing.append(f"{line}: {str(fault).splitlines()[-1]}")
    wanted = sys.argv[1:]
    for name, rows in sorted(table().items()):
        if name.endswith("_rng") or name in done or (wanted and name not in wanted):
            continue
        every = [s for written in rows for s in signatures(written)]
        unique = list({repr(s): s for s in every}.values())
        if len(unique) > MOST:
            unique = unique[:2] + random.Random(name).sample(unique[2:], MOST - 2)
        print(name, file=sys.stderr, flush=True)
        for types, known in unique:
            found, fault = search(name, types, known)
            if found:
                lines.append(found)
            else:
                missing.append(f"{name}({types}): {fault}")
    with open("functions.tsv", "w", encoding="utf-8") as file:
        file.write("# Calls, values, slopes along two directions; made by make.py.\n")
        for call, value, slopes in lines:
            if EXCEPT.search(call):
                continue
            file.write("\t".join([call, *map(repr, [value, *slopes])]) + "\n")
    print(len(lines), "calls;", len(missing), "without")
    print("\n".join(missing))


main()
