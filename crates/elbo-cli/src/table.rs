//! The table under a fit: mean, sd and three quantiles per parameter.
//!
//! The one idea: a row is filled from moments that the model knows exactly or from draws, and the
//! rest of the program does not care which. Long tables are cut in the middle on a terminal and are
//! whole in JSON.

use std::fmt::Write as _;

use elbo::math::random;
use serde::Serialize;

use crate::failure::Failure;
use crate::model::Drawer;

/// One parameter's marginal under `q`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Marginal {
    /// The parameter's name, as in the columns of draws or as the user's column is called.
    pub name: String,
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation.
    pub sd: f64,
    /// Its 5% quantile.
    pub q5: f64,
    /// Its median.
    pub q50: f64,
    /// Its 95% quantile.
    pub q95: f64,
}

/// 0.95-quantile of the standard normal, `scipy.stats.norm.ppf(0.95)`.
const NORMAL_Q95: f64 = 1.6448536269514722;

impl Marginal {
    /// A normal marginal.
    pub(crate) fn normal(name: impl Into<String>, mean: f64, sd: f64) -> Self {
        Self {
            name: name.into(),
            mean,
            sd,
            q5: mean - NORMAL_Q95 * sd,
            q50: mean,
            q95: mean + NORMAL_Q95 * sd,
        }
    }

    /// Moments and quantiles of draws.
    ///
    /// # Panics
    /// If there are fewer than two draws.
    pub(crate) fn from_draws(name: impl Into<String>, mut draws: Vec<f64>) -> Self {
        let n = draws.len();
        assert!(n > 1, "a spread needs two draws");
        draws.sort_by(f64::total_cmp);
        let mean = draws.iter().sum::<f64>() / n as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        Self {
            name: name.into(),
            mean,
            sd: variance.sqrt(),
            q5: quantile(&draws, 0.05),
            q50: quantile(&draws, 0.5),
            q95: quantile(&draws, 0.95),
        }
    }
}

/// Draws behind a table: quantiles to a few hundredths of a standard deviation.
const N_DRAWS: usize = 2000;
/// The fewest draws, when a draw is many numbers.
const FEWEST_DRAWS: usize = 200;
/// Numbers to draw for a table, at most.
const MOST_NUMBERS: usize = 5_000_000;

/// Marginals of everything that is drawn, always from the same streams.
///
/// # Errors
/// A numerical failure.
pub(crate) fn from_draws(drawer: &Drawer<'_>) -> Result<Vec<Marginal>, Failure> {
    let n = (MOST_NUMBERS / drawer.names.len().max(1)).clamp(FEWEST_DRAWS, N_DRAWS);
    let mut columns = vec![Vec::with_capacity(n); drawer.names.len()];
    for i in 0..n {
        let mut rng = random::stream(0, "cli/table", i as u64);
        for (column, value) in columns.iter_mut().zip((drawer.draw)(&mut rng)?) {
            column.push(value);
        }
    }
    let named = drawer.names.iter().zip(columns);
    Ok(named
        .map(|(name, draws)| Marginal::from_draws(name.clone(), draws))
        .collect())
}

/// The quantile of sorted numbers, interpolated linearly (type 7, the default of R and `NumPy`).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the position lies between 0 and the number of draws"
)]
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let position = p * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// Rows of a table on a terminal; more are cut in the middle.
pub(crate) const TERMINAL_ROWS: usize = 40;

/// Renders marginals for a terminal; of more than `limit` rows the first and last are shown.
pub(crate) fn render(marginals: &[Marginal], limit: usize) -> String {
    let head = if marginals.len() > limit {
        limit / 2
    } else {
        marginals.len()
    };
    let tail = marginals.len().saturating_sub(limit - limit / 2).max(head);
    let mut rows = vec![["", "mean", "sd", "5%", "50%", "95%"].map(str::to_owned)];
    rows.extend(marginals[..head].iter().map(cells));
    if tail > head {
        let hidden = format!("… {} more", tail - head);
        rows.push([
            hidden,
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    rows.extend(marginals[tail..].iter().map(cells));
    let width = |j: usize| rows.iter().map(|r| r[j].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let line = |row: &[String; 6]| {
        let mut line = format!("{:<1$}", row[0], widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            let _ = write!(line, "  {cell:>width$}");
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn cells(m: &Marginal) -> [String; 6] {
    let number = |x: f64| significant(x, 4);
    [
        m.name.clone(),
        number(m.mean),
        number(m.sd),
        number(m.q5),
        number(m.q50),
        number(m.q95),
    ]
}

/// A number with `digits` significant digits, in plain notation where that is readable.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "decimal exponents of doubles are small integers"
)]
pub(crate) fn significant(x: f64, digits: i32) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let exponent = x.abs().log10().floor() as i32;
    if (-4..7).contains(&exponent) {
        let decimals = (digits - 1 - exponent).max(0) as usize;
        format!("{x:.decimals$}")
    } else {
        format!("{x:.*e}", (digits - 1) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_as_numpy_does() {
        // numpy.quantile([1, 2, 4, 8], [0.05, 0.5, 0.95]) = [1.15, 3.0, 7.4]
        let m = Marginal::from_draws("x", vec![8.0, 1.0, 4.0, 2.0]);
        for (got, expected) in [(m.q5, 1.15), (m.q50, 3.0), (m.q95, 7.4), (m.mean, 3.75)] {
            assert!((got - expected).abs() < 1e-12, "{got} against {expected}");
        }
    }

    #[test]
    fn a_long_table_shows_both_ends_and_says_what_it_hides() {
        let rows: Vec<Marginal> = (0..100)
            .map(|i| Marginal::normal(format!("w.{i}"), f64::from(i), 1.0))
            .collect();
        let text = render(&rows, 10);
        assert_eq!(text.lines().count(), 1 + 10 + 1);
        assert!(text.contains("… 90 more"), "{text}");
        assert!(text.contains("w.4 ") && text.contains("w.95 ") && !text.contains("w.5 "));
        assert!(!render(&rows, 100).contains("more"));
    }

    #[test]
    fn numbers_keep_four_digits() {
        for (x, text) in [
            (0.0, "0"),
            (5.43219, "5.432"),
            (-1234.6, "-1235"),
            (0.00012344, "0.0001234"),
            (1.0e-9, "1.000e-9"),
            (12345678.0, "1.235e7"),
        ] {
            assert_eq!(significant(x, 4), text);
        }
    }
}
