//! Functions of a few numbers that give one, applied entry by entry; densities are among them.
//!
//! The one idea: a function is its value and its partial derivatives, written once over
//! [`Number`], plus a row in the table below. Kernels, adjoints, second derivatives, constant folding
//! and the conformance tests follow from the row. Each argument's adjoint is a loop of its own, so a
//! derivative with respect to data is never computed. Deliberately absent: shapes and broadcasting
//! (kernels see slices of one length).

#![expect(
    clippy::inline_always,
    reason = "a function that is not inlined into its loop cannot be vectorised"
)]

mod bessel;
mod comparison;
mod define;
mod density;
mod elementary;
mod incomplete;
mod kernel;
mod library;
mod special;
mod tail;
pub(crate) mod term;
mod trigonometric;

use crate::number::Number;
use library::Library;
use term::Sums;

/// A function of `N` numbers.
pub(crate) trait Pointwise<const N: usize> {
    /// The value at `x`.
    fn value<T: Number>(x: [T; N]) -> T;

    /// The derivative with respect to `x[I]`; `y` is the value at `x`.
    fn partial<T: Number, const I: usize>(x: [T; N], y: T) -> T;

    /// The value, and the derivative with respect to `x[I]`.
    #[inline(always)]
    fn value_and_partial<T: Number, const I: usize>(x: [T; N]) -> (T, T) {
        let y = Self::value(x);
        (y, Self::partial::<T, I>(x, y))
    }
}

/// Applies one function by the loops of its kind: `vector`, compiled for several instruction sets;
/// `fused`, a vector function whose value and partial derivative together cost much less than one
/// after the other; `term`, one that is mostly summed over rows, and `fused_term`, both; `plain`, compiled
/// once; `library`, whose derivatives come from tangents.
macro_rules! forward {
    (plain $arity:tt $f:ty, $out:expr, $args:expr) => {
        library::plain_forward::<$f, T, $arity>($out, $args)
    };
    (library $arity:tt $f:ty, $out:expr, $args:expr) => {
        library::forward::<$f, T, $arity>($out, $args)
    };
    ($kind:ident $arity:tt $f:ty, $out:expr, $args:expr) => {
        kernel::forward!($arity, $f, T, $out, $args)
    };
}

/// As [`forward`], with a partial derivative.
macro_rules! both {
    (fused $arity:tt $f:ty, $index:literal, $out:expr, $partial:expr, $args:expr) => {
        kernel::both!($arity, $f, T, $index, $out, $partial, $args)
    };
    (fused_term $arity:tt $f:ty, $index:literal, $out:expr, $partial:expr, $args:expr) => {
        kernel::both!($arity, $f, T, $index, $out, $partial, $args)
    };
    ($kind:ident $arity:tt $f:ty, $index:literal, $out:expr, $partial:expr, $args:expr) => {
        unreachable!("only fused functions share work")
    };
}

/// As [`forward`], the adjoint of an argument.
macro_rules! backward {
    (plain $arity:tt $f:ty, $index:literal, $($arg:expr),+) => {
        library::plain_backward::<$f, T, $arity, $index>($($arg),+)
    };
    (library $arity:tt $f:ty, $index:literal, $out:expr, $adjoint:expr, $values:expr, $args:expr) => {
        library::backward::<$f, T, $arity>($index, $out, $adjoint, $args)
    };
    ($kind:ident $arity:tt $f:ty, $index:literal, $($arg:expr),+) => {
        kernel::backward!($arity, $f, T, $index, $($arg),+)
    };
}

/// Whether a kind shares work between a value and a derivative.
macro_rules! shares {
    (fused) => {
        true
    };
    (fused_term) => {
        true
    };
    ($kind:ident) => {
        false
    };
}

/// Adds a term up, if the kind can; gives whether it can.
macro_rules! add_up {
    (term $arity:tt $f:ty, $sums:expr, $derivatives:expr) => {{
        term::add_up::<$f, T, $arity, W>($sums, $derivatives);
        true
    }};
    (fused_term $arity:tt $f:ty, $sums:expr, $derivatives:expr) => {{
        term::add_up::<$f, T, $arity, W>($sums, $derivatives);
        true
    }};
    ($kind:ident $arity:tt $f:ty, $sums:expr, $derivatives:expr) => {
        false
    };
}

