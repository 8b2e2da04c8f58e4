//! Normal densities of many rows by their sufficient statistics.
//!
//! The one idea: where the residuals of `n` rows are linear in the same `K` unknown numbers and have a
//! scale in common, `r = A s + b`, their sum of squares is that of the at most `K + 1` rows of `R`
//! in `(A b) = Q R`, since `Q` keeps lengths. Of the density there remain `n` logarithms of the scale.
//! Rows are grouped by the unknown numbers that they read; the last row of each `R` reads none, and
//! where the scale is common those of all groups are one. Deliberately absent: densities whose rows
//! have no such statistics.

use elbo_math::linalg::{Matrix, triangular_factor};
use elbo_math::special::LN_SQRT_2PI;

use super::Work;
use super::linear::{Entry, Linear, linear};
use super::predictor::predictor;
use super::rows::{Classes, select};
use crate::graph::{Graph, Node, NodeId, Op};
use crate::pointwise::Function;
use crate::shape::Shape;

/// The terms of fewer rows that add up to the normal density `term`, and their rows.
pub(super) fn normal(work: &mut Work, term: NodeId) -> Option<(Vec<NodeId>, usize)> {
    let Node { op, shape } = &work.graph.nodes[term.index()];
    let Op::Pointwise { function, args } = op else {
        return None;
    };
    let (shape, Function::NormalDensity) = (*shape, *function) else {
        return None;
    };
    let &[y, mean, inverse, log] = args.as_slice() else {
        unreachable!("a normal density has four arguments");
    };
    if shape.cols != 1 || shape.rows < 3 {
        return None;
    }
    let n = shape.rows;
    let mut rest = linear(work, mean, n)?.pop()?;
    rest.add(&linear(work, y, n)?.pop()?, -1.0);
    let scale = Scale::of(&work.graph, inverse, log, n)?;
    if let Scale::Known { inverse, .. } = &scale {
        rest.scale(|row| inverse[row % inverse.len()]);
    }
    let groups = grouped(work, &rest, &scale)?;
    let rows = Rows::new(&rest, &groups, &scale);
    (3 * rows.len() <= 2 * n).then(|| {
        let terms = rows.density(work, &rest, &groups, &scale);
        (terms, rows.len())
    })
}

/// What residuals are divided by.
enum Scale {
    Known { inverse: Vec<f64>, log_sum: f64 },
    Common { inverse: NodeId, log: NodeId },
    ByRow { inverse: NodeId, log: NodeId },
}

impl Scale {
    fn of(graph: &Graph, inverse: NodeId, log: NodeId, n: usize) -> Option<Self> {
        if let (Some(inverse), Some(log)) = (graph.known(inverse), graph.known(log)) {
            let times = (n / log.len()) as f64;
            return Some(Self::Known {
                inverse: inverse.to_vec(),
                log_sum: log.iter().sum::<f64>() * times,
            });
        }
        match (graph.shape(inverse).rows, graph.shape(log).rows) {
            (1, 1) => Some(Self::Common { inverse, log }),
            (a, b) if a == b => Some(Self::ByRow { inverse, log }),
            _ => None,
        }
    }
}

/// Rows that read the same unknown numbers.
fn grouped(work: &mut Work, rest: &Linear, scale: &Scale) -> Option<Classes> {
    let n = rest.known.len();
    let most = n / 2;
    let mut groups = Classes::one(n);
    for (_, entry) in rest.parts.keys() {
        if let Entry::ByRow(index) = entry {
            groups = groups.split_by_index(most, index, 1)?;
        }
    }
    match scale {
        Scale::ByRow { inverse, log } => groups
            .split_by(most, work, *inverse)?
            .split_by(most, work, *log),
        _ => Some(groups),
    }
}

/// The rows of all groups' triangular factors: multiples of each part, and what is known.
struct Rows {
    coefficients: Vec<Vec<f64>>,
    known: Vec<f64>,
    /// The row of the data whose unknown numbers each of these reads.
    like: Vec<u32>,
    /// How many of these each group has.
    per_group: Vec<usize>,
}

