//! The terms that entropies and divergences of discrete distributions are sums of.
//!
//! The one idea: `0 log 0 = 0`, in one place.

/// `−p log p`.
pub(crate) fn entropy_term(p: f64) -> f64 {
    if p == 0.0 { 0.0 } else { -p * p.ln() }
}

/// `p log(p / q)`; infinite where `q` rules out what `p` allows.
pub(crate) fn kl_term(p: f64, q: f64) -> f64 {
    if p == 0.0 { 0.0 } else { p * (p / q).ln() }
}

/// `k log p` for a count `k`.
pub(crate) fn count_times_ln(k: f64, p: f64) -> f64 {
    if k == 0.0 { 0.0 } else { k * p.ln() }
}
