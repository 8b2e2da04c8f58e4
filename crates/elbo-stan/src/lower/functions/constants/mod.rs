//! What of a density may be dropped: terms that depend on data only.
//!
//! The one idea: such terms are known while the program runs, so that a density without them is the
//! density less a number. Which terms Stan has, and which arguments each looks at, cannot be told from
//! the density; it is a table here, after what Stan drops `[@stan2026functions, ch. Conventions for
//! Probability Functions]`. A density without a row has one term, of all arguments.

mod lists;
mod numbers;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Call;
use crate::trace::Operand;

/// Positions of arguments, and the term that depends on them alone.
type Term<A> = (&'static [usize], fn(&[A]) -> f64);

/// Terms of a density.
#[derive(Clone, Copy)]
enum Terms {
    /// A number for each variable, of the numbers that go with it; NaN stands for what is not known.
    Numbers(&'static [Term<f64>]),
    /// The sum over all variables, of arguments as wholes.
    Lists(&'static [Term<List>]),
}

/// An argument as a whole.
struct List {
    /// Its entries, or none if they are not known.
    entries: Vec<f64>,
    shape: Vec<usize>,
}

impl List {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Of an array of lists, how many; of a list, one.
    fn rows(&self) -> usize {
        match self.shape.as_slice() {
            [n, _] => *n,
            _ => 1,
        }
    }

    /// The entries of list `i`, or of the only one.
    fn row(&self, i: usize) -> &[f64] {
        match self.shape.as_slice() {
            [_, k] => &self.entries[i * k..(i + 1) * k],
            _ => &self.entries,
        }
    }
}

/// The sum of the terms of a call that depend on data only. `depends` says which arguments may depend
/// on parameters, of which not all may be data.
pub(crate) fn dropped(call: &Call<'_>, depends: &[bool]) -> Result<f64, String> {
    static BY_NAME: LazyLock<HashMap<&str, Terms>> = LazyLock::new(|| {
        let numbers = numbers::ROWS.iter().map(|(n, t)| (*n, Terms::Numbers(t)));
        let lists = lists::ROWS.iter().map(|(n, t)| (*n, Terms::Lists(t)));
        numbers.chain(lists).collect()
    });
    let base = call.name.rsplit_once('_').map_or("", |(base, _)| base);
    let Some(terms) = BY_NAME.get(base) else {
        return Ok(0.0);
    };
    let operands = call.operands()?;
    if operands.iter().any(|operand| operand.len() == 0) {
        return Ok(0.0);
    }
    let known: Vec<_> = operands.iter().map(Operand::known).collect();
    let is_known = |of: &[usize]| of.iter().all(|i| !depends[*i] && known[*i].is_some());
    match terms {
        Terms::Numbers(terms) => {
            let n = operands.iter().map(Operand::len).max();
            let mut numbers = vec![f64::NAN; operands.len()];
            let mut sum = 0.0;
            for i in 0..n.unwrap_or(0) {
                for (number, known) in numbers.iter_mut().zip(&known) {
                    if let Some(known) = known {
                        *number = known[if known.len() == 1 { 0 } else { i }];
                    }
                }
                let of_data = terms.iter().filter(|(of, _)| is_known(of));
                sum += of_data.map(|(_, term)| term(&numbers)).sum::<f64>();
            }
            Ok(sum)
        }
        Terms::Lists(terms) => {
            let lists = operands.iter().zip(&known).map(|(operand, known)| List {
                entries: known.as_deref().unwrap_or_default().to_vec(),
                shape: operand.shape().to_vec(),
            });
            let lists: Vec<List> = lists.collect();
            let of_data = terms.iter().filter(|(of, _)| is_known(of));
            Ok(of_data.map(|(_, term)| term(&lists)).sum())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions;

    #[test]
    fn every_row_is_a_density_of_the_language() {
        let names = numbers::ROWS.iter().map(|row| row.0);
        for name in names.chain(lists::ROWS.iter().map(|row| row.0)) {
            let endings = ["lpdf", "lpmf"].map(|ending| format!("{name}_{ending}"));
            assert!(endings.iter().any(|n| functions::exists(n)), "{name}");
        }
    }
}
