//! Elementary and special functions over slices, with the vector width chosen at run time.
//!
//! The one idea: each function has a branch-free core for one number, written so that the compiler
//! vectorises a loop over it; `multiversion` compiles that loop for several instruction sets and
//! picks one when the program runs, so a portable binary is a fast one. Where the instruction set has
//! fused multiply-adds they are used ([`Products`]): last bits may differ between processors of
//! different kinds, never between runs on one. The scalar twins that the tests compare with
//! are `std`'s and those of [`crate::special`].

mod elementary;
mod gamma;
mod products;

pub use elementary::{exp_by, exp_core, ln_by, ln_core, log_logistic_core, logistic_core, pow_by};
pub use gamma::{digamma_core, ln_gamma_core, trigamma_core};
pub use products::{Fused, Products, Separate};

use multiversion::multiversion;

use crate::fused_or_separate;

/// `x_i ← exp(x_i)`, within 2 units in the last place.
///
/// ```
/// let mut x = [0.0, 1.0];
/// elbo_math::simd::exp(&mut x);
/// assert_eq!(x[0], 1.0);
/// assert!((x[1] - std::f64::consts::E).abs() < 1e-15);
/// ```
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl+fma", "x86_64+avx2+fma"))]
pub fn exp(x: &mut [f64]) {
    fused_or_separate!(exp_each(x));
}

/// `x_i ← log(x_i)`, within 1 unit in the last place; −∞ at 0, NaN below.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl+fma", "x86_64+avx2+fma"))]
pub fn ln(x: &mut [f64]) {
    fused_or_separate!(ln_each(x));
}

/// `x_i ← ψ(x_i)`, to a relative or absolute error of 1e-14.
pub fn digamma(x: &mut [f64]) {
    over_positive(x, digamma_positive, crate::special::digamma);
}

/// `x_i ← log |Γ(x_i)|`, to a relative or absolute error of 1e-14.
pub fn ln_gamma(x: &mut [f64]) {
    over_positive(x, ln_gamma_positive, crate::special::ln_gamma);
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl+fma", "x86_64+avx2+fma"))]
fn digamma_positive(x: &mut [f64]) {
    fused_or_separate!(digamma_each(x));
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl+fma", "x86_64+avx2+fma"))]
fn ln_gamma_positive(x: &mut [f64]) {
    fused_or_separate!(ln_gamma_each(x));
}

macro_rules! each {
    ($($name:ident: $core:ident;)+) => {
        $(
            #[inline(always)]
            fn $name<P: Products>(x: &mut [f64]) {
                for v in x {
                    *v = $core::<P>(*v);
                }
            }
        )+
    };
}

each! {
    exp_each: exp_by;
    ln_each: ln_by;
    digamma_each: digamma_core;
    ln_gamma_each: ln_gamma_core;
}

/// Runs the vector kernel where its argument is in range, the scalar function elsewhere: arguments
/// that are not positive, or so large that the kernel's products overflow, are rare.
fn over_positive(x: &mut [f64], kernel: fn(&mut [f64]), scalar: fn(f64) -> f64) {
    const BLOCK: usize = 64;
    for block in x.chunks_mut(BLOCK) {
        if block.iter().all(|v| *v > 0.0 && *v < gamma::MAX_ARGUMENT) {
            kernel(block);
        } else {
            for v in block {
                *v = scalar(*v);
            }
        }
    }
}

/// Leaves the processor as code without vector instructions expects it.
///
/// The matrix library's kernels return with the upper halves of the vector registers in use. On
/// Intel's processors every older (SSE) instruction then waits for them: a million calls of the C
/// library's `exp` take 435 ms after a matrix product instead of 8. A compiled loop over wide vectors
/// ends with the instruction that clears them (`vzeroupper`), so one is run.
pub(crate) fn clear_upper_halves() {
    std::hint::black_box(&mut add_one(std::hint::black_box([0.0; 16])));
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl+fma", "x86_64+avx2+fma"))]
fn add_one(mut x: [f64; 16]) -> [f64; 16] {
    for v in &mut x {
        *v += 1.0;
    }
    x
}

#[cfg(test)]
mod tests;
