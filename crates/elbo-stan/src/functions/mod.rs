//! Stan's functions: what there is, and which signature a call means.
//!
//! A call means the signature that its arguments reach with the fewest conversions; two that are
//! equally near make it ambiguous `[@stan2025reference, ch. user-defined functions]`. Nothing is enumerated
//! beforehand: for every signature the arguments themselves tell the number of dimensions, and what
//! remains open is at most the choice of `X`.

pub(crate) mod callbacks;
pub(crate) mod notation;
pub(crate) mod removed;
mod table;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::types::{Level, Type};
use notation::{Base, Outcome, Signature};

/// A signature with all its types known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) parameters: Vec<Type>,
    /// The parameters which only take data.
    pub(crate) data_only: Vec<bool>,
    /// `None` for a function without a value.
    pub(crate) result: Option<Type>,
    /// The number of conversions.
    pub(crate) cost: usize,
}

#[derive(Default)]
struct Entry {
    rows: Vec<&'static str>,
    densities: Vec<String>,
    parsed: OnceLock<Vec<Signature>>,
}

fn index() -> &'static BTreeMap<String, Entry> {
    static INDEX: OnceLock<BTreeMap<String, Entry>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut index: BTreeMap<String, Entry> = BTreeMap::new();
        for row in table::rows() {
            for name in row.names.split_whitespace() {
                let entry = index.entry(name.to_owned()).or_default();
                entry.rows.push(row.signatures);
            }
        }
        for family in table::DISTRIBUTIONS {
            for ending in family.endings.split_whitespace() {
                let entry = index
                    .entry(format!("{}_{ending}", family.name))
                    .or_default();
                entry.densities.push(density(family, ending));
            }
        }
        index
    })
}

/// The signature of one function of a distribution.
fn density(family: &table::Distribution, ending: &str) -> String {
    if ending != "rng" {
        return format!("{} -> real", family.arguments);
    }
    let (variate, rest) = family
        .arguments
        .split_once(", ")
        .unwrap_or((family.arguments, ""));
    let scalar = if variate.starts_with("int") {
        "int"
    } else {
        "real"
    };
    format!("{} -> draws({scalar})", rest.replace("reals", "numbers"))
}

/// All names, in alphabetical order.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    index().keys().map(String::as_str)
}

/// Whether Stan has a function of this name.
pub(crate) fn exists(name: &str) -> bool {
    index().contains_key(name)
}

/// The name as the table has it, which lives as long as the program.
pub(crate) fn canonical(name: &str) -> Option<&'static str> {
    index().get_key_value(name).map(|(key, _)| key.as_str())
}

/// The signatures of a function; none if there is no such function.
pub(crate) fn signatures(name: &str) -> &'static [Signature] {
    index().get(name).map_or(&[], |entry| {
        entry.parsed.get_or_init(|| {
            entry
                .rows
                .iter()
                .flat_map(|row| row.split(';'))
                .chain(entry.densities.iter().map(String::as_str))
                .map(notation::signature)
                .collect()
        })
    })
}

/// The signatures of a function that these arguments can be converted to.
pub(crate) fn candidates(name: &str, arguments: &[Type]) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for signature in signatures(name) {
        if signature.arguments.len() == arguments.len() {
            for candidate in fits(signature, arguments) {
                if !found.iter().any(|c| c.parameters == candidate.parameters) {
                    found.push(candidate);
                }
            }
        }
    }
    found
}

/// The nearest of several candidates, or those that are equally near.
pub(crate) fn nearest<T>(candidates: Vec<(Candidate, T)>) -> Vec<(Candidate, T)> {
    let least = candidates.iter().map(|(c, _)| c.cost).min();
    candidates
        .into_iter()
        .filter(|(c, _)| Some(c.cost) == least)
        .collect()
}

/// The first argument that is a parameter where only data may be.
pub(crate) fn not_data(candidate: &Candidate, levels: &[Level]) -> Option<usize> {
    candidate
        .data_only
        .iter()
        .zip(levels)
        .position(|(&only, level)| only && level.any_parameter())
}

