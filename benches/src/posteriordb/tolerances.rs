//! A program's text with its differential equations solved to the last digit.
//!
//! The one idea: at a program's own tolerances two solvers differ by their errors, which say nothing
//! about either; with tolerances far below what is compared they must agree. Only the calls with
//! trailing tolerances (`integrate_ode_rk45`, `…_bdf`, `…_adams`) are known here.

/// Relative and absolute tolerance, and steps enough to meet them.
const TIGHT: &str = "1e-12, 1e-12, 1e6";
/// Arguments before the tolerances: the system, state, time, times, parameters and both kinds of data.
const BEFORE: usize = 7;
/// Calls to a solver with trailing tolerances begin so.
const SOLVER: &str = "integrate_ode_";

/// The text with tight tolerances, or nothing if it solves no equations.
pub(crate) fn tightened(text: &str) -> Option<String> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(SOLVER) {
        let open = at + rest[at..].find('(')?;
        let arguments = arguments(&rest[open + 1..])?;
        let kept = *arguments.get(BEFORE - 1)?;
        let end = open + 1 + arguments.last()?;
        result.push_str(&rest[..=open + kept]);
        result.push_str(", ");
        result.push_str(TIGHT);
        rest = &rest[end..];
    }
    (!result.is_empty()).then(|| result + rest)
}

/// Where each argument of a call ends, counted from behind its parenthesis.
fn arguments(text: &str) -> Option<Vec<usize>> {
    let mut ends = Vec::new();
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' if depth == 0 => {
                ends.push(at);
                return Some(ends);
            }
            b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => ends.push(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::tightened;

    #[test]
    fn tolerances_are_added() {
        let text = "y = integrate_ode_bdf(f, y0[1, 2], t0, ts, g(a, b), x_r, x_i);";
        let tight =
            "y = integrate_ode_bdf(f, y0[1, 2], t0, ts, g(a, b), x_r, x_i, 1e-12, 1e-12, 1e6);";
        assert_eq!(tightened(text).as_deref(), Some(tight));
    }

    #[test]
    fn tolerances_are_replaced_in_every_call() {
        let text = "integrate_ode_rk45(f, a, b, c, d, e, h, 1e-5, 1e-3, 5e2) + \
                    integrate_ode_rk45(f, a, b, c, d, e, h)";
        let tight = "integrate_ode_rk45(f, a, b, c, d, e, h, 1e-12, 1e-12, 1e6) + \
                     integrate_ode_rk45(f, a, b, c, d, e, h, 1e-12, 1e-12, 1e6)";
        assert_eq!(tightened(text).as_deref(), Some(tight));
    }

    #[test]
    fn other_programs_are_left_alone() {
        assert_eq!(tightened("model { y ~ normal(0, 1); }"), None);
    }
}
