//! Functions that Stan once had, and what to write instead `[@stan2026functions, app. removed functions]`.

/// The advice for a function that is gone.
pub(crate) fn instead_of(name: &str) -> Option<String> {
    let fixed = match name {
        "get_lp" => "write `target()`",
        "if_else" => "write `condition ? a : b`",
        "multiply_log" => "write `lmultiply(…)`",
        "binomial_coefficient_log" => "write `lchoose(…)`",
        "fabs" => "write `abs(…)`",
        "cov_exp_quad" => "write `gp_exp_quad_cov(…)`",
        "increment_log_prob" => "write `target += …;`",
        _ => return None,
    };
    Some(fixed.to_owned())
}

/// The modern name of a density or cumulative function in the old style: `normal_log`, and whether
/// the call needs a bar.
pub(crate) fn modern_density(name: &str, exists: impl Fn(&str) -> bool) -> Option<String> {
    let endings: &[(&str, &[&str])] = &[
        ("_ccdf_log", &["_lccdf"]),
        ("_cdf_log", &["_lcdf"]),
        ("_log", &["_lpdf", "_lpmf"]),
    ];
    let (stem, modern) = endings
        .iter()
        .find_map(|(old, modern)| Some((name.strip_suffix(old)?, modern)))?;
    modern
        .iter()
        .map(|ending| format!("{stem}{ending}"))
        .find(|name| exists(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_densities_have_modern_names() {
        let exists = |name: &str| name == "poisson_lpmf" || name == "normal_lccdf";
        assert_eq!(
            modern_density("poisson_log", exists).as_deref(),
            Some("poisson_lpmf")
        );
        assert_eq!(
            modern_density("normal_ccdf_log", exists).as_deref(),
            Some("normal_lccdf")
        );
        assert_eq!(modern_density("my_log", exists), None);
    }
}