/// One candidate for every `X` that fits.
fn fits(signature: &Signature, arguments: &[Type]) -> Vec<Candidate> {
    signature
        .choices
        .iter()
        .filter_map(|x| {
            let d = depth(signature, x, arguments)?;
            let mut cost = 0;
            let mut parameters = Vec::with_capacity(arguments.len());
            for (parameter, argument) in signature.arguments.iter().zip(arguments) {
                let types = parameter.pattern.types(x, d);
                let (step, r#type) = types
                    .into_iter()
                    .filter_map(|t| Some((t.cost_from(argument)?, t)))
                    .min_by_key(|(cost, _)| *cost)?;
                cost += step;
                parameters.push(r#type);
            }
            Some(Candidate {
                result: Some(result(signature, x, d, &parameters)),
                data_only: signature.arguments.iter().map(|p| p.data_only).collect(),
                parameters,
                cost,
            })
        })
        .collect()
}

/// `d`, which the dimensions of the first argument that has it tell.
fn depth(signature: &Signature, x: &Type, arguments: &[Type]) -> Option<usize> {
    let deep = signature
        .arguments
        .iter()
        .zip(arguments)
        .find(|(parameter, argument)| parameter.pattern.deep && !argument.is_unknown());
    let Some((parameter, argument)) = deep else {
        return Some(0);
    };
    let least = match &parameter.pattern.base {
        Base::Choice(map) => map(x).element().1,
        Base::Fixed(base) => base.element().1,
        Base::AnyOf(_) => 0,
    };
    argument
        .element()
        .1
        .checked_sub(parameter.pattern.dimensions + least)
}

fn result(signature: &Signature, x: &Type, d: usize, parameters: &[Type]) -> Type {
    let all_scalar = parameters.iter().all(Type::is_number);
    match &signature.result {
        Outcome::Pattern(pattern) => pattern.concrete(x, d).unwrap_or(Type::Unknown),
        Outcome::Tuple(parts) => Type::Tuple(
            parts
                .iter()
                .map(|part| part.concrete(x, d).unwrap_or(Type::Unknown))
                .collect(),
        ),
        Outcome::Draws(scalar) if all_scalar => scalar.clone(),
        Outcome::Draws(scalar) => scalar.clone().array(1),
        Outcome::Each if all_scalar => Type::Real,
        Outcome::Each => Type::Vector,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(name: &str, arguments: &[Type]) -> String {
        let near = nearest(
            candidates(name, arguments)
                .into_iter()
                .map(|c| (c, ()))
                .collect(),
        );
        assert_eq!(near.len(), 1, "{name}: {near:?}");
        near[0]
            .0
            .result
            .as_ref()
            .map(Type::to_string)
            .unwrap_or_default()
    }

    #[test]
    fn the_whole_table_is_in_the_notation() {
        for name in names() {
            assert!(!signatures(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn elementwise_functions_keep_the_shape_and_make_ints_real() {
        assert_eq!(only("exp", &[Type::Int.array(3)]), "array[,,] real");
        assert_eq!(only("abs", &[Type::Int]), "int");
        assert_eq!(only("exp", &[Type::Complex]), "complex");
    }

    #[test]
    fn every_argument_of_a_density_vectorises_by_itself() {
        let arguments = [Type::Vector, Type::Int, Type::Real.array(1)];
        assert_eq!(only("normal_lpdf", &arguments), "real");
        assert_eq!(
            only("normal_rng", &[Type::Vector, Type::Int]),
            "array[] real"
        );
        assert_eq!(only("poisson_rng", &[Type::Real]), "int");
    }

    #[test]
    fn shapes_that_must_agree_do() {
        assert!(candidates("atan2", &[Type::Vector, Type::Matrix]).is_empty());
        assert_eq!(only("atan2", &[Type::Vector, Type::Int]), "vector");
        assert_eq!(
            only("lmgamma", &[Type::Int.array(2), Type::Matrix]),
            "matrix"
        );
    }
}
