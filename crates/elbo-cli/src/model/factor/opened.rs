//! A fit of ratings that can be asked: pairs, recommendations, draws, embeddings.
//!
//! The one idea: users and items are known by the ids of the data; those that the fit does not know
//! are predicted from the prior, and users with new ratings are folded in.

use elbo::math::arrays::{Array, Arrays};
use elbo::math::parallel;
use elbo::models::ModelError;
use elbo::models::factor::{FactorPosterior, Prediction as Rating, Row};
use elbo::models::posterior::expect_array;
use elbo_data::ratings::{Grouped, IdMap, read_pairs};

use super::read_noting;
use crate::command::Input;
use crate::console::Notes;
use crate::failure::{Failure, nearest};
use crate::frame::{Column, Frame};
use crate::model::{Drawer, Embedding, Opened, Prediction, Recommendation};
use crate::table::Marginal;

/// Pairs that are predicted by one task.
const CHUNK: usize = 1024;
/// Whole numbers up to here are exact in single precision.
const EXACT_IN_SINGLE: usize = 1 << 24;

/// A fit of ratings, and what each user has rated.
pub(super) struct OpenedFactor {
    posterior: FactorPosterior,
    users: IdMap,
    items: IdMap,
    seen: Seen,
}

/// Items by user, ascending.
struct Seen {
    starts: Vec<usize>,
    items: Vec<u32>,
}

/// Adds what each user has rated to a fit's arrays.
pub(super) fn store_seen(arrays: &mut Arrays, by_user: &Grouped, n_items: usize) {
    let starts: Vec<f64> = by_user.row_starts.iter().map(|s| *s as f64).collect();
    let mut items = by_user.column.clone();
    for row in by_user.row_starts.windows(2) {
        items[row[0]..row[1]].sort_unstable();
    }
    let shape = [items.len()];
    let items = if n_items < EXACT_IN_SINGLE {
        Array::f32(&shape, items.iter().map(|i| *i as f32).collect())
    } else {
        Array::f64(&shape, items.iter().map(|i| f64::from(*i)).collect())
    };
    arrays.insert("seen_starts".into(), Array::f64(&[starts.len()], starts));
    arrays.insert("seen_items".into(), items);
}

impl Seen {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "they were whole numbers when they were stored, and are checked below"
    )]
    fn load(arrays: &Arrays, n_users: usize, n_items: usize) -> Result<Self, ModelError> {
        let starts = expect_array(arrays, "seen_starts", &[n_users + 1])?.to_f64();
        let starts: Vec<usize> = starts.iter().map(|s| *s as usize).collect();
        let n = starts[n_users];
        let items = expect_array(arrays, "seen_items", &[n])?.to_f64();
        let items: Vec<u32> = items.iter().map(|i| *i as u32).collect();
        if !starts.is_sorted() || items.iter().any(|i| *i as usize >= n_items) {
            return Err(ModelError::data(
                "the list of what users have rated is damaged",
            ));
        }
        Ok(Self { starts, items })
    }

    fn of(&self, user: usize) -> &[u32] {
        &self.items[self.starts[user]..self.starts[user + 1]]
    }
}

/// A user who is in the fit, folded in, or unknown.
struct User<'a> {
    row: Row,
    seen: std::borrow::Cow<'a, [u32]>,
}

/// Users who are not in the fit, with their `q`.
struct Newcomers {
    users: IdMap,
    rows: Vec<(Row, Vec<u32>)>,
}

impl OpenedFactor {
    /// # Errors
    /// If the list of what users have rated is damaged.
    pub(super) fn new(
        posterior: FactorPosterior,
        users: IdMap,
        items: IdMap,
        arrays: &Arrays,
    ) -> Result<Self, ModelError> {
        let seen = Seen::load(arrays, users.len(), items.len())?;
        Ok(Self {
            posterior,
            users,
            items,
            seen,
        })
    }

