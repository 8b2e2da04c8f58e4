//! Branch-free `exp` and `log` of one number.

#![expect(
    clippy::inline_always,
    reason = "a core that is not inlined cannot be vectorised"
)]

use std::f64::consts::LOG2_E;

use super::{Products, Separate};

const LN2_HI: f64 = 6.931_471_803_691_238e-1; // 0x3fe62e42_fee00000: the low 21 bits are zero
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
/// `1.5 · 2⁵²`: adding it rounds to the nearest integer and leaves that in the low mantissa bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// `(eʳ − 1 − r)/r²` for `|r| ≤ log(2)/2`, its best polynomial of degree 9 for the relative error of
/// `eʳ` (Remez' exchange in 60 digits); with these coefficients, rounded, the error is 1.2·10⁻¹⁷.
const EXP: [f64; 10] = [
    0.500_000_000_000_001_1,
    0.166_666_666_666_664_13,
    0.041_666_666_666_530_267,
    0.008_333_333_333_494_335,
    0.001_388_888_894_359_799_8,
    0.000_198_412_695_067_777_47,
    2.480_149_313_584_167_3e-5,
    2.755_758_626_743_288e-6,
    2.763_023_405_289_352_5e-7,
    2.500_007_219_021_653_8e-8,
];

/// `(eʳ, n)` with `x = n log 2 + r`, `|r| ≤ log(2)/2`; `n` is in the low bits of the second number,
/// which is `n + ROUND`.
#[inline(always)]
fn reduced_exp<P: Products>(x: f64) -> (f64, f64) {
    let shifted = P::mul_add(x, LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = P::mul_add(n, -LN2_LO, P::mul_add(n, -LN2_HI, x));
    let mut p = EXP[9];
    for k in (0..9).rev() {
        p = P::mul_add(p, r, EXP[k]);
    }
    (P::mul_add(P::mul_add(p, r, 1.0), r, 1.0), shifted)
}

/// `exp(x)`, the same bits on every processor.
#[inline(always)]
pub fn exp_core(x: f64) -> f64 {
    exp_by::<Separate>(x)
}

/// `log(x)`, the same bits on every processor.
#[inline(always)]
pub fn ln_core(x: f64) -> f64 {
    ln_by::<Separate>(x)
}

/// `exp(x)`, with products as `P` says.
#[inline(always)]
pub fn exp_by<P: Products>(x: f64) -> f64 {
    // Beyond these the result is +∞ and 0 in any case; NaN passes through `clamp`.
    let (e, shifted) = reduced_exp::<P>(x.clamp(-746.0, 710.0));
    // 2ⁿ in two factors, because n itself may exceed the exponent range at either end.
    let n_bits = shifted.to_bits().cast_signed() - ROUND.to_bits().cast_signed();
    let half = n_bits >> 1;
    e * power_of_two(half) * power_of_two(n_bits - half)
}

/// `log σ(x)` and `σ(−x)`, where `σ(x) = 1/(1 + e⁻ˣ)`, from one exponential and one division; within
/// 4 units in the last place, except that numbers below e⁻⁷⁰⁸ become 0.
#[inline(always)]
pub fn log_logistic_core<P: Products>(x: f64) -> (f64, f64) {
    let least = if x < 0.0 { x } else { 0.0 };
    let e = exp_of_negative::<P>(-x.abs());
    // log(1 + e) = 2 artanh(s), s = e/(2 + e); for e above √2 − 1 it is log 2 + 2 artanh(s) with
    // s = (e − 1)/(e + 3). Both divisions, by 1 + e and by s's denominator, are one.
    let sum = 1.0 + e;
    let upper = e > std::f64::consts::SQRT_2 - 1.0;
    let numerator = if upper { e - 1.0 } else { e };
    let denominator = if upper { e + 3.0 } else { e + 2.0 };
    let inverse = 1.0 / (sum * denominator);
    let s = numerator * (sum * inverse);
    let logistic = denominator * inverse; // of |x|
    let z = s * s;
    let mut p = LOG[6];
    for k in (0..6).rev() {
        p = P::mul_add(p, z, LOG[k]);
    }
    let log = P::mul_add(s * z, p, s + s);
    let log = if upper {
        log + std::f64::consts::LN_2
    } else {
        log
    };
    let slope = if x > 0.0 { e * logistic } else { logistic };
    (least - log, slope)
}

/// `e^(−|x|)` and `σ(|x|)`, from one exponential and one division: what [`log_logistic_core`] has but
/// for the logarithm, for sums whose logarithms are one.
#[inline(always)]
pub fn logistic_core<P: Products>(x: f64) -> (f64, f64) {
    let e = exp_of_negative::<P>(-x.abs());
    (e, 1.0 / (1.0 + e))
}

/// `exp(x)` for `x ≤ 0`, except that numbers below e⁻⁷⁰⁸ become 0.
#[inline(always)]
fn exp_of_negative<P: Products>(x: f64) -> f64 {
    let (e, shifted) = reduced_exp::<P>(x);
    let e = f64::from_bits(e.to_bits().wrapping_add(shifted.to_bits() << 52));
    if x < -708.0 { 0.0 } else { e }
}

#[inline(always)]
fn power_of_two(n: i64) -> f64 {
    f64::from_bits(((n + 1023) << 52).cast_unsigned())
}

/// `(2 artanh(s) − 2s)/s³` as a polynomial in `s²`, for `|s| ≤ 0.1716` (`[@fdlibm1993]`, `e_log.c`).
const LOG: [f64; 7] = [
    6.666_666_666_666_735e-1,
    3.999_999_999_940_942e-1,
    2.857_142_874_366_239e-1,
    2.222_219_843_214_978_4e-1,
    1.818_357_216_161_805e-1,
    1.531_383_769_920_937_3e-1,
    1.479_819_860_511_658_6e-1,
];

/// `(e, f)` with `x = 2ᵉ (1 + f)` and `1 + f` in `[√½, √2)`, for a finite `x > 0`.
#[inline(always)]
fn exponent_and_fraction(x: f64) -> (f64, f64) {
    const SUBNORMAL_SCALE: f64 = 18_014_398_509_481_984.0; // 2⁵⁴
    let subnormal = x < f64::MIN_POSITIVE;
    let scaled = if subnormal { x * SUBNORMAL_SCALE } else { x };
    // Shifts the exponent so that the mantissa falls into [√½, √2).
    let bits = scaled
        .to_bits()
        .wrapping_add(0x3ff0_0000_0000_0000 - 0x3fe6_a09e_667f_3bcd);
    let exponent = (bits >> 52) & 0x7ff;
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(0x3fe6_a09e_667f_3bcd));
    // An integer below 2⁵² becomes a float by way of its bits: AVX2 has no instruction for it.
    let e = f64::from_bits(exponent | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1023.0);
    let e = if subnormal { e - 54.0 } else { e };
    (e, m - 1.0)
}