impl Rows {
    fn new(rest: &Linear, groups: &Classes, scale: &Scale) -> Self {
        let sizes = groups.sizes();
        let columns: Vec<&[f64]> = rest
            .parts
            .values()
            .chain([&rest.known])
            .map(Vec::as_slice)
            .collect();
        let k = columns.len();
        let mut members: Vec<Vec<f64>> = sizes.iter().map(|n| Vec::with_capacity(n * k)).collect();
        for (row, group) in groups.of_row.iter().enumerate() {
            members[*group as usize].extend(columns.iter().map(|c| c[row]));
        }
        let mut rows = Self {
            coefficients: vec![Vec::new(); k - 1],
            known: Vec::new(),
            like: Vec::new(),
            per_group: Vec::new(),
        };
        let mut known_alone = 0.0_f64;
        for ((values, n), first) in members.into_iter().zip(sizes).zip(groups.first_rows()) {
            let all = Matrix::from_vec(n, k, values);
            let factor = if n > k { triangular(&all) } else { all };
            let before = rows.len();
            for r in 0..factor.rows() {
                let (known, coefficients) = factor.row(r).split_last().expect("a known column");
                let is_known = coefficients.iter().all(|c| *c == 0.0);
                if is_known && !matches!(scale, Scale::ByRow { .. }) {
                    known_alone = known_alone.hypot(*known);
                } else {
                    rows.push(coefficients, *known, first);
                }
            }
            rows.per_group.push(rows.len() - before);
        }
        if known_alone != 0.0 {
            rows.push(&vec![0.0; k - 1], known_alone, 0);
        }
        rows
    }

    fn push(&mut self, coefficients: &[f64], known: f64, like: u32) {
        for (to, c) in self.coefficients.iter_mut().zip(coefficients) {
            to.push(*c);
        }
        self.known.push(known);
        self.like.push(like);
    }

    fn len(&self) -> usize {
        self.known.len()
    }

    fn density(
        &self,
        work: &mut Work,
        rest: &Linear,
        groups: &Classes,
        scale: &Scale,
    ) -> Vec<NodeId> {
        let rows = Shape::vector(self.len());
        let y: Vec<f64> = self.known.iter().map(|known| -known).collect();
        let y = work.graph.constant(y, rows);
        let columns = rest.parts.keys().zip(&self.coefficients);
        let columns = columns.map(|(part, c)| (part, c.as_slice()));
        let mean = predictor(&mut work.graph, columns, &self.like);
        let mean = mean.unwrap_or_else(|| work.graph.constant([0.0], Shape::SCALAR));
        let number = |graph: &mut Graph, value: f64| graph.constant([value], Shape::SCALAR);
        let lost = (groups.of_row.len() - self.len()) as f64;
        let known = -lost * LN_SQRT_2PI;
        let graph = &mut work.graph;
        match scale {
            Scale::Known { log_sum, .. } => {
                let (one, zero) = (number(graph, 1.0), number(graph, 0.0));
                vec![
                    graph.pointwise(Function::NormalDensity, &[y, mean, one, zero]),
                    number(graph, known - log_sum),
                ]
            }
            Scale::Common { inverse, log } => {
                let minus_lost = number(graph, -lost);
                vec![
                    graph.pointwise(Function::NormalDensity, &[y, mean, *inverse, *log]),
                    graph.pointwise(Function::Multiply, &[minus_lost, *log]),
                    number(graph, known),
                ]
            }
            Scale::ByRow { inverse, log } => {
                let lost = groups.sizes().into_iter().zip(&self.per_group);
                let minus_lost: Vec<f64> = lost.map(|(n, kept)| -((n - kept) as f64)).collect();
                let minus_lost = work.graph.constant(minus_lost, Shape::vector(groups.n));
                let of_groups = select(work, *log, &groups.first_rows());
                let inverse = select(work, *inverse, &self.like);
                let log = select(work, *log, &self.like);
                let graph = &mut work.graph;
                vec![
                    graph.pointwise(Function::NormalDensity, &[y, mean, inverse, log]),
                    graph.pointwise(Function::Multiply, &[minus_lost, of_groups]),
                    number(graph, known),
                ]
            }
        }
    }
}

/// The triangular factor, without what only rounding has left of columns that depend on others.
fn triangular(rows: &Matrix) -> Matrix {
    let factor = triangular_factor(rows);
    let length = |c: usize| (0..factor.rows()).fold(0.0_f64, |l, r| l.hypot(factor[(r, c)]));
    let rounding: Vec<f64> = (0..factor.cols())
        .map(|c| 4.0 * f64::EPSILON * length(c))
        .collect();
    Matrix::from_fn(factor.rows(), factor.cols(), |r, c| {
        let x = factor[(r, c)];
        if x.abs() > rounding[c] { x } else { 0.0 }
    })
}
