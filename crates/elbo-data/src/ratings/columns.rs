//! Which columns hold the users, the items and the ratings.
//!
//! The one idea: a column that is named wins; else one with a well-known name; else the first column
//! is the user, the second the item, the third the rating.

use std::path::Path;

use crate::DataError;

/// Names by which columns are known, in lower case and without underscores.
const KNOWN: [&[&str]; 3] = [
    &["user", "userid"],
    &["item", "itemid", "movie", "movieid"],
    &["rating", "score"],
];

/// What the three columns are called in messages.
const ROLES: [&str; 3] = ["users", "items", "ratings"];

/// The positions of the columns of users, items and, where it is needed, ratings.
pub(super) fn find(
    path: &Path,
    names: &[String],
    named: &[Option<&str>],
    unknown: &dyn Fn(&str) -> DataError,
) -> Result<Vec<usize>, DataError> {
    if names.len() < named.len() {
        return Err(DataError::TooFewColumns {
            path: path.to_path_buf(),
            needed: named.len(),
            what: "user, item, rating",
            found: names.len(),
        });
    }
    let mut found = Vec::with_capacity(named.len());
    for (role, name) in named.iter().enumerate() {
        found.push(match name {
            Some(name) => Some(
                names
                    .iter()
                    .position(|n| n == name)
                    .ok_or_else(|| unknown(name))?,
            ),
            None => names.iter().position(|n| is_known(role, n)),
        });
    }
    // What has no known name stands in its usual place, unless another column was found there.
    let taken = found.clone();
    found
        .into_iter()
        .enumerate()
        .map(|(role, position)| match position {
            Some(position) => Ok(position),
            None if !taken.contains(&Some(role)) => Ok(role),
            None => Err(DataError::UnclearColumn {
                path: path.to_path_buf(),
                what: ROLES[role],
                available: names.to_vec(),
            }),
        })
        .collect()
}

fn is_known(role: usize, name: &str) -> bool {
    let plain = name.to_ascii_lowercase().replace('_', "");
    KNOWN[role].contains(&plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(names: &[&str], named: &[Option<&str>]) -> Result<Vec<usize>, String> {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let path = Path::new("r.csv");
        find(path, &names, named, &|n| {
            DataError::unknown_column(path, n, &names)
        })
        .map_err(|e| e.to_string())
    }

    type Case<'a> = (&'a [&'a str], &'a [Option<&'a str>], [usize; 3]);

    #[test]
    fn named_columns_win_then_known_names_then_places() {
        let none = [None, None, None];
        let cases: [Case<'_>; 5] = [
            (
                &["userId", "movieId", "rating", "timestamp"],
                &none,
                [0, 1, 2],
            ),
            (&["score", "item_id", "x", "user_id"], &none, [3, 1, 0]),
            (&["a", "b", "c", "d"], &none, [0, 1, 2]),
            (&["user", "book", "rating"], &none, [0, 1, 2]),
            (
                &["rownames", "s", "d", "y"],
                &[Some("s"), Some("d"), Some("y")],
                [1, 2, 3],
            ),
        ];
        for (names, named, expected) in cases {
            assert_eq!(positions(names, named).unwrap(), expected, "{names:?}");
        }
    }

    #[test]
    fn an_unclear_or_absent_column_is_an_error() {
        let error = positions(&["rating", "user", "book"], &[None, None, None]).unwrap_err();
        let message = "r.csv: cannot tell which column holds the items; name it (it has 'rating', \
                       'user', 'book')";
        assert_eq!(error, message);
        let error = positions(&["user", "item"], &[None, None, None]).unwrap_err();
        assert!(error.contains("expected at least 3 columns (user, item, rating), found 2"));
        assert!(positions(&["user", "item"], &[None, None]).is_ok());
        let error = positions(&["u", "v", "stars"], &[None, None, Some("star")]).unwrap_err();
        assert!(error.contains("did you mean 'stars'?"), "{error}");
    }
}
