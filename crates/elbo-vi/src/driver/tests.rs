//! How runs end.

use super::*;
use crate::density::FromFn;
use crate::family::MeanField;

/// Counts its steps and does at each what the script says.
struct Scripted(fn(usize) -> Result<Info, ViError>);

impl Method for Scripted {
    type State = usize;

    fn init(&self, _: &Target<'_>, _: &Start, _: u64) -> Result<usize, ViError> {
        Ok(0)
    }

    fn step(&self, target: &Target<'_>, state: &mut usize) -> Result<Info, ViError> {
        target.log_density_and_gradient(&[0.0], &mut [0.0])?;
        let info = (self.0)(*state)?;
        *state += 1;
        Ok(info)
    }

    fn finish(&self, _: &Target<'_>, state: usize) -> Result<Box<dyn Approximation>, ViError> {
        Ok(Box::new(MeanField::new(vec![state as f64], vec![1.0])?))
    }
}

fn with_target<R>(work: impl FnOnce(&Target<'_>) -> R) -> R {
    let density = FromFn(|x: &[f64], g: &mut [f64]| {
        g[0] = -x[0];
        -0.5 * x[0] * x[0]
    });
    work(&Target::new(&density, 1).unwrap())
}

fn ended(
    script: fn(usize) -> Result<Info, ViError>,
    config: &DriverConfig,
) -> Result<Run<usize>, Halted<usize>> {
    with_target(|target| {
        run(
            &Scripted(script),
            target,
            &Start::Random,
            1,
            config,
            &mut silent,
        )
    })
}

#[test]
fn every_end_has_its_name() {
    let steady = |_| Ok(Info::default());
    let config = DriverConfig {
        max_iters: 30,
        ..DriverConfig::default()
    };
    let all = ended(steady, &config).unwrap();
    assert_eq!(all.outcome.stopped, Stopped::MaxIters);
    assert_eq!((all.state, all.outcome.iterations()), (30, 30));
    let budget = DriverConfig {
        max_gradient_evaluations: 12,
        ..config.clone()
    };
    let few = ended(steady, &budget).unwrap();
    assert_eq!(few.outcome.stopped, Stopped::Budget);
    assert_eq!(few.outcome.gradient_evaluations, 12);
    let third = |t| {
        Ok(Info {
            converged: t == 2,
            elbo: Some(t as f64),
            ..Info::default()
        })
    };
    let done = ended(third, &config).unwrap();
    assert!(done.outcome.converged());
    assert_eq!(done.outcome.elbo(), Some((2.0, 0.0)));
    let stopped = with_target(|target| {
        let mut observer = |p: &Progress| {
            if p.iteration == 5 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        run(
            &Scripted(steady),
            target,
            &Start::Random,
            1,
            &config,
            &mut observer,
        )
        .unwrap()
    });
    assert_eq!(
        (stopped.outcome.stopped, stopped.state),
        (Stopped::Interrupted, 5)
    );
}

#[test]
fn an_error_returns_the_last_good_state() {
    let numerical = ViError::Numerical {
        what: "a step",
        advice: "none",
    };
    let script = |t| {
        if t == 7 {
            Err(ViError::Numerical {
                what: "a step",
                advice: "none",
            })
        } else {
            Ok(Info::default())
        }
    };
    let halted = ended(script, &DriverConfig::default()).unwrap_err();
    assert_eq!(halted.error, numerical);
    let last = halted.last.unwrap();
    assert_eq!((last.state, last.outcome.stopped), (7, Stopped::Failed));
    let fitted = with_target(|target| {
        let config = DriverConfig::default();
        fit(
            &Scripted(script),
            target,
            &Start::Random,
            1,
            &config,
            &mut silent,
        )
        .unwrap()
    });
    assert_eq!(fitted.failure, Some(numerical));
    assert_eq!(fitted.approximation.mean(), Some(vec![7.0]));
}

#[test]
fn rejections_in_a_row_and_scales_that_run_away_end_a_run() {
    let config = DriverConfig {
        max_rejections: 3,
        ..DriverConfig::default()
    };
    let rejecting = |t| {
        Ok(Info {
            rejected: t % 4 != 0 || t > 20, // three in a row are borne
            ..Info::default()
        })
    };
    let halted = ended(rejecting, &config).unwrap_err();
    assert!(matches!(halted.error, ViError::Numerical { .. }));
    assert_eq!(halted.last.unwrap().state, 25);
    let widening = |t| {
        let scale = 10.0_f64.powi(i32::try_from(t).unwrap());
        Ok(Info {
            elbo: Some(scale.ln()),
            widest: Some((3, scale)),
            ..Info::default()
        })
    };
    let halted = ended(widening, &config).unwrap_err();
    assert!(matches!(
        halted.error,
        ViError::Improper { coordinate: 3, elbo } if elbo > 20.0
    ));
    assert!(
        ended(
            |_| Ok(Info::default()),
            &DriverConfig {
                max_iters: 0,
                ..config
            }
        )
        .is_err()
    );
}
