//! The state of a fit that matches batches: the Gaussian, the proximity's schedule, and what is kept
//! to fall back on.
//!
//! Deliberately absent: the batches and the update.

use super::patch;
use super::update::{self, Moments};
use crate::family::{FullRank, LowRank};
use crate::{Approximation, ViError};

/// A Gaussian of either form.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Gaussian {
    Full(FullRank),
    LowRank(LowRank),
}

impl Gaussian {
    pub(super) fn approximation(&self) -> &dyn Approximation {
        match self {
            Self::Full(q) => q,
            Self::LowRank(q) => q,
        }
    }

    pub(super) fn updated(&self, moments: &Moments) -> Result<Self, ViError> {
        Ok(match self {
            Self::Full(q) => Self::Full(update::full(q, moments)?),
            Self::LowRank(q) => Self::LowRank(patch::low_rank(q, moments)?),
        })
    }

    pub(super) fn widest(&self) -> (usize, f64) {
        let sds = self
            .approximation()
            .standard_deviations()
            .unwrap_or_default();
        let mut widest = (0, 0.0);
        for (i, sd) in sds.into_iter().enumerate() {
            if sd > widest.1 {
                widest = (i, sd);
            }
        }
        widest
    }
}

/// Steps whose scores are compared to tell whether the fit still improves.
const WINDOW: usize = 10;

/// A fit under way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matching {
    pub(super) q: Gaussian,
    /// Batches drawn.
    pub(super) steps: u64,
    /// The Gaussian with the best median log ratio, and that median.
    pub(super) best: (Gaussian, f64),
    /// What disasters have taken off `λ`.
    pub(super) damping: f64,
    /// The latest medians, two windows of them at most.
    pub(super) scores: Vec<f64>,
    /// The step at which averaging began.
    pub(super) averaging_since: Option<u64>,
    /// Whether another step would change nothing that matters.
    pub(super) done: bool,
}

impl Matching {
    pub(super) fn new(q: Gaussian) -> Self {
        Self {
            best: (q.clone(), f64::NEG_INFINITY),
            q,
            steps: 0,
            damping: 1.0,
            scores: Vec::new(),
            averaging_since: None,
            done: false,
        }
    }

    /// The proximity: the schedule of `[@cai2024bam, sec. 3.2]` while the fit improves, then one under
    /// which the mean is a running average of what the batches say.
    pub(super) fn lambda(&self, batch_size: usize) -> f64 {
        let d = self.q.approximation().dimension() as f64;
        let schedule = batch_size as f64 * d / (self.steps + 1) as f64;
        let averaged = self.averaging_since.map_or(f64::INFINITY, |since| {
            // λ/(1 + λ) = 1/(1 + t/5).
            5.0 / ((self.steps - since) as f64 + 1.0)
        });
        self.damping * schedule.max(1.0).min(averaged)
    }

    /// Notes a median; whether the last window is no better than the one before, to within their
    /// scatter.
    pub(super) fn stagnates(&mut self, score: f64) -> bool {
        self.scores.push(score);
        if self.scores.len() < 2 * WINDOW {
            return false;
        }
        let moments = |s: &[f64]| {
            let mean = s.iter().sum::<f64>() / WINDOW as f64;
            let square = s.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (WINDOW - 1) as f64;
            (mean, square / WINDOW as f64)
        };
        let (old, new) = (
            moments(&self.scores[..WINDOW]),
            moments(&self.scores[WINDOW..]),
        );
        self.scores.drain(..WINDOW);
        new.0 - old.0 <= 2.0 * (old.1 + new.1).sqrt()
    }
}