/// `z` times the polynomial with coefficients [`LOG`] at `z`.
#[inline(always)]
fn log_series<P: Products>(z: f64) -> f64 {
    let w = z * z;
    let even = w * P::mul_add(w, P::mul_add(w, LOG[5], LOG[3]), LOG[1]);
    let odd = P::mul_add(
        w,
        P::mul_add(w, P::mul_add(w, LOG[6], LOG[4]), LOG[2]),
        LOG[0],
    );
    P::mul_add(z, odd, even)
}

/// `log(x)`, by the argument reduction and polynomial of `[@fdlibm1993]`'s `e_log.c`.
#[inline(always)]
pub fn ln_by<P: Products>(x: f64) -> f64 {
    let (e, f) = exponent_and_fraction(x);
    let s = f / (2.0 + f);
    let rest = log_series::<P>(s * s);
    let half_square = 0.5 * f * f;
    let correction = P::mul_add(s, half_square + rest, e * LN2_LO);
    let value = P::mul_add(e, LN2_HI, f - (half_square - correction));
    let value = if x == f64::INFINITY { x } else { value };
    let value = if x == 0.0 { f64::NEG_INFINITY } else { value };
    if x >= 0.0 { value } else { f64::NAN }
}

/// `xʸ`, within 4 units in the last place where products are [`Fused`](super::Fused); elsewhere the
/// relative error grows as `|y log x|` units.
///
/// Of `y log x` what rounding takes is kept apart, since the exponential makes an error of it.
#[inline(always)]
pub fn pow_by<P: Products>(x: f64, y: f64) -> f64 {
    let size = x.abs();
    let (e, f) = exponent_and_fraction(size);
    // log(1 + f) = 2 s + s³ p(s²), s = f/(2 + f), where the rounding of s counts.
    let denominator = 2.0 + f;
    let s = f / denominator;
    let lost = (f - (denominator - 2.0)) * -s;
    let s_low = (P::mul_add(-s, denominator, f) + lost) / denominator;
    let z = s * s;
    let rest = P::mul_add(s, log_series::<P>(z), 2.0 * s_low);
    let (large, small) = (e * LN2_HI, 2.0 * s);
    // |large| ≥ |small| or large = 0.
    let high = large + small;
    let low = (small - (high - large)) + P::mul_add(e, LN2_LO, rest);
    let log = high + low;
    let log_low = low - (log - high);
    let product = y * log;
    let product_low = P::mul_add(y, log_low, P::mul_add(y, log, -product));
    let value = exp_by::<P>(product);
    let exact = P::mul_add(value, product_low, value);
    // Nothing is lost of 0 and +∞.
    let inside = value > 0.0 && value < f64::INFINITY;
    let value = if inside { exact } else { value };
    // Where the logarithm is infinite.
    let grows = if y > 0.0 { size } else { 1.0 / size };
    let value = if size == 0.0 || size == f64::INFINITY {
        grows
    } else {
        value
    };
    let negative = x < 0.0;
    let whole = y.round_ties_even() == y;
    let half = 0.5 * y;
    let odd = whole && half.round_ties_even() != half;
    let value = if negative && odd { -value } else { value };
    let finite = negative && size < f64::INFINITY;
    let value = if finite && !whole { f64::NAN } else { value };
    let value = if x.is_nan() || y.is_nan() {
        f64::NAN
    } else {
        value
    };
    let one = x == 1.0 || (x == -1.0 && y.abs() == f64::INFINITY);
    if y == 0.0 || one { 1.0 } else { value }
}
