//! Ctrl-C: what there is so far is saved, the exit code is 130, and a fit can be gone on from.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::harness::{Place, Run};

fn interrupt(pid: u32) {
    let status = Command::new("kill")
        .args(["-INT", &pid.to_string()])
        .status()
        .expect("kill runs");
    assert!(status.success());
}

/// What a command without end says when it is interrupted, once it has something to write to `out`.
fn interrupted(place: &Place, endless: &str, out: &str) -> Run {
    // A signal that comes before there is anything ends the process with nothing saved; then the next
    // attempt waits longer.
    let mut wait = Duration::from_millis(200);
    loop {
        let child = place.command(endless).spawn().expect("elbo starts");
        sleep(wait);
        interrupt(child.id());
        let run = Run::from(child.wait_with_output().expect("elbo ends"));
        assert_eq!(run.code, 130, "{}", run.stderr);
        if place.exists(out) {
            return run;
        }
        wait *= 2;
        assert!(
            wait < Duration::from_secs(30),
            "nothing was ever saved: {}",
            run.stderr
        );
    }
}

#[test]
fn ctrl_c_saves_the_draws_of_a_sample() {
    let place = Place::new();
    place.write(
        "p.stan",
        "parameters { real x; } model { x ~ std_normal(); }",
    );
    let endless = "sample p.stan --seed 1 --threads 2 --chains 2 --draws 1000000 --out S --json";
    let run = interrupted(&place, endless, "S");
    let object = run.json();
    assert_eq!(object["interrupted"], true);
    assert_ne!(object["verdict"], "good");
    assert!(
        run.stderr.contains("the draws so far are in S"),
        "{}",
        run.stderr
    );
    let n = object["draws"].as_u64().expect("a count");
    assert!(n > 0 && n < 2_000_000, "{n}");
    let table = place.ok("summary S").stdout;
    assert!(table.contains("interrupted after"), "{table}");
}

#[test]
fn ctrl_c_saves_the_state() {
    let place = Place::new();
    place.ok("generate gmm --rows 20000 --columns 5 --components 10 --seed 1 --out R");
    // With a tolerance of 0 the last digits of the bound have to stand still: a long way to go.
    let endless = "fit gmm R --components 30 --rel-tol 0 --max-iters 1000000000 --out D --json";
    let run = interrupted(&place, endless, "D");
    assert_eq!(run.json()["converged"], false);
    assert!(run.stderr.contains("--warm-start D"), "{}", run.stderr);
    assert_eq!(place.names(), ["D", "R"]);

    let table = place.ok("summary D").stdout;
    assert!(table.contains("bad: interrupted"), "{table}");
    let on = place
        .run("fit gmm R --components 30 --warm-start D --max-iters 3 --json")
        .json();
    assert!(on["elbo"].as_f64() >= run.json()["elbo"].as_f64());
}
