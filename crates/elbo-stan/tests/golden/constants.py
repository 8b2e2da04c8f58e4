"""Makes constants.tsv: what stanli 0.24 keeps of densities whose constants may be dropped.

Every argument that is not an int is tried as a parameter (of `x`) and as data (of `d`, the same
numbers), in all combinations: which terms are dropped depends on it.
Run in this folder: python constants.py
"""
import itertools
import math
import re

import numpy as np
import stanli

N = 12
X = np.array([round(0.9 * math.sin(2.1 * k + 0.4), 3) for k in range(N)])

M = "to_matrix(x[{}:{}], 3, 3)"
SPD = "add_diag(tcrossprod(to_matrix(x[{}:{}], 3, 3)), 1)"
CHOLESKY = f"cholesky_decompose({SPD})"
CORR = f"quad_form_diag({SPD}, inv_sqrt(diagonal({SPD})))"
ARRAY = "{{x[{}:{}], x[{}:{}]}}"


def spd(k): return SPD.format(k, k + 8)
def cholesky(k): return CHOLESKY.format(k, k + 8)
def corr(k): return CORR.format(k, k + 8, k, k + 8)


CALLS = """
std_normal | x[1:3]
normal | x[1] ; x[2] ; exp(x[3])
normal | x[1:3] ; x[2] ; exp(x[3])
normal | x[1] ; x[2:4] ; exp(x[3:5])
lognormal | exp(x[1:3]) ; x[2] ; exp(x[3])
exp_mod_normal | x[1:3] ; x[2] ; exp(x[3]) ; exp(x[4])
skew_normal | x[1:3] ; x[2] ; exp(x[3]) ; x[4]
student_t | x[1:3] ; exp(x[2]) ; x[3] ; exp(x[4])
student_t | x[1] ; exp(x[2]) ; x[3] ; exp(x[4:6])
cauchy | x[1:3] ; x[2] ; exp(x[3])
double_exponential | x[1:3] ; x[2] ; exp(x[3])
logistic | x[1:3] ; x[2] ; exp(x[3])
gumbel | x[1:3] ; x[2] ; exp(x[3])
skew_double_exponential | x[1:3] ; x[2] ; exp(x[3]) ; inv_logit(x[4])
chi_square | exp(x[1:3]) ; exp(x[2])
inv_chi_square | exp(x[1:3]) ; exp(x[2])
scaled_inv_chi_square | exp(x[1:3]) ; exp(x[2]) ; exp(x[3])
exponential | exp(x[1:3]) ; exp(x[2])
gamma | exp(x[1:3]) ; exp(x[2]) ; exp(x[3])
inv_gamma | exp(x[1:3]) ; exp(x[2]) ; exp(x[3])
weibull | exp(x[1:3]) ; exp(x[2]) ; exp(x[3])
frechet | exp(x[1:3]) ; exp(x[2]) ; exp(x[3])
rayleigh | exp(x[1:3]) ; exp(x[2])
loglogistic | exp(x[1:3]) ; exp(x[2]) ; exp(x[3])
pareto | 2 + exp(x[1:3]) ; exp(x[2]) ; exp(x[3])
pareto_type_2 | 2 + exp(x[1:3]) ; x[2] ; exp(x[3]) ; exp(x[4])
beta | inv_logit(x[1:3]) ; exp(x[2]) ; exp(x[3])
beta_proportion | inv_logit(x[1:3]) ; inv_logit(x[2]) ; exp(x[3])
uniform | x[1:3] ; -2 + x[2] ; 2 + x[3]
von_mises | x[1:3] ; x[2] ; exp(x[3])
wiener | 2 + exp(x[1]) ; exp(x[2]) ; 0.1 * exp(x[3]) ; inv_logit(x[4]) ; x[5]
wiener | 2 + exp(x[1:3]) ; exp(x[2:4]) ; 0.1 * exp(x[3:5]) ; inv_logit(x[4:6]) ; x[5:7]
bernoulli | {1, 0, 1} ; inv_logit(x[2])
bernoulli_logit | {1, 0, 1} ; x[1:3]
binomial | {1, 0, 3} ; 4 ; inv_logit(x[2])
binomial_logit | {1, 0, 3} ; 4 ; x[1:3]
beta_binomial | {1, 0, 3} ; 4 ; exp(x[2]) ; exp(x[3])
hypergeometric | 2 ; 4 ; 5 ; 6
discrete_range | {2, 3} ; 1 ; 5
neg_binomial | {2, 0, 3} ; exp(x[2]) ; exp(x[3])
neg_binomial_2 | {2, 0, 3} ; exp(x[2]) ; exp(x[3])
neg_binomial_2 | {2, 0, 3} ; exp(x[1:3]) ; exp(x[3:5])
neg_binomial_2_log | {2, 0, 3} ; x[2] ; exp(x[3])
poisson | {2, 0, 3} ; exp(x[1:3])
poisson_log | {2, 0, 3} ; x[2]
beta_neg_binomial | {2, 0, 3} ; exp(x[2]) ; exp(x[3]) ; exp(x[4])
yule_simon | {2, 1, 3} ; exp(x[2])
categorical | {2, 1, 3} ; softmax(x[1:3])
categorical_logit | {2, 1, 3} ; x[1:3]
ordered_logistic | {2, 1, 3} ; x[4:6] ; cumulative_sum(exp(x[1:3]))
ordered_probit | {2, 1, 3} ; x[4:6] ; cumulative_sum(exp(x[1:3]))
multinomial | {2, 1, 3} ; softmax(x[1:3])
multinomial_logit | {2, 1, 3} ; x[1:3]
dirichlet | softmax(x[4:6]) ; exp(x[1:3])
dirichlet | {softmax(x[4:6]), softmax(x[5:7])} ; exp(x[1:3])
dirichlet_multinomial | {2, 0, 3} ; exp(x[1:3])
multi_normal | x[1:3] ; x[2:4] ; SPD1
multi_normal | {x[1:3], x[4:6]} ; x[2:4] ; SPD2
multi_normal_prec | {x[1:3], x[4:6]} ; x[2:4] ; SPD2
multi_normal_cholesky | {x[1:3], x[4:6]} ; x[2:4] ; CHOLESKY2
multi_student_t | {x[1:3], x[4:6]} ; exp(x[5]) ; x[2:4] ; SPD2
multi_student_t_cholesky | {x[1:3], x[4:6]} ; exp(x[5]) ; x[2:4] ; CHOLESKY2
lkj_corr | CORR1 ; exp(x[3])
lkj_corr_cholesky | cholesky_decompose(CORR1) ; exp(x[3])
lkj_cov | SPD1 ; x[1:3] ; exp(x[2:4]) ; exp(x[3])
wishart | SPD1 ; 3 + exp(x[3]) ; SPD2
wishart_cholesky | CHOLESKY1 ; 3 + exp(x[3]) ; CHOLESKY2
inv_wishart | SPD1 ; 3 + exp(x[3]) ; SPD2
inv_wishart_cholesky | CHOLESKY1 ; 3 + exp(x[3]) ; CHOLESKY2
normal_id_glm | x[1:2] ; to_matrix(x[1:6], 2, 3) ; x[7] ; x[1:3] ; exp(x[4])
normal_id_glm | x[1:2] ; to_matrix(x[1:6], 2, 3) ; x[7:8] ; x[1:3] ; exp(x[4:5])
bernoulli_logit_glm | {1, 0} ; to_matrix(x[1:6], 2, 3) ; x[7] ; x[1:3]
binomial_logit_glm | {1, 0} ; {2, 3} ; to_matrix(x[1:6], 2, 3) ; x[7] ; x[1:3]
poisson_log_glm | {3, 2} ; to_matrix(x[1:6], 2, 3) ; x[7] ; x[1:3]
neg_binomial_2_log_glm | {3, 2} ; to_matrix(x[1:6], 2, 3) ; x[7] ; x[1:3] ; exp(x[4])
categorical_logit_glm | {3, 2} ; to_matrix(x[1:6], 2, 3) ; x[7:9] ; to_matrix(x[1:9], 3, 3)
ordered_logistic_glm | {3, 2} ; to_matrix(x[1:6], 2, 3) ; x[4:6] ; cumulative_sum(exp(x[1:3]))
"""
ENDING = re.compile(r"bernoulli|binomial|poisson|geometric|yule|categorical|ordered|multinomial|range")


