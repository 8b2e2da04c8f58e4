//! The coefficients of the two methods.
//!
//! `k_s = f(t + c_s h, y + h Σ_r a_sr k_r)`, `y ← y + h Σ b_s k_s`; the error is `h Σ e_s k_s`.

/// How steps are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OdeMethod {
    /// Dormand and Prince's explicit method of order 5 (`[@hairer1993solving, §II.5]`).
    DormandPrince,
    /// The singly diagonally implicit method of order 4 of Hairer and Wanner, for stiff systems
    /// (`[@hairer1996solving, table IV.6.5]`).
    Sdirk4,
}

/// No method has more stages.
const MOST_STAGES: usize = 6;

/// Coefficients of a method.
#[derive(Debug)]
pub(super) struct Tableau {
    pub name: &'static str,
    pub nodes: &'static [f64],
    /// Row `s` has entries for the stages before `s`, and the implicit one if there is one.
    pub matrix: &'static [&'static [f64]],
    pub weights: &'static [f64],
    /// An explicit method has one entry more, for the slope at the end of the step.
    pub error: &'static [f64],
    /// The diagonal of an implicit method.
    pub gamma: Option<f64>,
    /// One over the order of the error.
    pub exponent: f64,
}

impl OdeMethod {
    pub(super) const fn tableau(self) -> &'static Tableau {
        match self {
            Self::DormandPrince => &DORMAND_PRINCE,
            Self::Sdirk4 => &SDIRK4,
        }
    }
}

impl Tableau {
    pub(super) const fn stages(&self) -> usize {
        self.nodes.len()
    }

    /// `a_rs` for every `r`, 0 where a row ends before it.
    pub(super) fn column(&self, s: usize) -> [f64; MOST_STAGES] {
        let mut column = [0.0; MOST_STAGES];
        for (to, row) in column.iter_mut().zip(self.matrix) {
            *to = row.get(s).copied().unwrap_or(0.0);
        }
        column
    }
}

static DORMAND_PRINCE: Tableau = Tableau {
    name: "ode_rk45",
    nodes: &[0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0],
    matrix: &[
        &[],
        &[0.2],
        &[3.0 / 40.0, 9.0 / 40.0],
        &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
        &[
            19372.0 / 6561.0,
            -25360.0 / 2187.0,
            64448.0 / 6561.0,
            -212.0 / 729.0,
        ],
        &[
            9017.0 / 3168.0,
            -355.0 / 33.0,
            46732.0 / 5247.0,
            49.0 / 176.0,
            -5103.0 / 18656.0,
        ],
    ],
    weights: &[
        35.0 / 384.0,
        0.0,
        500.0 / 1113.0,
        125.0 / 192.0,
        -2187.0 / 6784.0,
        11.0 / 84.0,
    ],
    error: &[
        71.0 / 57600.0,
        0.0,
        -71.0 / 16695.0,
        71.0 / 1920.0,
        -17253.0 / 339_200.0,
        22.0 / 525.0,
        -1.0 / 40.0,
    ],
    gamma: None,
    exponent: 0.2,
};

static SDIRK4: Tableau = Tableau {
    name: "ode_stiff",
    nodes: &[0.25, 0.75, 11.0 / 20.0, 0.5, 1.0],
    matrix: &[
        &[0.25],
        &[0.5, 0.25],
        &[17.0 / 50.0, -1.0 / 25.0, 0.25],
        &[371.0 / 1360.0, -137.0 / 2720.0, 15.0 / 544.0, 0.25],
        &[25.0 / 24.0, -49.0 / 48.0, 125.0 / 16.0, -85.0 / 12.0, 0.25],
    ],
    weights: &[25.0 / 24.0, -49.0 / 48.0, 125.0 / 16.0, -85.0 / 12.0, 0.25],
    error: &[-3.0 / 16.0, -27.0 / 32.0, 25.0 / 32.0, 0.0, 0.25],
    gamma: Some(0.25),
    exponent: 0.25,
};
