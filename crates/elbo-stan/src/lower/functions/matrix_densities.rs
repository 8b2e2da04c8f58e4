//! Densities of whole matrices and of whole series.

use elbo_graph::multivariate::{self, DynamicLinearModel};
use elbo_graph::{Graph, NodeId, Shape};

use super::call::same;
use super::{Call, DensityRow, FunctionRow, Terms};
use crate::trace::Operand;

type Arguments = Vec<(Operand, Shape)>;
type Built = Result<NodeId, String>;

pub(super) const ROWS: &[DensityRow] = &[
    ("lkj_corr_lpdf", |call| {
        let args = vec![call.square(0)?, call.column(1)?];
        one(call, args, |graph, a| {
            Ok(multivariate::lkj_corr(graph, a[0], a[1]))
        })
    }),
    ("lkj_corr_cholesky_lpdf", |call| {
        let args = vec![call.square(0)?, call.column(1)?];
        one(call, args, |graph, a| {
            Ok(multivariate::lkj_corr_cholesky(graph, a[0], a[1]))
        })
    }),
    ("lkj_cov_lpdf", |call| {
        let args = vec![
            call.square(0)?,
            call.column(1)?,
            call.column(2)?,
            call.column(3)?,
        ];
        same(args[0].1.rows, args[1].1.rows, "rows and locations")?;
        same(args[0].1.rows, args[2].1.rows, "rows and scales")?;
        one(call, args, |graph, a| {
            multivariate::lkj_cov(graph, a[0], a[1], a[2], a[3]).map_err(|e| e.to_string())
        })
    }),
    ("wishart_lpdf", |call| wishart(call, multivariate::wishart)),
    ("wishart_cholesky_lpdf", |call| {
        wishart(call, multivariate::wishart_cholesky)
    }),
    ("inv_wishart_lpdf", |call| {
        wishart(call, multivariate::inv_wishart)
    }),
    ("inv_wishart_cholesky_lpdf", |call| {
        wishart(call, multivariate::inv_wishart_cholesky)
    }),
    ("multi_gp_lpdf", |call| gp(call, multivariate::multi_gp)),
    ("multi_gp_cholesky_lpdf", |call| {
        gp(call, multivariate::multi_gp_cholesky)
    }),
    ("gaussian_dlm_obs_lpdf", |call| {
        let mut args = Vec::new();
        for i in 0..7 {
            args.push(call.matrix(i)?);
        }
        let sizes: Vec<(usize, usize)> = args.iter().map(|(_, s)| (s.rows, s.cols)).collect();
        let (r, n) = (sizes[0].0, sizes[1].0);
        let noise = [(r, r), (r, 1)];
        let fits = sizes[1] == (n, r)
            && sizes[2] == (n, n)
            && noise.contains(&sizes[3])
            && sizes[4] == (n, n)
            && sizes[5] == (n, 1)
            && sizes[6] == (n, n);
        if !fits {
            return Err(format!("the sizes do not fit together: {sizes:?}"));
        }
        one(call, args, |graph, a| {
            let model = DynamicLinearModel {
                design: a[1],
                transition: a[2],
                observation_noise: a[3],
                state_noise: a[4],
                initial_mean: a[5],
                initial_covariance: a[6],
            };
            Ok(multivariate::gaussian_dlm_obs(graph, a[0], &model))
        })
    }),
];

/// What is no density by its name.
pub(super) const FUNCTIONS: &[FunctionRow] = &[
    ("hmm_marginal", |call| {
        let args = hidden(call)?;
        call.number_of(args, |graph, a| {
            multivariate::hmm_marginal(graph, a[0], a[1], a[2])
        })
    }),
    ("hmm_hidden_state_prob", |call| {
        let args = hidden(call)?;
        let shape = args[0].1;
        call.matrix_of(args, (shape.rows, shape.cols), |graph, a| {
            multivariate::hmm_hidden_state_prob(graph, a[0], a[1], a[2])
        })
    }),
];

/// Log densities of states by time, transitions, initial probabilities.
fn hidden(call: &Call<'_>) -> Result<Arguments, String> {
    let args = vec![call.matrix(0)?, call.square(1)?, call.column(2)?];
    same(args[0].1.rows, args[1].1.rows, "states")?;
    same(args[0].1.rows, args[2].1.rows, "states")?;
    Ok(args)
}

/// One term.
fn one(
    call: &mut Call<'_>,
    args: Arguments,
    build: impl Fn(&mut Graph, &[NodeId]) -> Built + Send + Sync + 'static,
) -> Terms {
    if args.iter().any(|(_, shape)| shape.is_empty()) {
        return Ok(crate::run::Tensor::list(Vec::new()));
    }
    call.trace
        .block(call.name, args, Shape::SCALAR, Vec::new(), build)
}

fn wishart(
    call: &mut Call<'_>,
    density: fn(&mut Graph, NodeId, NodeId, NodeId) -> NodeId,
) -> Terms {
    let args = vec![call.square(0)?, call.column(1)?, call.square(2)?];
    same(args[0].1.rows, args[2].1.rows, "rows")?;
    one(call, args, move |graph, a| {
        Ok(density(graph, a[0], a[1], a[2]))
    })
}

/// Rows with one covariance, each with a weight.
fn gp(call: &mut Call<'_>, density: fn(&mut Graph, NodeId, NodeId, NodeId) -> NodeId) -> Terms {
    let args = vec![call.matrix(0)?, call.square(1)?, call.column(2)?];
    same(args[0].1.cols, args[1].1.rows, "columns and rows")?;
    same(args[0].1.rows, args[2].1.rows, "rows and weights")?;
    one(call, args, move |graph, a| {
        let terms = density(graph, a[0], a[1], a[2]);
        Ok(graph.sum(terms))
    })
}
