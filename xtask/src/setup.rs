//! What the chores need on a machine that has cargo, gcc, Python 3 with pip, and Debian's apt as root.
//! Everything but Debian packages goes under the target directory, and nothing is installed twice.

pub mod cargo_deny;
pub mod debian;
pub mod node;
pub mod python;

use crate::failure::Failure;

/// Installs all of it; each chore otherwise installs only what it uses.
pub fn run(_arguments: &[String]) -> Result<(), Failure> {
    debian::redis()?;
    python::environment()?;
    python::redis_py_sources()?;
    node::modules()?;
    cargo_deny::binary()?;
    println!("setup: everything is there");
    Ok(())
}
