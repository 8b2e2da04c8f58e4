//! End-to-end tests of the command line: the built binary, real files, exit codes.
//!
//! Deliberately absent: numbers that the libraries' own tests check; here it matters that they
//! arrive.

mod contract;
mod harness;
#[cfg(unix)]
mod interrupt;
mod mixtures;
mod outputs;
mod programs;
mod refusals;
mod simulated;
mod stan;
