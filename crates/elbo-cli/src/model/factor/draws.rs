//! Joint draws of `mu` and of the users' and items' biases and factors.
//!
//! The one idea: rows are too many to be drawn unasked, so `mu` alone is drawn by default, and a
//! draw touches only the rows that a name asks for: `a` (all users' biases), `a[7]` (user 7's),
//! `A[7]` (their factors) or `A[7].2`; `b` and `B` are the items'.

use elbo::models::factor::FactorPosterior;
use elbo_data::ratings::IdMap;

use crate::failure::{Failure, did_you_mean};
use crate::model::Drawer;

const GROUPS: [&str; 5] = ["mu", "a", "b", "A", "B"];

/// One column of draws.
enum Entry {
    Mu,
    /// Position among the drawn users, and in a user's row.
    User(usize, usize),
    /// Position among the drawn items, and in an item's row.
    Item(usize, usize),
}

/// What is drawn.
#[derive(Default)]
struct Chosen {
    names: Vec<String>,
    entries: Vec<Entry>,
    users: Vec<usize>,
    items: Vec<usize>,
}

/// Draws of the parameters asked for.
///
/// # Errors
/// If one is unknown.
pub(super) fn drawer<'a>(
    posterior: &'a FactorPosterior,
    users: &IdMap,
    items: &IdMap,
    asked: &[String],
) -> Result<Drawer<'a>, Failure> {
    let mut chosen = Chosen::default();
    if asked.is_empty() {
        chosen.push("mu".into(), Entry::Mu);
    }
    for name in asked {
        chosen.add(name, posterior.rank(), users, items)?;
    }
    Ok(Drawer {
        names: std::mem::take(&mut chosen.names),
        draw: Box::new(move |rng| {
            let rows = posterior.draw_rows(&chosen.users, &chosen.items, rng)?;
            let value = |entry: &Entry| match *entry {
                Entry::Mu => rows.mu,
                Entry::User(row, p) => rows.users[row][p],
                Entry::Item(row, p) => rows.items[row][p],
            };
            Ok(chosen.entries.iter().map(value).collect())
        }),
    })
}

impl Chosen {
    fn push(&mut self, name: String, entry: Entry) {
        self.names.push(name);
        self.entries.push(entry);
    }

    /// Adds the entries that a name stands for.
    fn add(
        &mut self,
        asked: &str,
        rank: usize,
        users: &IdMap,
        items: &IdMap,
    ) -> Result<(), Failure> {
        let (group, rest) = asked.split_once('[').unwrap_or((asked, ""));
        if group == "mu" && rest.is_empty() {
            self.push("mu".into(), Entry::Mu);
            return Ok(());
        }
        let (is_user, positions) = match group {
            "a" => (true, 0..1),
            "b" => (false, 0..1),
            "A" => (true, 1..rank + 1),
            "B" => (false, 1..rank + 1),
            _ => return Err(unknown(asked).help(did_you_mean(group, &GROUPS))),
        };
        let ids = if is_user { users } else { items };
        if rest.is_empty() {
            for (row, id) in ids.names().enumerate() {
                self.add_row(is_user, group, id, row, positions.clone());
            }
            return Ok(());
        }
        let (id, position) = rest.rsplit_once(']').ok_or_else(|| unknown(asked))?;
        let row = ids.get(id).ok_or_else(|| {
            unknown(asked).help(format!("'{id}' is not an id of the data that were fitted"))
        })?;
        let positions = match position.strip_prefix('.').map(str::parse::<usize>) {
            None if position.is_empty() => positions,
            Some(Ok(p)) if positions.contains(&p) => p..p + 1,
            _ => return Err(unknown(asked).help(format!("factors are counted from 1 to {rank}"))),
        };
        self.add_row(is_user, group, id, row as usize, positions);
        Ok(())
    }

    fn add_row(
        &mut self,
        is_user: bool,
        group: &str,
        id: &str,
        row: usize,
        positions: std::ops::Range<usize>,
    ) {
        let rows = if is_user {
            &mut self.users
        } else {
            &mut self.items
        };
        // `a[7],A[7]` must be parts of one draw of user 7.
        let at = rows.iter().position(|r| *r == row).unwrap_or_else(|| {
            rows.push(row);
            rows.len() - 1
        });
        for p in positions {
            let name = match p {
                0 => format!("{group}[{id}]"),
                p => format!("{group}[{id}].{p}"),
            };
            let entry = if is_user {
                Entry::User(at, p)
            } else {
                Entry::Item(at, p)
            };
            self.push(name, entry);
        }
    }
}

fn unknown(asked: &str) -> Failure {
    Failure::input(format!("the fit has no parameter '{asked}'"))
}
