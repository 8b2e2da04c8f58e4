//! Fitting a mixture to a table that does not fit into memory.
//!
//! The one idea: every pass reads the file again, block by block; memory holds one block and a
//! sample, taken at even distances, from which the prior's scales and the start are computed.

use elbo::models::driver::{BatchSource, Visit, coordinate_ascent};
use elbo::models::gmm::{DataSummary, GmmConfig, GmmData, GmmModel, GmmPosterior, GmmPrior};
use elbo::models::{Fit, ModelError};
use elbo_data::fit::DataRecord;
use elbo_data::table::{Table, TableOptions, TableSource};

use super::Options;
use crate::command::fit::FitRun;
use crate::failure::Failure;
use crate::model::tabular::{default_columns, refuse_empty_rows, weights_of};

/// Rows of a block, if not said otherwise.
const BLOCK: usize = 1 << 16;
/// Rows of the sample, at most.
const SAMPLE: usize = 1 << 16;

/// A table on disk, the columns of a fit.
pub(super) struct Stream {
    source: TableSource,
    columns: Vec<String>,
    weights: Option<String>,
    block: usize,
    record: DataRecord,
    /// Rows at even distances.
    sample: GmmData,
}

impl Stream {
    /// Goes through the table once: columns, missing entries, sample.
    ///
    /// # Errors
    /// If it cannot be read, or used.
    pub(super) fn open(options: &Options, run: &FitRun<'_>) -> Result<Self, Failure> {
        let weights = options.weights.clone();
        let columns = match options.columns.as_slice() {
            [] => first_columns(options, run)?,
            named => named.to_vec(),
        };
        let mut how: TableOptions = run.input.table_options();
        how.columns = Some(columns.iter().chain(&weights).cloned().collect());
        let source = TableSource::open(&run.input.path, &how)?;
        let block = run.batch_size(BLOCK);
        let stride = source.n_rows().div_ceil(SAMPLE);
        let (mut values, mut sampled_weights) = (Vec::new(), Vec::new());
        let (mut row, mut n_missing) = (0, 0);
        for table in source.batches(block)? {
            let table = table?;
            let features = table.select(&columns)?;
            refuse_empty_rows(&features)?;
            n_missing += features.n_missing();
            let matrix = features.matrix()?;
            let kept = weights.as_deref().map(|name| weights_of(&table, name));
            let kept = kept.transpose()?;
            for i in (0..table.n_rows()).filter(|i| (row + i) % stride == 0) {
                values.extend_from_slice(&matrix[i * columns.len()..][..columns.len()]);
                sampled_weights.extend(kept.as_ref().map(|w| w[i]));
            }
            row += table.n_rows();
        }
        let mut sample = GmmData::new(values, columns.len())?;
        if weights.is_some() {
            sample = sample.with_weights(sampled_weights)?;
        }
        let record = DataRecord {
            path: run.input.path.display().to_string(),
            rows: row as u64,
            columns: columns.clone(),
            n_missing: n_missing as u64,
            ..DataRecord::default()
        };
        Ok(Self {
            source,
            columns,
            weights,
            block,
            record,
            sample,
        })
    }

    /// The columns of the fit.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// For `fit.json`.
    pub(super) fn record(&self) -> &DataRecord {
        &self.record
    }

    /// Coordinate ascent over the whole table.
    ///
    /// # Errors
    /// Wrong settings, unreadable rows, or a numerical failure.
    pub(super) fn fit(
        &mut self,
        config: &GmmConfig,
        run: &mut FitRun<'_>,
    ) -> Result<Fit<GmmPosterior>, ModelError> {
        if config.n_components > self.source.n_rows() {
            return Err(ModelError::setting(
                "n_components",
                config.n_components,
                format!("there are only {} rows", self.source.n_rows()),
            ));
        }
        let prior = GmmPrior::new(config, &DataSummary::new(&self.sample)?)?;
        let (start, n_rows) = (&config.start, self.source.n_rows());
        let mut model = GmmModel::start(prior, &self.sample, n_rows, start, run.seed(), 0)?;
        let outcome = coordinate_ascent(&mut model, self, &config.ascent, &mut |p| run.observe(p))?;
        Ok(Fit {
            posterior: model.into_posterior(),
            outcome,
        })
    }

    fn block(&self, table: &Table) -> Result<GmmData, ModelError> {
        let unreadable = |e| ModelError::Source(Box::new(e));
        let features = table.select(&self.columns).map_err(unreadable)?;
        let data = GmmData::new(features.matrix().map_err(unreadable)?, self.columns.len())?;
        match &self.weights {
            Some(name) => data.with_weights(table.numeric(name).map_err(unreadable)?.to_vec()),
            None => Ok(data),
        }
    }
}

impl BatchSource for Stream {
    type Batch = GmmData;

    fn n_total(&self) -> usize {
        self.source.n_rows()
    }

    fn for_each(&mut self, _pass: usize, visit: &mut Visit<'_, GmmData>) -> Result<(), ModelError> {
        let unreadable = |e| ModelError::Source(Box::new(e));
        for table in self.source.batches(self.block).map_err(unreadable)? {
            let data = self.block(&table.map_err(unreadable)?)?;
            if visit(&data)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The columns that are used by default, judged by the first block.
fn first_columns(options: &Options, run: &FitRun<'_>) -> Result<Vec<String>, Failure> {
    let source = TableSource::open(&run.input.path, &run.input.table_options())?;
    let first = source.batches(run.batch_size(BLOCK))?.next().transpose()?;
    let table = first.ok_or_else(|| Failure::input("the table has no rows"))?;
    let special: Vec<&str> = options.weights.iter().map(String::as_str).collect();
    Ok(default_columns(&table, &special, false, run.notes))
}
