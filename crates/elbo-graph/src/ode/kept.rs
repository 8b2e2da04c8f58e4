//! What an equation keeps between evaluations: working memory, and the steps of the last ones.
//!
//! The one idea: the adjoint of a solution needs the steps that were taken, so whoever goes back looks
//! for the memory in which the same problem was solved. If that has been used for another since, the
//! problem is solved again, with the same result.

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use super::adjoint::Adjoint;
use super::solve::Solver;
use crate::block::Run;
use crate::number::Dual;

/// Solutions nobody has gone back from that are kept when memory is needed for another.
const MOST_KEPT: usize = 4;

/// Working memory of one solution and its adjoint.
#[derive(Debug, Default)]
pub(super) struct Work<T> {
    /// The arguments of the problem that was solved.
    problem: Vec<T>,
    pub solver: Solver<T>,
    pub adjoint: Adjoint<T>,
    /// Room for a solution that is not asked for.
    pub out: Vec<T>,
    /// Whether somebody has gone back from it.
    pub spent: bool,
}

impl<T: Solves> Work<T> {
    pub(super) fn set_problem(&mut self, args: &[&[T]]) {
        self.spent = false;
        self.problem.clear();
        for arg in args {
            self.problem.extend_from_slice(arg);
        }
    }

    /// Whether this problem was solved.
    pub(super) fn is_of(&self, args: &[&[T]]) -> bool {
        self.problem.iter().eq(args.iter().copied().flatten())
    }
}

/// Memory of several solutions, that of the last one at the end.
#[derive(Debug, Default)]
pub(super) struct Kept<T>(Mutex<Vec<Work<T>>>);

impl<T: Solves> Kept<T> {
    /// Memory for a new solution.
    pub(super) fn take_any(&self) -> Work<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.iter().position(|work| work.spent) {
            Some(at) => all.remove(at),
            None if all.len() >= MOST_KEPT => all.remove(0),
            None => Work::default(),
        }
    }

    /// The memory in which this problem was solved, or else any.
    pub(super) fn take(&self, args: &[&[T]]) -> Work<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.iter().rposition(|work| work.is_of(args)) {
            Some(at) => all.remove(at),
            None => all.pop().unwrap_or_default(),
        }
    }

    pub(super) fn give(&self, work: Work<T>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(work);
    }
}

/// Memory for both kinds of number.
#[derive(Debug, Default)]
pub(super) struct KeptBoth {
    real: Kept<f64>,
    dual: Kept<Dual>,
}

/// The numbers that equations are solved with.
pub(super) trait Solves: Run + PartialEq + Debug {
    fn kept(both: &KeptBoth) -> &Kept<Self>;
}

impl Solves for f64 {
    fn kept(both: &KeptBoth) -> &Kept<Self> {
        &both.real
    }
}

impl Solves for Dual {
    fn kept(both: &KeptBoth) -> &Kept<Self> {
        &both.dual
    }
}
