//! Whether the disk has room for what a run builds: one that fills up in the middle fails with a compiler's error.

use std::process::Command;

use crate::{process, workspace};

/// Says so if there may be too little room. What is built already counts as room: it is built over.
pub(super) fn warn_if_scarce() {
    let (Some(free), Some(built)) = (free_kib(), built_kib()) else { return };
    if free + built < NEEDED_KIB {
        let gib = |kib: u64| kib as f64 / f64::from(1 << 20);
        println!(
            "warning: a whole run builds about {:.0} GiB; here are {:.1} GiB free and {:.1} GiB built. Make room if a step fails.",
            gib(NEEDED_KIB),
            gib(free),
            gib(built)
        );
    }
}

fn free_kib() -> Option<u64> {
    let table = process::output(Command::new("df").arg("-kP").arg(workspace::root())).ok()?;
    table.lines().last()?.split_whitespace().nth(3)?.parse().ok()
}

fn built_kib() -> Option<u64> {
    let sum = process::output(Command::new("du").arg("-sk").arg(workspace::target())).ok()?;
    sum.split_whitespace().next()?.parse().ok()
}

/// Measured: a run from a clean clone leaves 8.2 GiB.
const NEEDED_KIB: u64 = 10 << 20;
