//! Every key once, so that GETs find something and databases have their size.

use std::time::Instant;

use crate::connection::{Connection, VALUE_BYTES, key, push_set};
use crate::dice::Dice;
use crate::options::Options;
use crate::{Failure, cpu};

/// SETs per round trip of one connection.
const DEPTH: u64 = 256;

/// Connections at once: enough that group commits are full.
const CONNECTIONS: u64 = 16;

/// Sets keys 0 to `--keys` with 160 random letters each.
pub fn run(options: &Options) -> Result<String, Failure> {
    let (port, keys) = (options.port("port")?, options.needed("keys")?);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let share = |k: u64| (keys * k / CONNECTIONS)..(keys * (k + 1) / CONNECTIONS);
        let fillers: Vec<_> = (0..CONNECTIONS).map(|k| scope.spawn(move || fill(port, share(k)))).collect();
        fillers.into_iter().try_for_each(|filler| filler.join().expect("a filler returns its failure"))
    })?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(format!("{{\"keys\": {keys}, \"seconds\": {seconds:.3}, \"cpu_seconds\": {:.2}}}", cpu::seconds()))
}

fn fill(port: u16, keys: std::ops::Range<u64>) -> Result<(), Failure> {
    let mut connection = Connection::open(port)?;
    let mut dice = Dice::new(keys.start);
    let mut at = keys.start;
    while at < keys.end {
        let end = (at + DEPTH).min(keys.end);
        let mut buffer = Vec::new();
        (at..end).for_each(|number| push_set(&mut buffer, &key(number), &letters(&mut dice)));
        connection.send(&buffer)?;
        connection.skip("+OK\r\n".len() * (end - at) as usize)?;
        at = end;
    }
    Ok(())
}

fn letters(dice: &mut Dice) -> String {
    (0..VALUE_BYTES).map(|_| char::from(b'a' + dice.below(26) as u8)).collect()
}