def calls():
    for line in CALLS.strip().splitlines():
        line = re.sub("(SPD|CHOLESKY|CORR)(\\d)", lambda m: {
            "SPD": spd, "CHOLESKY": cholesky, "CORR": corr}[m[1]](int(m[2])), line)
        name, _, arguments = line.partition(" | ")
        name += "_lupmf" if ENDING.search(name) else "_lupdf"
        arguments = [a.strip() for a in arguments.split(" ; ")]
        choices = [[a, a.replace("x[", "d[")] if "x[" in a else [a] for a in arguments]
        every = list(itertools.product(*choices))
        # All matter where they are few; of many, what a term may single out.
        if len(every) > 32:
            every = [e for e in every if sum("x[" in a for a in e) <= 2 or all("d[" not in a for a in e)]
        for e in every:
            yield f"{name}({e[0]} | {', '.join(e[1:])})"


# Where stanli 0.24 drops nothing and Stan's own sources do: the multivariate t and what is Wishart, as
# wholes; some others where all arguments are data.
WHOLE = re.compile("multi_student_t|inv_wishart|wishart|lkj_cov|beta_neg_binomial|dirichlet_multinomial")
OF_DATA = re.compile("wiener|multinomial|lkj_corr")


def main():
    data = {"d": X.tolist()}
    with open("constants.tsv", "w", encoding="utf-8") as file:
        file.write("# Calls and values; made by constants.py.\n")
        for call in calls():
            if WHOLE.match(call) or (OF_DATA.match(call) and "x[" not in call):
                continue
            call = call.replace(" | )", ")") if call.endswith("| )") else call
            code = (f"data {{ vector[{N}] d; }} parameters {{ vector[{N}] x; }} "
                    f"model {{ target += {call}; }}")
            try:
                value, _ = stanli.Model(stan_code=code, data=data).log_prob_grad(X)
                assert math.isfinite(value), "not finite"
                file.write(f"{call}\t{float(value)!r}\n")
            except Exception as fault:
                print(call, str(fault).splitlines()[-1][:200])


main()
