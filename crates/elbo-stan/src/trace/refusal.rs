//! Why a density refuses what is known of its arguments, in the words of a program.
//!
//! Rows of a node are what `elbo-graph` speaks of; a program has entries of vectors, counted from 1, and
//! places that are passed many times.

use std::fmt::Write as _;

use elbo_graph::{Density, DensityError};

use super::{Column, Group, Number};

/// About some instances of a group.
pub(super) fn of_entries(
    error: &DensityError,
    density: &Density,
    group: &Group,
    which: &[u32],
) -> String {
    let DensityError::Support {
        argument, value, ..
    } = error
    else {
        return error.to_string();
    };
    let names = density.arguments.iter();
    let place = names
        .zip(&group.args)
        .find(|((name, _), _)| name == argument)
        .and_then(|(_, column)| found(column, which, *value));
    let Some((instance, entry)) = place else {
        return sentence(error, argument, None);
    };
    let place = match entry {
        Some(entry) => format!("{argument}[{}]", entry + 1),
        None => (*argument).to_owned(),
    };
    let passed = (group.instances() > 1).then_some(instance as usize + 1);
    sentence(error, &place, passed)
}

/// The first instance that has a value, and its entry if there are several.
fn found(column: &Column, which: &[u32], value: f64) -> Option<(u32, Option<usize>)> {
    let is_it = |number: Number| {
        number
            .known()
            .is_some_and(|x| x == value || x.is_nan() && value.is_nan())
    };
    which.iter().find_map(|&instance| match column {
        Column::Numbers(numbers) => is_it(numbers[instance as usize]).then_some((instance, None)),
        Column::Values(values) => {
            let entry = values[instance as usize].numbers().position(is_it)?;
            Some((instance, Some(entry)))
        }
    })
}

/// About a value whose rows are a vector's entries or a matrix's rows.
pub(crate) fn of_rows(error: &DensityError) -> String {
    let DensityError::Support { argument, row, .. } = error else {
        return error.to_string();
    };
    sentence(error, &format!("{argument}[{}]", row + 1), None)
}

/// `passed` is how often the place had been passed when it happened.
fn sentence(error: &DensityError, place: &str, passed: Option<usize>) -> String {
    let DensityError::Support {
        density,
        value,
        expected,
        ..
    } = error
    else {
        return error.to_string();
    };
    let mut text = format!("{density}: {place} is {value}");
    if let Some(n) = passed {
        let _ = write!(
            text,
            " when this place is passed for the {} time",
            ordinal(n)
        );
    }
    let _ = write!(text, "; expected {expected}");
    text
}

/// `1st`, `2nd`, …
fn ordinal(n: usize) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_have_their_endings() {
        let numbers = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111];
        let expected = "1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 111th";
        assert_eq!(numbers.map(ordinal).join(" "), expected);
    }
}
