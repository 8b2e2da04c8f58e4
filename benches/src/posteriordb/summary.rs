//! What must hold of all rows together, and what was found.

use std::collections::BTreeMap;

use crate::row::{LARGEST_LOAD, Row};
use crate::table::significant;

/// Seconds that the median program may take to load.
const MEDIAN_LOAD: f64 = 0.005;

/// What must hold, the goal, and what was found.
pub(crate) fn lines(rows: &[Row]) -> Vec<(String, String, String)> {
    let mut lines = Vec::new();
    let mut line = |what: &str, goal: String, found: String| {
        lines.push((what.to_owned(), goal, found));
    };
    let (evaluating, programs, without) = programs(rows);
    line(
        "programs that load and agree with stanli on all their data",
        format!("{programs} of {programs}"),
        format!("{evaluating} of {programs} ({without} have no data in the checkout)"),
    );
    let loads = sorted(rows.iter().filter_map(|row| row.load_seconds));
    line(
        "load, median / largest",
        format!("≤ {} ms / ≤ {} ms", MEDIAN_LOAD * 1e3, LARGEST_LOAD * 1e3),
        format!(
            "{} / {} ms",
            times(median(&loads), 1e3),
            times(loads.last().copied(), 1e3)
        ),
    );
    let drawn: Vec<&Row> = rows.iter().filter(|row| row.has_draws).collect();
    let right = |rows: &[&Row]| rows.iter().filter(|row| row.is_good_and_right()).count();
    line(
        "`auto` good and right, of those with reference draws",
        "≥ 42 of 46".to_owned(),
        format!("{} of {}", right(&drawn), drawn.len()),
    );
    let others: Vec<&Row> = rows
        .iter()
        .filter(|row| !row.has_draws && !row.no_data)
        .collect();
    let judged: Vec<&Row> = others
        .iter()
        .copied()
        .filter(|row| row.has_reference())
        .collect();
    line(
        "of the others whose sampler converged",
        "≥ 75%".to_owned(),
        format!(
            "{} of {} ({}%); {} more have no reference",
            right(&judged),
            judged.len(),
            100 * right(&judged) / judged.len().max(1),
            others.len() - judged.len()
        ),
    );
    let trusted = rows.iter().filter(|row| row.is_false_trust()).count();
    line("false trust", "0".to_owned(), trusted.to_string());
    let ratios = sorted(rows.iter().filter_map(Row::gradient_ratio));
    let below = ratios.iter().filter(|ratio| **ratio < 1.0).count();
    line(
        "gradients, times stanli's speed, median / smallest",
        "≥ 4 / ≥ 1".to_owned(),
        format!(
            "{} / {} ({below} of {} below 1)",
            times(median(&ratios), 1.0),
            times(ratios.first().copied(), 1.0),
            ratios.len()
        ),
    );
    let races = sorted(rows.iter().filter_map(Row::race_ratio));
    line(
        "`elbo fit` against stanli's sampler, median, of those good and right",
        "≥ 10".to_owned(),
        match median(&races) {
            Some(median) => format!("{} ({} raced)", significant(median), races.len()),
            None => "not raced".to_owned(),
        },
    );
    lines
}

/// Programs that agree on all their data, all programs, and those without data.
fn programs(rows: &[Row]) -> (usize, usize, usize) {
    let mut by_program: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        by_program.entry(&row.program).or_default().push(row);
    }
    let has_data = |rows: &&Vec<&Row>| rows.iter().any(|row| !row.no_data);
    let agree = |rows: &&Vec<&Row>| rows.iter().all(|row| row.no_data || row.evaluates());
    let with_data = by_program.values().filter(has_data);
    let evaluating = with_data.clone().filter(agree).count();
    (
        evaluating,
        by_program.len(),
        by_program.len() - with_data.count(),
    )
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Of sorted values; the lower of two.
fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

fn times(value: Option<f64>, unit: f64) -> String {
    value.map_or_else(|| "–".to_owned(), |value| significant(value * unit))
}
