//! A compiled graph as a target: draws are cut into blocks of lanes.
//!
//! Deliberately absent: what the program computes (`elbo-graph`).

use elbo_graph::{LaneBlock, MOST_LANES, Program, Subset};

use crate::reparameterised::Geometry;
use crate::{DensityError, Draws, LogDensity, Subsampled};

impl LogDensity for Program {
    fn log_density_and_gradient(
        &self,
        position: &[f64],
        gradient: &mut [f64],
    ) -> Result<f64, DensityError> {
        let mut value = [0.0];
        Self::log_densities_and_gradients(self, position, 1, None, &mut value, gradient);
        Ok(value[0])
    }

    fn log_densities_and_gradients(
        &self,
        positions: &Draws,
        values: &mut [f64],
        gradients: &mut Draws,
    ) -> Result<(), DensityError> {
        in_lanes(
            positions,
            values,
            gradients,
            |x, lanes, values, gradients| {
                Self::log_densities_and_gradients(self, x, lanes, None, values, gradients);
            },
        );
        Ok(())
    }

    fn log_densities(&self, positions: &Draws, values: &mut [f64]) -> Result<(), DensityError> {
        let n_draws = positions.n_draws();
        for block in LaneBlock::all(positions.as_slice(), n_draws) {
            let mut some = [0.0; MOST_LANES];
            let some = &mut some[..block.lanes()];
            Self::log_densities(self, block.numbers(), block.lanes(), some);
            block.store(some, values, n_draws);
        }
        Ok(())
    }

    /// Exact, by running the gradient on numbers with tangents.
    fn hessian_vector_products(
        &self,
        positions: &Draws,
        directions: &Draws,
        products: &mut Draws,
    ) -> Result<(), DensityError> {
        let n_draws = positions.n_draws();
        let blocks = LaneBlock::all(positions.as_slice(), n_draws);
        for (x, v) in blocks.zip(LaneBlock::all(directions.as_slice(), n_draws)) {
            let mut out = vec![0.0; x.numbers().len()];
            Self::hessian_vector_products(self, x.numbers(), v.numbers(), x.lanes(), &mut out);
            x.store(&out, products.as_mut_slice(), n_draws);
        }
        Ok(())
    }

    fn subsampled(&self) -> Option<&dyn Subsampled> {
        (!self.plates().is_empty()).then_some(self)
    }

    fn lanes(&self) -> usize {
        MOST_LANES
    }

    fn geometry(&self) -> Option<&dyn Geometry> {
        Self::geometry(self).map(|g| g as &dyn Geometry)
    }
}

/// The rows are those of the longest plate; every other sum is evaluated whole.
impl Subsampled for Program {
    fn n_rows(&self) -> usize {
        self.plates().last().map_or(0, |plate| plate.n_rows)
    }

    fn log_densities_and_gradients_of_rows(
        &self,
        positions: &Draws,
        rows: &[usize],
        scale: f64,
        values: &mut [f64],
        gradients: &mut Draws,
    ) -> Result<(), DensityError> {
        let subset = Subset {
            plate: self.plates().len() - 1,
            rows,
            scale,
        };
        in_lanes(
            positions,
            values,
            gradients,
            |x, lanes, values, gradients| {
                Self::log_densities_and_gradients(self, x, lanes, Some(subset), values, gradients);
            },
        );
        Ok(())
    }
}

fn in_lanes(
    positions: &Draws,
    values: &mut [f64],
    gradients: &mut Draws,
    evaluate: impl Fn(&[f64], usize, &mut [f64], &mut [f64]),
) {
    let n_draws = positions.n_draws();
    for block in LaneBlock::all(positions.as_slice(), n_draws) {
        let mut some = [0.0; MOST_LANES];
        let some = &mut some[..block.lanes()];
        let mut out = vec![0.0; block.numbers().len()];
        evaluate(block.numbers(), block.lanes(), some, &mut out);
        block.store(some, values, n_draws);
        block.store(&out, gradients.as_mut_slice(), n_draws);
    }
}

