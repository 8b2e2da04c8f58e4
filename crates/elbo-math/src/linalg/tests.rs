//! Identities of the decompositions, and products against the textbook triple loop.

use super::*;
use crate::{MathError, parallel::with_threads, random};

fn random_matrix(rows: usize, cols: usize, index: u64) -> Matrix {
    let mut rng = random::stream(7, "linalg/tests", index);
    Matrix::from_fn(rows, cols, |_, _| random::standard_normal(&mut rng))
}

fn random_spd(dim: usize, index: u64) -> Matrix {
    let x = random_matrix(dim + 3, dim, index);
    let mut a = matmul_tn(&x, &x);
    a.add_to_diagonal(0.1);
    a
}

fn naive_product(a: &Matrix, b: &Matrix) -> Matrix {
    Matrix::from_fn(a.rows(), b.cols(), |i, j| {
        (0..a.cols()).map(|k| a[(i, k)] * b[(k, j)]).sum()
    })
}

fn assert_close(a: &Matrix, b: &Matrix, tolerance: f64) {
    assert_eq!((a.rows(), a.cols()), (b.rows(), b.cols()));
    for (x, y) in a.as_slice().iter().zip(b.as_slice()) {
        assert!((x - y).abs() <= tolerance * (1.0 + y.abs()), "{x} != {y}");
    }
}

#[test]
fn products_agree_with_the_triple_loop() {
    // The last shape is large enough for the parallel path.
    for (m, k, n) in [(1, 1, 1), (3, 5, 2), (17, 16, 9), (200, 130, 110)] {
        let (a, b) = (random_matrix(m, k, 0), random_matrix(k, n, 1));
        let expected = naive_product(&a, &b);
        assert_close(&matmul(&a, &b), &expected, 1e-12);
        assert_close(&matmul_tn(&a.transpose(), &b), &expected, 1e-12);
        assert_close(&matmul_nt(&a, &b.transpose()), &expected, 1e-12);
    }
    assert_eq!(
        matmul(&Matrix::zeros(2, 0), &Matrix::zeros(0, 3)),
        Matrix::zeros(2, 3)
    );
}

#[test]
fn products_of_parts_of_slices_go_into_a_buffer_or_onto_it() {
    let (a, b) = (random_matrix(5, 4, 0), random_matrix(6, 3, 1));
    // The first three columns of `a`, transposed, times the first five rows of `b`.
    let left = View::new(a.as_slice(), 5, 3, 4).transpose();
    let right = View::new(&b.as_slice()[..15], 5, 3, 3);
    let expected = Matrix::from_fn(3, 3, |i, j| (0..5).map(|k| a[(k, i)] * b[(k, j)]).sum());
    let mut out = vec![f64::NAN; 9];
    matmul_into(&mut out, false, left, right);
    assert_close(&Matrix::from_vec(3, 3, out.clone()), &expected, 1e-13);
    matmul_into(&mut out, true, left, right);
    let mut twice = expected;
    twice.scale(2.0);
    assert_close(&Matrix::from_vec(3, 3, out.clone()), &twice, 1e-13);
    let nothing = View::new(&[], 3, 0, 0);
    matmul_into(&mut out, true, nothing, View::new(&[], 0, 3, 3));
    assert_close(&Matrix::from_vec(3, 3, out.clone()), &twice, 1e-13);
    matmul_into(&mut out, false, nothing, View::new(&[], 0, 3, 3));
    assert_eq!(out, [0.0; 9]);
}

#[test]
fn gram_agrees_with_the_triple_loop() {
    for (n, d) in [(1, 1), (3, 4), (1000, 7), (513, 33)] {
        let x = random_matrix(n, d, 2);
        let w: Vec<f64> = (0..n).map(|i| 0.5 + (i % 3) as f64).collect();
        let wx = Matrix::from_fn(n, d, |i, j| w[i] * x[(i, j)]);
        assert_close(
            &gram(x.as_slice(), d, None),
            &naive_product(&x.transpose(), &x),
            1e-11,
        );
        assert_close(
            &gram(x.as_slice(), d, Some(&w)),
            &naive_product(&x.transpose(), &wx),
            1e-11,
        );
    }
}

#[test]
fn products_have_the_same_bits_for_any_number_of_threads() {
    let (a, b) = (random_matrix(300, 120, 3), random_matrix(120, 90, 4));
    let run = |threads| with_threads(threads, || (matmul(&a, &b), gram(a.as_slice(), 120, None)));
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(7));
}

#[test]
fn cholesky_solves_inverts_and_reconstructs() {
    for dim in [1, 2, 5, 16, 17, 64] {
        let a = random_spd(dim, dim as u64);
        let chol = Cholesky::new(&a).unwrap();
        assert_close(&chol.reconstruct(), &a, 1e-12);
        assert_close(&matmul(&a, &chol.inverse()), &Matrix::identity(dim), 1e-9);
        let b: Vec<f64> = (0..dim).map(|i| i as f64 - 1.5).collect();
        let x = chol.solve(&b);
        for (u, v) in a.matvec(&x).iter().zip(&b) {
            assert!((u - v).abs() < 1e-9);
        }
        let columns = Matrix::from_fn(dim, 1, |i, _| b[i]);
        assert_close(
            &chol.solve_matrix(&columns),
            &Matrix::from_vec(dim, 1, x.clone()),
            1e-9,
        );
        let form = chol.inverse_quadratic_form(&b);
        assert!((form - dot(&b, &x)).abs() < 1e-9 * (1.0 + form));
    }
}

#[test]
fn log_determinant_is_the_sum_of_log_eigenvalues() {
    let a = random_spd(9, 5);
    let eigen = SymmetricEigen::new(&a).unwrap();
    let expected: f64 = eigen.values.iter().map(|v| v.ln()).sum();
    assert!((Cholesky::new(&a).unwrap().log_det() - expected).abs() < 1e-10);
    let scaled = Matrix::from_fn(9, 9, |i, j| eigen.vectors[(i, j)] * eigen.values[j]);
    assert_close(&matmul_nt(&scaled, &eigen.vectors), &a, 1e-10);
}

#[test]
fn rank_one_update_equals_refactorisation() {
    let a = random_spd(6, 6);
    let x: Vec<f64> = (0..6).map(|i| 0.3 * f64::from(i) - 0.7).collect();
    let mut bumped = a.clone();
    bumped.add_outer(1.0, &x, &x);
    let mut chol = Cholesky::new(&a).unwrap();
    chol.rank_one_update(1.0, &x).unwrap();
    assert_close(chol.lower(), Cholesky::new(&bumped).unwrap().lower(), 1e-11);
    chol.rank_one_update(-1.0, &x).unwrap();
    assert_close(chol.lower(), Cholesky::new(&a).unwrap().lower(), 1e-9);
}

#[test]
fn an_indefinite_matrix_names_its_pivot() {
    let a = Matrix::from_rows(&[[1.0, 2.0], [2.0, 1.0]]);
    assert_eq!(
        Cholesky::new(&a),
        Err(MathError::NotPositiveDefinite { dim: 2, pivot: 1 })
    );
    let nan = Matrix::from_rows(&[[f64::NAN]]);
    assert!(matches!(
        Cholesky::new(&nan),
        Err(MathError::NotPositiveDefinite { .. })
    ));
    let mut chol = Cholesky::new(&Matrix::identity(2)).unwrap();
    assert!(chol.rank_one_update(-1.0, &[2.0, 0.0]).is_err());
    assert!(matches!(
        SymmetricEigen::new(&nan),
        Err(MathError::NoConvergence { dim: 1 })
    ));
}
