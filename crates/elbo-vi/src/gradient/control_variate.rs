//! Baselines for the score function: what may be subtracted from `h` because scores average to zero.
//!
//! `E[(h − b) ∇ log q] = E[h ∇ log q]` as long as `b` does not depend on the draw that it is
//! subtracted at. Each kind here keeps to that, so each leaves the estimate unbiased.

/// What is subtracted from `h`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ControlVariate {
    /// Nothing.
    None,
    /// The mean of `h` over all earlier estimates.
    RunningMean,
    /// For each draw the mean of `h` over the others `[@kool2019buy]`.
    #[default]
    LeaveOneOut,
    /// For each parameter the scalar that minimises the variance, `E[h s²]/E[s²]` for its score `s`
    /// `[@ranganath2014bbvi, sec. 3.2]`, each half of the draws using the other half's estimate.
    Optimal,
}

impl ControlVariate {
    /// The fewest draws that it works with.
    pub(super) fn fewest_draws(self) -> usize {
        match self {
            Self::None | Self::RunningMean => 1,
            Self::LeaveOneOut | Self::Optimal => 2,
        }
    }
}

/// The mean of everything seen so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct RunningMean {
    mean: f64,
    count: f64,
}

impl RunningMean {
    pub(super) fn value(self) -> f64 {
        self.mean
    }

    pub(super) fn add(&mut self, values: &[f64]) {
        for v in values {
            self.count += 1.0;
            self.mean += (v - self.mean) / self.count;
        }
    }
}

/// For each value the mean of the others.
pub(super) fn leave_one_out(values: &[f64]) -> Vec<f64> {
    let total: f64 = values.iter().sum();
    let others = values.len() as f64 - 1.0;
    values.iter().map(|v| (total - v) / others).collect()
}

/// `E[h s²]/E[s²]` over a range of draws, 0 where every score is 0.
pub(super) fn optimal(values: &[f64], scores: &[f64]) -> f64 {
    let (mut above, mut below) = (0.0, 0.0);
    for (h, s) in values.iter().zip(scores) {
        above += h * s * s;
        below += s * s;
    }
    if below > 0.0 { above / below } else { 0.0 }
}
