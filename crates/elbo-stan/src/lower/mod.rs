//! The language on values that depend on parameters: operators, and the functions of Stan.
//!
//! Absent: walking the program ([`crate::run`]), and how what is recorded becomes a graph
//! ([`crate::trace`]).

pub(crate) mod complex;
pub(crate) mod functions;
pub(crate) mod operator;