    /// Folds in the users of a file who are not in the fit.
    fn newcomers(&self, input: Option<&Input>, notes: Notes) -> Result<Newcomers, Failure> {
        let mut newcomers = Newcomers {
            users: IdMap::new(),
            rows: Vec::new(),
        };
        let Some(input) = input else {
            return Ok(newcomers);
        };
        let ratings = read_noting(input, &input.ratings_options(), notes)?;
        let by_user = ratings.by_user();
        let (mut known, mut unknown_items) = (0, 0);
        for (name, row) in ratings.users().names().zip(by_user.row_starts.windows(2)) {
            if self.users.get(name).is_some() {
                known += 1;
                continue;
            }
            let (mut items, mut values) = (Vec::new(), Vec::new());
            for entry in row[0]..row[1] {
                match self.items.get(ratings.items().name(by_user.column[entry])) {
                    Some(item) => {
                        items.push(item);
                        values.push(by_user.value[entry]);
                    }
                    None => unknown_items += 1,
                }
            }
            let row = self.posterior.fold_in(&items, &values)?;
            items.sort_unstable();
            newcomers.users.insert(name);
            newcomers.rows.push((row, items));
        }
        if known > 0 {
            notes.note(format!(
                "{known} users of {} are in the fit already; their new ratings are not used: fit \
                 again to use them",
                input.path.display()
            ));
        }
        if unknown_items > 0 {
            notes.note(format!(
                "{unknown_items} new ratings are of items that the fit does not know, and not used"
            ));
        }
        Ok(newcomers)
    }

    fn find<'a>(&'a self, id: &str, newcomers: &'a Newcomers) -> Option<User<'a>> {
        if let Some(user) = self.users.get(id) {
            let user = user as usize;
            return Some(User {
                row: self.posterior.user(Some(user)),
                seen: self.seen.of(user).into(),
            });
        }
        let (row, seen) = &newcomers.rows[newcomers.users.get(id)? as usize];
        Some(User {
            row: row.clone(),
            seen: seen.as_slice().into(),
        })
    }
}

/// Columns of predictions.
#[derive(Default)]
struct Predicted {
    users: Vec<String>,
    items: Vec<String>,
    ratings: Vec<Rating>,
}

impl Predicted {
    fn frame(self, level: f64) -> Result<Frame, Failure> {
        let intervals = self.ratings.iter().map(|r| r.interval(level));
        let (lower, upper): (Vec<f64>, Vec<f64>) = intervals
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .unzip();
        Ok(Frame::new()
            .with("user", Column::Text(self.users))
            .with("item", Column::Text(self.items))
            .with(
                "mean",
                Column::Number(self.ratings.iter().map(|r| r.mean).collect()),
            )
            .with(
                "sd",
                Column::Number(self.ratings.iter().map(|r| r.sd).collect()),
            )
            .with("lower", Column::Number(lower))
            .with("upper", Column::Number(upper)))
    }
}

impl Opened for OpenedFactor {
    fn marginals(&self, _all: bool) -> Result<Vec<Marginal>, Failure> {
        let (mean, sd) = self.posterior.mu();
        Ok(vec![Marginal::normal("mu", mean, sd)])
    }

    fn remarks(&self) -> Vec<String> {
        let sds = |covariance: Vec<f64>| {
            let sds: Vec<String> = covariance
                .iter()
                .skip(1)
                .map(|v| format!("{:.3}", v.sqrt()))
                .collect();
            let bias = covariance[0].sqrt();
            if sds.is_empty() {
                format!("bias {bias:.3}")
            } else {
                format!("bias {bias:.3}, factors {}", sds.join(" "))
            }
        };
        let users = if self.users.is_empty() {
            "users not kept (predict them by --new-ratings)".to_owned()
        } else {
            let n = self.seen.items.len();
            format!("{} users, {n} ratings", self.users.len())
        };
        let own = self.posterior.noise_dof().map_or_else(String::new, |dof| {
            format!("; every user's own, {dof:.1} degrees of freedom")
        });
        let (items, rank) = (self.items.len(), self.posterior.rank());
        vec![
            format!("{users}, {items} items, rank {rank}"),
            format!(
                "learnt noise sd (sigma): {:.4}{own}",
                self.posterior.noise_sd()
            ),
            format!(
                "learnt prior sds (kappa): users {}; items {}",
                sds(self.posterior.user_prior_covariance().diagonal()),
                sds(self.posterior.item_prior_covariance().diagonal())
            ),
        ]
    }