/// Declares [`Function`] and its dispatch from rows `Variant "name" arity [arguments]`; arguments
/// that are not listed have the derivative 0.
macro_rules! functions {
    ($($kind:ident $module:ident: $($variant:ident $name:literal $arity:tt [$($index:literal)*]),+ $(,)?;)+) => {
        /// A pointwise function, by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Function {
            $($(
                #[doc = concat!("`", $name, "`, with ", $arity, " argument(s).")]
                $variant,
            )+)+
        }

        impl Function {
            /// Every function.
            pub const ALL: &[Self] = &[$($(Self::$variant,)+)+];

            /// The function of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|f| f.name() == name)
            }

            /// The name, as Stan writes it where Stan has the function.
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$variant => $name,)+)+
                }
            }

            /// The number of arguments.
            pub const fn arity(self) -> usize {
                match self {
                    $($(Self::$variant => $arity,)+)+
                }
            }

            /// Whether the value moves with an argument other than by jumps. An order or a count,
            /// which is an integer and so is known, does not count as moving.
            pub const fn has_derivative(self, which: usize) -> bool {
                let indices: &[usize] = match self {
                    $($(Self::$variant => &[$($index),*],)+)+
                };
                let mut k = 0;
                while k < indices.len() {
                    if indices[k] == which {
                        return true;
                    }
                    k += 1;
                }
                false
            }

            /// `out_i = f(args_i)`; all slices have one length.
            pub(crate) fn forward<T: Number>(self, out: &mut [T], args: &[&[T]]) {
                match self {
                    $($(Self::$variant => {
                        forward!($kind $arity $module::$variant, out, args);
                    })+)+
                }
            }

            /// Whether [`forward_with_partial`](Self::forward_with_partial) is worth its memory.
            pub(crate) const fn shares(self) -> bool {
                match self {
                    $($(Self::$variant => shares!($kind),)+)+
                }
            }

            /// `out_i = f(args_i)` and `partial_i = ∂f/∂args[which]`.
            pub(crate) fn forward_with_partial<T: Number>(
                self,
                which: usize,
                out: &mut [T],
                partial: &mut [T],
                args: &[&[T]],
            ) {
                match self {
                    $($(Self::$variant => match which {
                        $($index => both!(
                            $kind $arity $module::$variant, $index, out, partial, args
                        ),)*
                        _ => unreachable!("{} has no such derivative", $name),
                    },)+)+
                }
            }

            /// Adds the values of many rows up, and derivatives; gives whether the function can.
            pub(crate) fn add_up<T: Number, const W: usize>(
                self,
                sums: &mut Sums<'_, T, W>,
                derivatives: bool,
            ) -> bool {
                match self {
                    $($(Self::$variant => {
                        add_up!($kind $arity $module::$variant, sums, derivatives)
                    })+)+
                }
            }

            /// `out_i += adjoint_i ∂f/∂args[which]`; `values` are the function's.
            pub(crate) fn backward<T: Number>(
                self,
                which: usize,
                out: &mut [T],
                adjoint: &[T],
                values: &[T],
                args: &[&[T]],
            ) {
                match self {
                    $($(Self::$variant => match which {
                        $($index => backward!(
                            $kind $arity $module::$variant, $index, out, adjoint, values, args
                        ),)*
                        _ => {}
                    },)+)+
                }
            }
        }
    };
}

