//! GETs from prepared bytes, counting reply bytes only, so that nearly all processor time is the server's.

use std::time::{Duration, Instant};

use crate::connection::{Connection, VALUE_BYTES, key, push_get};
use crate::dice::Dice;
use crate::options::Options;
use crate::{Failure, cpu};

/// Different pipelines per connection, so that the server's caches see many keys.
const PIPELINES: usize = 64;

/// Pipelines under way per connection, so that the server never waits for us.
const UNDER_WAY: usize = 2;

/// GETs per second over all connections. Every key must have been filled before.
pub fn run(options: &Options) -> Result<String, Failure> {
    let (port, keys, depth) = (options.port("port")?, options.needed("keys")?, options.needed("depth")?);
    let (connections, seconds) = (options.needed("connections")?, options.needed("seconds")?);
    let start = Instant::now();
    let until = start + Duration::from_secs(seconds);
    let gets = std::thread::scope(|scope| {
        let readers: Vec<_> =
            (0..connections).map(|seed| scope.spawn(move || read(port, keys, depth, seed, until))).collect();
        readers.into_iter().map(|reader| reader.join().expect("a reader returns its failure")).sum::<Result<u64, _>>()
    })?;
    let took = start.elapsed().as_secs_f64();
    let per_second = gets as f64 / took;
    Ok(format!(
        "{{\"gets\": {gets}, \"seconds\": {took:.3}, \"gets_per_second\": {per_second:.0}, \"cpu_seconds\": {:.2}}}",
        cpu::seconds()
    ))
}

fn read(port: u16, keys: u64, depth: u64, seed: u64, until: Instant) -> Result<u64, Failure> {
    let mut connection = Connection::open(port)?;
    let mut dice = Dice::new(seed);
    let pipelines: Vec<Vec<u8>> = (0..PIPELINES).map(|_| pipeline(&mut dice, keys, depth)).collect();
    let reply_bytes = format!("${VALUE_BYTES}\r\n").len() + VALUE_BYTES + "\r\n".len();
    let mut gets = 0;
    let mut under_way = 0;
    for pipeline in pipelines.iter().cycle() {
        connection.send(pipeline)?;
        under_way += 1;
        if under_way == UNDER_WAY {
            connection.skip(reply_bytes * depth as usize)?;
            under_way -= 1;
            gets += depth;
            if Instant::now() >= until {
                break;
            }
        }
    }
    connection.skip(reply_bytes * depth as usize * under_way)?;
    Ok(gets + depth * under_way as u64)
}

fn pipeline(dice: &mut Dice, keys: u64, depth: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    (0..depth).for_each(|_| push_get(&mut bytes, &key(dice.below(keys))));
    bytes
}