    fn drawer(&self, asked: &[String]) -> Result<Drawer<'_>, Failure> {
        super::draws::drawer(&self.posterior, &self.users, &self.items, asked)
    }

    fn predict(&self, request: &Prediction<'_>) -> Result<Frame, Failure> {
        let pairs = read_pairs(&request.input.path, &request.input.ratings_options())?;
        let newcomers = self.newcomers(request.new_ratings, request.notes)?;
        let users: Vec<Option<User<'_>>> = pairs
            .users
            .names()
            .map(|id| self.find(id, &newcomers))
            .collect();
        let items: Vec<Option<usize>> = pairs
            .items
            .names()
            .map(|id| self.items.get(id).map(|i| i as usize))
            .collect();
        let nobody = self.posterior.user(None);
        let unknown = parallel::map_chunks(pairs.user.len(), CHUNK, |range| {
            let known = |k: usize| {
                users[pairs.user[k] as usize].is_some() && items[pairs.item[k] as usize].is_some()
            };
            range.filter(|k| !known(*k)).count()
        });
        let unknown: usize = unknown.into_iter().sum();
        if unknown > 0 {
            request.notes.note(format!(
                "{unknown} of {} pairs have a user or an item that the fit does not know; what is \
                 not known of them is predicted from the prior",
                pairs.user.len()
            ));
        }
        let ratings = parallel::map_chunks(pairs.user.len(), CHUNK, |range| {
            range
                .map(|k| {
                    let user = users[pairs.user[k] as usize].as_ref();
                    let item = self.posterior.item(items[pairs.item[k] as usize]);
                    let row = user.map_or(&nobody, |user| &user.row);
                    self.posterior.predict_rows(row, &item)
                })
                .collect::<Vec<_>>()
        });
        Predicted {
            users: names(&pairs.users, &pairs.user),
            items: names(&pairs.items, &pairs.item),
            ratings: ratings.into_iter().flatten().collect(),
        }
        .frame(request.level)
    }

    fn recommend(&self, request: &Recommendation<'_>) -> Result<Frame, Failure> {
        let newcomers = self.newcomers(request.new_ratings, request.notes)?;
        let mut predicted = Predicted::default();
        for id in request.users {
            let user = self.find(id, &newcomers).ok_or_else(|| {
                let near = nearest(id, self.users.names())
                    .map_or_else(String::new, |near| format!("did you mean '{near}'? "));
                Failure::input(format!("user '{id}' is not in the fit")).help(format!(
                    "{near}a new user needs ratings: --new-ratings FILE"
                ))
            })?;
            for best in self.posterior.recommend(&user.row, request.n, &user.seen) {
                let item = u32::try_from(best.item).unwrap_or(u32::MAX);
                predicted.users.push(id.clone());
                predicted.items.push(self.items.name(item).to_owned());
                predicted.ratings.push(best.prediction);
            }
        }
        predicted.frame(request.level)
    }

    fn embeddings(&self) -> Result<Vec<Embedding>, Failure> {
        let rank = self.posterior.rank();
        let mut columns = vec!["bias".to_owned()];
        columns.extend((1..=rank).map(|k| format!("factor.{k}")));
        let embedding = |name, ids: &IdMap, means: &[f32]| Embedding {
            name,
            ids: ids.names().map(str::to_owned).collect(),
            columns: columns.clone(),
            vectors: means.iter().map(|m| f64::from(*m)).collect(),
        };
        Ok(vec![
            embedding("users", &self.users, self.posterior.user_means()),
            embedding("items", &self.items, self.posterior.item_means()),
        ])
    }
}

fn names(ids: &IdMap, numbers: &[u32]) -> Vec<String> {
    numbers.iter().map(|n| ids.name(*n).to_owned()).collect()
}
