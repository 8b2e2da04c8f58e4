//! Branch-free `exp` and `log` of one number.

#![expect(
    clippy::inline_always,
    reason = "a core that is not inlined cannot be vectorised"
)]

use std::f64::consts::LOG2_E;

const LN2_HI: f64 = 6.931_471_803_691_238e-1; // 0x3fe62e42_fee00000: the low 21 bits are zero
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
/// `1.5 · 2⁵²`: adding it rounds to the nearest integer and leaves that in the low mantissa bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// `exp(x)`: `2ⁿ exp(r)` with `|r| ≤ log(2)/2` and a Taylor polynomial, whose first omitted term is
/// below `r¹⁴/14! < 5·10⁻¹⁸`.
#[inline(always)]
pub fn exp_core(x: f64) -> f64 {
    // Beyond these the result is +∞ and 0 in any case; NaN passes through `clamp`.
    let x = x.clamp(-746.0, 710.0);
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HI) - n * LN2_LO;
    let mut p = 1.0 / 6_227_020_800.0;
    for c in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    ] {
        p = p * r + c;
    }
    // The two leading terms are added last, smallest first, to keep the final bits.
    let e = 1.0 + (r + r * r * p);
    // 2ⁿ in two factors, because n itself may exceed the exponent range at either end.
    let n_bits = shifted.to_bits().cast_signed() - ROUND.to_bits().cast_signed();
    let half = n_bits >> 1;
    e * power_of_two(half) * power_of_two(n_bits - half)
}

#[inline(always)]
fn power_of_two(n: i64) -> f64 {
    f64::from_bits(((n + 1023) << 52).cast_unsigned())
}

/// `log(x)`, by the argument reduction and polynomial of `[@fdlibm1993]`'s `e_log.c`.
#[inline(always)]
pub fn ln_core(x: f64) -> f64 {
    const L: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
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
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w * (L[1] + w * (L[3] + w * L[5]));
    let odd = z * (L[0] + w * (L[2] + w * (L[4] + w * L[6])));
    let half_square = 0.5 * f * f;
    let value = e * LN2_HI - ((half_square - (s * (half_square + (odd + even)) + e * LN2_LO)) - f);
    let value = if x == f64::INFINITY { x } else { value };
    let value = if x == 0.0 { f64::NEG_INFINITY } else { value };
    if x >= 0.0 { value } else { f64::NAN }
}
