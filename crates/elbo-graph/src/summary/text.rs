//! Summaries as text: aligned, and short for large models.

use std::fmt::{Display, Formatter, Result};

use super::{Computation, CondensedSummary, PlateSummary, Summary};

/// Parameters that are listed one by one.
const MOST_PARAMETERS: usize = 24;

/// Words in a line.
const MOST_WORDS: usize = 10;

/// The words before the colon, as wide as the longest.
const LABEL: usize = 10;

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let n = self.dimension;
        let plural = if n == 1 { "" } else { "s" };
        writeln!(f, "{} unconstrained coordinate{plural}", thousands(n))?;
        if !self.parameters.is_empty() {
            writeln!(f, "\nparameters")?;
            let shown = &self.parameters[..self.parameters.len().min(MOST_PARAMETERS)];
            let names = shown
                .iter()
                .map(|p| p.name.chars().count())
                .max()
                .unwrap_or(0);
            let shapes = shown
                .iter()
                .map(|p| p.shape.to_string().len())
                .max()
                .unwrap_or(0);
            for p in shown {
                let shape = p.shape.to_string();
                let line = format!("  {:<names$}  {shape:<shapes$}  {}", p.name, p.constraint);
                writeln!(f, "{}", line.trim_end())?;
            }
            let rest = self.parameters.len() - shown.len();
            if rest > 0 {
                writeln!(f, "  … and {} more", thousands(rest))?;
            }
        }
        if self.once.n_operations() > 0 || !self.once.terms.is_empty() {
            let n = self.once.n_operations();
            let plural = if n == 1 { "" } else { "s" };
            writeln!(f, "\nonce: {} operation{plural}", thousands(n))?;
            computation(f, &self.once)?;
        }
        for plate in &self.plates {
            write!(f, "\n{plate}")?;
        }
        if !self.condensed.is_empty() {
            writeln!(f, "\nof all rows at once, by sufficient statistics")?;
        }
        for CondensedSummary {
            term,
            n_rows,
            n_computed,
        } in &self.condensed
        {
            let (rows, computed) = (thousands(*n_rows), thousands(*n_computed));
            writeln!(f, "  {term}: {rows} rows as {computed}")?;
        }
        Ok(())
    }
}

impl Display for PlateSummary {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(
            f,
            "plate of {} rows: {} operations, {} bytes of data and {} of work per row",
            thousands(self.n_rows),
            thousands(self.each_row.n_operations()),
            thousands(self.data_bytes_per_row),
            thousands(self.working_bytes_per_row),
        )?;
        computation(f, &self.each_row)?;
        words(f, "data", &self.data)?;
        words(f, "rows of", &self.rows_of)?;
        words(f, "reads", &self.reads)
    }
}

fn computation(f: &mut Formatter<'_>, computation: &Computation) -> Result {
    words(f, "computes", &computation.operations)?;
    words(f, "adds", &computation.terms)
}

/// A line of words with their counts; nothing if there are none.
fn words(f: &mut Formatter<'_>, label: &str, words: &[(String, usize)]) -> Result {
    if words.is_empty() {
        return Ok(());
    }
    write!(f, "  {label:<LABEL$}")?;
    for (k, (word, count)) in words.iter().take(MOST_WORDS).enumerate() {
        let comma = if k == 0 { "" } else { ", " };
        write!(f, "{comma}{word}")?;
        if *count > 1 {
            write!(f, " ×{}", thousands(*count))?;
        }
    }
    match words.len().saturating_sub(MOST_WORDS) {
        0 => writeln!(f),
        rest => writeln!(f, ", … and {} more", thousands(rest)),
    }
}

/// Digits in groups of three.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