functions! {
    vector elementary:
        Negate "negate" 1 [0],
        Exp "exp" 1 [0],
        Log "log" 1 [0],
        Log1p "log1p" 1 [0],
        Log1m "log1m" 1 [0],
        Expm1 "expm1" 1 [0],
        Sqrt "sqrt" 1 [0],
        Square "square" 1 [0],
        Inverse "inv" 1 [0],
        InvSqrt "inv_sqrt" 1 [0],
        InvSquare "inv_square" 1 [0],
        Abs "abs" 1 [0],
        InvLogit "inv_logit" 1 [0],
        Logit "logit" 1 [0],
        Log1mExp "log1m_exp" 1 [0],
        LogInvLogit "log_inv_logit" 1 [0],
        Log1mInvLogit "log1m_inv_logit" 1 [0],
        CLogLog "cloglog" 1 [0],
        InvCLogLog "inv_cloglog" 1 [0],
        Tanh "tanh" 1 [0],
        PhiApprox "Phi_approx" 1 [0],
        LogGamma "lgamma" 1 [0],
        Digamma "digamma" 1 [0],
        Trigamma "trigamma" 1 [0],
        Add "add" 2 [0 1],
        Subtract "subtract" 2 [0 1],
        Multiply "multiply" 2 [0 1],
        Divide "divide" 2 [0 1],
        Power "pow" 2 [0 1],
        Maximum "fmax" 2 [0 1],
        Minimum "fmin" 2 [0 1],
        PositiveDifference "fdim" 2 [0 1],
        Weigh "weigh" 2 [0 1],
        LogMultiply "lmultiply" 2 [0 1],
        Log1mMultiply "log1m_multiply" 2 [0 1],
        LogInvLogitDifference "log_inv_logit_diff" 2 [0 1],
        LogSumExp "log_sum_exp" 2 [0 1],
        LogDiffExp "log_diff_exp" 2 [0 1],
        LogRisingFactorial "log_rising_factorial" 2 [0 1],
        MultiplyAdd "fma" 3 [0 1 2],
        LogMix "log_mix" 3 [0 1 2];
    fused elementary:
        Log1pExp "log1p_exp" 1 [0];
    vector comparison:
        Select "select" 3 [1 2],
        WhereEqual "where_equal" 3 [0],
        WherePositive "where_positive" 2 [0],
        WhereNonNegative "where_non_negative" 2 [0],
        WhereUnit "where_unit" 2 [0],
        WhereOpen "where_open" 2 [0];
    plain comparison:
        Floor "floor" 1 [],
        Ceil "ceil" 1 [],
        Round "round" 1 [],
        Trunc "trunc" 1 [],
        Step "step" 1 [],
        IntStep "int_step" 1 [],
        IsInf "is_inf" 1 [],
        IsNan "is_nan" 1 [],
        Not "logical_negation" 1 [],
        Equal "logical_eq" 2 [],
        NotEqual "logical_neq" 2 [],
        Less "logical_lt" 2 [],
        LessOrEqual "logical_lte" 2 [],
        Greater "logical_gt" 2 [],
        GreaterOrEqual "logical_gte" 2 [],
        And "logical_and" 2 [],
        Or "logical_or" 2 [];
    plain trigonometric:
        Exp2 "exp2" 1 [0],
        Log2 "log2" 1 [0],
        Log10 "log10" 1 [0],
        Cbrt "cbrt" 1 [0],
        Sin "sin" 1 [0],
        Cos "cos" 1 [0],
        Tan "tan" 1 [0],
        Asin "asin" 1 [0],
        Acos "acos" 1 [0],
        Atan "atan" 1 [0],
        Sinh "sinh" 1 [0],
        Cosh "cosh" 1 [0],
        Asinh "asinh" 1 [0],
        Acosh "acosh" 1 [0],
        Atanh "atanh" 1 [0],
        Atan2 "atan2" 2 [0 1],
        Hypot "hypot" 2 [0 1],
        Remainder "fmod" 2 [0 1];
    plain special:
        Erf "erf" 1 [0],
        Erfc "erfc" 1 [0],
        Phi "Phi" 1 [0],
        InvPhi "inv_Phi" 1 [0],
        InvErfc "inv_erfc" 1 [0],
        StdNormalLcdf "std_normal_lcdf" 1 [0],
        LogScaledTail "log_scaled_tail" 1 [0],
        StdNormalLogQf "std_normal_log_qf" 1 [0],
        TrueGamma "tgamma" 1 [0],
        LambertW0 "lambert_w0" 1 [0],
        LambertWm1 "lambert_wm1" 1 [0],
        LogBeta "lbeta" 2 [0 1],
        Beta "beta" 2 [0 1],
        LogChoose "lchoose" 2 [0 1],
        Choose "choose" 2 [],
        LogPhiDifference "log_Phi_diff" 2 [0 1],
        OwensT "owens_t" 2 [0 1],
        BesselFirstKind "bessel_first_kind" 2 [1],
        BesselSecondKind "bessel_second_kind" 2 [1],
        ModifiedBesselFirstKind "modified_bessel_first_kind" 2 [1],
        ModifiedBesselSecondKind "modified_bessel_second_kind" 2 [1],
        LogFallingFactorial "log_falling_factorial" 2 [0 1],
        RisingFactorial "rising_factorial" 2 [0],
        FallingFactorial "falling_factorial" 2 [0],
        BinaryLogLoss "binary_log_loss" 2 [1];
    library incomplete:
        LogGammaP "log_gamma_p" 2 [0 1],
        LogGammaQ "log_gamma_q" 2 [0 1],
        GammaP "gamma_p" 2 [0 1],
        GammaQ "gamma_q" 2 [0 1],
        LogIncBeta "log_inc_beta" 3 [0 1 2],
        IncBeta "inc_beta" 3 [0 1 2],
        StudentTLcdf "student_t_lcdf" 2 [0 1],
        InvIncBeta "inv_inc_beta" 3 [0 1 2],
        LogModifiedBesselFirstKind "log_modified_bessel_first_kind" 2 [0 1];
    library tail:
        VonMisesIntegral "von_mises_integral" 2 [0 1],
        BetaBinomialLcdf "log_beta_binomial_tail" 4 [2 3],
        LogFirstPassage "log_first_passage" 2 [0 1];
    vector density:
        LogScale "log_scale" 1 [0],
        InverseScale "inverse_scale" 1 [0],
        LogisticDensity "logistic_density" 1 [0],
        GumbelDensity "gumbel_density" 1 [0],
        Standardise "standardise" 3 [0 1 2],
        StudentTDensity "student_t_density" 5 [0 1 2 3 4],
        Poisson "poisson" 3 [0 1 2],
        NegativeBinomialLog "negative_binomial_log" 3 [0 1 2];
    term density:
        NormalDensity "normal_density" 4 [0 1 2 3];
    fused density:
        Bernoulli "bernoulli" 2 [1];
    fused_term density:
        BernoulliLogit "bernoulli_logit" 2 [0 1],
        BinomialLogit "binomial_logit" 4 [0 1 2 3],
        PoissonLog "poisson_log" 3 [0 1 2];
}

#[cfg(test)]
mod tests;
