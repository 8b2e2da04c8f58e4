//! Parts of values: which places an index chooses, and reading and writing them.

use super::evaluate::Chosen;
use super::{Tensor, Value};

/// The places that are chosen along each axis, and whether the axis stays.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) places: Vec<usize>,
    pub(super) stays: bool,
}

/// The position from 0 of an index from 1.
fn position(index: i32, length: usize) -> Result<usize, String> {
    usize::try_from(index)
        .ok()
        .filter(|&i| (1..=length).contains(&i))
        .map(|i| i - 1)
        .ok_or_else(|| format!("index {index} is outside 1 to {length}"))
}

/// The axes of a shape under indices; axes without an index are taken whole.
pub(super) fn selectors(shape: &[usize], indices: &[Chosen]) -> Result<Vec<Axis>, String> {
    if indices.len() > shape.len() {
        return Err(format!(
            "{} indices into a value with {} axes",
            indices.len(),
            shape.len()
        ));
    }
    let place = position;
    shape
        .iter()
        .enumerate()
        .map(|(axis, &length)| {
            Ok(match indices.get(axis) {
                None => Axis {
                    places: (0..length).collect(),
                    stays: true,
                },
                Some(Chosen::Single(index)) => Axis {
                    places: vec![place(*index, length)?],
                    stays: false,
                },
                Some(Chosen::Several(list)) => Axis {
                    places: list
                        .iter()
                        .map(|&index| place(index, length))
                        .collect::<Result<_, _>>()?,
                    stays: true,
                },
                Some(Chosen::Between(from, to)) => {
                    let to = to.map_or_else(|| i32::try_from(length).unwrap_or(i32::MAX), |to| to);
                    let places = if *from > to {
                        Vec::new()
                    } else {
                        (place(*from, length)?..=place(to, length)?).collect()
                    };
                    Axis {
                        places,
                        stays: true,
                    }
                }
            })
        })
        .collect()
}

/// The shape of what is chosen.
pub(super) fn shape_of(axes: &[Axis]) -> Vec<usize> {
    axes.iter()
        .filter(|axis| axis.stays)
        .map(|axis| axis.places.len())
        .collect()
}

/// Offsets of the chosen entries, in row-major order.
pub(super) fn offsets(shape: &[usize], axes: &[Axis]) -> Vec<usize> {
    let mut offsets = vec![0];
    for (&length, axis) in shape.iter().zip(axes) {
        offsets = offsets
            .iter()
            .flat_map(|base| axis.places.iter().map(move |place| base * length + place))
            .collect();
    }
    offsets
}

/// Which part positions of the first axes choose, these axes taken as one; `None` if some index is no
/// single position.
pub(super) fn part(shape: &[usize], indices: &[Chosen]) -> Result<Option<usize>, String> {
    if indices.len() > shape.len() {
        return Ok(None);
    }
    let mut at = 0;
    for (index, &length) in indices.iter().zip(shape) {
        let Chosen::Single(index) = index else {
            return Ok(None);
        };
        at = at * length + position(*index, length)?;
    }
    Ok(Some(at))
}

/// Reads what indices choose.
pub(super) fn read(value: &Value, indices: &[Chosen]) -> Result<Value, String> {
    let axes = indices.len();
    if let Some(at) = part(value.shape(), indices)? {
        match value {
            Value::Ints(t) => return Ok(Value::Ints(t.slice(axes, at))),
            Value::Reals(t) => return Ok(Value::Reals(t.slice(axes, at))),
            Value::Symbolic(t) => return Ok(Value::from_numbers(t.slice(axes, at))),
            _ => {}
        }
    }
    Ok(gather(value, &selectors(value.shape(), indices)?))
}

/// Reads what is chosen.
pub(super) fn gather(value: &Value, axes: &[Axis]) -> Value {
    fn pick<T: Clone>(t: &Tensor<T>, axes: &[Axis]) -> Tensor<T> {
        let entries = offsets(t.shape(), axes)
            .into_iter()
            .map(|at| t.entries()[at].clone())
            .collect();
        Tensor::new(shape_of(axes), entries)
    }
    match value {
        Value::Ints(t) => Value::Ints(pick(t, axes)),
        Value::Reals(t) => Value::Reals(pick(t, axes)),
        Value::Complexes(t) => Value::Complexes(pick(t, axes)),
        Value::Symbolic(t) => Value::from_numbers(pick(t, axes)),
        Value::Pairs(t) => Value::from_pairs(pick(t, axes)),
        Value::Tuple(_) => value.clone(),
        Value::Tuples(shape, tuples) => {
            let mut chosen: Vec<Value> = offsets(shape, axes)
                .into_iter()
                .map(|at| tuples[at].clone())
                .collect();
            let shape = shape_of(axes);
            if shape.is_empty() {
                chosen.swap_remove(0)
            } else {
                Value::Tuples(shape, chosen)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Value {
        Value::Ints(Tensor::new(vec![2, 3], vec![1, 2, 3, 4, 5, 6]))
    }

    fn read(indices: &[Chosen]) -> Value {
        let value = matrix();
        let axes = selectors(value.shape(), indices).expect("the indices are inside");
        gather(&value, &axes)
    }

    #[test]
    fn a_single_index_takes_an_axis_away() {
        assert_eq!(
            read(&[Chosen::Single(2)]),
            Value::Ints(Tensor::list(vec![4, 5, 6]))
        );
        assert_eq!(
            read(&[Chosen::Between(1, None), Chosen::Several(vec![3, 1])]),
            Value::Ints(Tensor::new(vec![2, 2], vec![3, 1, 6, 4]))
        );
        assert_eq!(
            read(&[Chosen::Single(1), Chosen::Between(3, Some(2))]),
            Value::Ints(Tensor::list(vec![]))
        );
    }

    #[test]
    fn indices_outside_are_refused() {
        assert!(selectors(&[3], &[Chosen::Single(0)]).is_err());
        assert!(selectors(&[3], &[Chosen::Single(4)]).is_err());
        assert!(selectors(&[3], &[Chosen::Between(2, Some(4))]).is_err());
    }
}