#[cfg(test)]
mod tests {
    use elbo_graph::{Function, Graph, Shape};
    use elbo_testkit::assert_close;

    use super::*;
    use crate::Target;

    /// `Σ_n −½ (y_n − x₁ e^{x₂})²`, with its derivatives by hand.
    fn program(y: &[f64]) -> Program {
        let mut graph = Graph::new();
        let a = graph.parameter(Shape::SCALAR);
        let b = graph.parameter(Shape::SCALAR);
        let scale = graph.pointwise(Function::Exp, &[b]);
        let mean = graph.pointwise(Function::Multiply, &[a, scale]);
        let y = graph.constant(y, Shape::vector(y.len()));
        let residual = graph.pointwise(Function::Subtract, &[y, mean]);
        let square = graph.pointwise(Function::Square, &[residual]);
        let half = graph.constant([-0.5], Shape::SCALAR);
        let terms = graph.pointwise(Function::Multiply, &[square, half]);
        graph.add_to_log_density(terms);
        Program::new(&graph)
    }

    #[test]
    fn a_program_is_a_target_for_any_number_of_draws() {
        let y: Vec<f64> = (0..200).map(|n| f64::from(n) / 100.0).collect();
        let program = program(&y);
        let target = Target::new(&program, 2).unwrap();
        for n_draws in [1, 3, 16, 37] {
            let mut positions = Draws::zeros(2, n_draws);
            for s in 0..n_draws {
                positions.set_draw(s, &[0.1 * s as f64, 0.3 - 0.01 * s as f64]);
            }
            let (values, gradients) = target.log_densities_and_gradients(&positions).unwrap();
            assert_eq!(target.log_densities(&positions).unwrap(), values);
            for s in 0..n_draws {
                let (a, e) = (positions.get(0, s), positions.get(1, s).exp());
                let sum = |f: &dyn Fn(f64) -> f64| y.iter().map(|y| f(y - a * e)).sum::<f64>();
                assert_close("value", values[s], sum(&|r| -0.5 * r * r), 1e-12);
                assert_close("∂a", gradients.get(0, s), sum(&|r| r * e), 1e-12);
                assert_close("∂b", gradients.get(1, s), sum(&|r| r * a * e), 1e-12);
            }
            // ∂²/∂a² = −n e², ∂²/∂a∂b = Σ (r e − a e²).
            let mut directions = Draws::zeros(2, n_draws);
            directions.coordinate_mut(0).fill(1.0);
            let products = target
                .hessian_vector_products(&positions, &directions)
                .unwrap();
            for s in 0..n_draws {
                let (a, e) = (positions.get(0, s), positions.get(1, s).exp());
                assert_close("∂²a", products.get(0, s), -200.0 * e * e, 1e-12);
                let mixed: f64 = y.iter().map(|y| (y - a * e) * e - a * e * e).sum();
                assert_close("∂a∂b", products.get(1, s), mixed, 1e-12);
            }
        }
    }

    #[test]
    fn rows_of_a_program_are_scaled_by_the_target() {
        let y: Vec<f64> = (0..200).map(|n| f64::from(n) / 100.0).collect();
        let program = program(&y);
        let target = Target::new(&program, 2).unwrap();
        assert_eq!(target.n_rows(), Some(200));
        let positions = Draws::from_points(2, &[[0.5, 0.1], [1.0, -0.2], [0.2, 0.4]]);
        let (whole, _) = target.log_densities_and_gradients(&positions).unwrap();
        let rows: [Vec<usize>; 2] = [(0..50).collect(), (50..200).collect()];
        let parts = rows.map(|rows| {
            let share = rows.len() as f64 / 200.0;
            let (values, _) = target
                .log_densities_and_gradients_of_rows(&positions, &rows)
                .unwrap();
            values.into_iter().map(move |v| share * v)
        });
        let [first, second] = parts;
        for ((a, b), whole) in first.zip(second).zip(whole) {
            assert_close("weighted parts", a + b, whole, 1e-12);
        }
    }
}
