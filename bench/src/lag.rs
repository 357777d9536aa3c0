//! A steady stream of writes in one region, and when another region shows them.
//!
//! Open loop: writes leave by the clock, whether or not earlier ones were answered, and delays count from the moment
//! a write was due, so a stall of the server is not hidden by our waiting for it. Every tenth write goes to one marker
//! key and carries its number; a reader in the other region asks for that key again and again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::connection::{Connection, Replies, VALUE_BYTES, key, push_get, push_set};
use crate::dice::Dice;
use crate::options::Options;
use crate::{Failure, cpu};

/// One write in so many goes to the marker.
const MARKER_EVERY: u64 = 10;

/// Pause of the reader between questions: far below what is measured, and it leaves the processor to the servers.
const POLL_PAUSE: Duration = Duration::from_micros(150);

/// How long the reader waits for the last writes.
const PATIENCE: Duration = Duration::from_secs(10);

/// When writes are due.
#[derive(Clone, Copy)]
struct Timetable {
    /// The marker key of this run: 16 bytes like every other key, and new, so that an earlier run is not seen.
    marker: u32,
    start: Instant,
    gap: Duration,
    writes: u64,
}

impl Timetable {
    fn marker(&self) -> String {
        format!("marker:{:09}", self.marker % 1_000_000_000)
    }

    fn due(&self, number: u64) -> Instant {
        self.start + self.gap * u32::try_from(number).unwrap_or(u32::MAX)
    }
}

/// Percentiles of the time from due to visible there, and from due to OK here.
pub fn run(options: &Options) -> Result<String, Failure> {
    let (rate, seconds) = (options.needed("rate")?, options.needed("seconds")?);
    let writer = Connection::open(options.port("write-port")?)?;
    let reader = Connection::open(options.port("read-port")?)?;
    let start = Instant::now() + Duration::from_millis(50);
    let table = Timetable {
        marker: std::process::id(),
        start,
        gap: Duration::from_nanos(1_000_000_000 / rate),
        writes: rate * seconds,
    };
    let replies = writer.replies()?;
    let stop = AtomicBool::new(false);
    let (acks, seen) = std::thread::scope(|scope| {
        let writing = scope.spawn(|| write(writer, table).inspect_err(|_| stop.store(true, Ordering::Relaxed)));
        let acking = scope.spawn(|| await_acks(replies, table));
        let watching = scope.spawn(|| watch(reader, table, &stop));
        writing.join().expect("the writer returns its failure")?;
        let acks = acking.join().expect("the ack reader returns its failure")?;
        Ok::<_, Failure>((acks, watching.join().expect("the watcher returns its failure")?))
    })?;
    Ok(report(table, acks, seen))
}

fn write(mut connection: Connection, table: Timetable) -> Result<(), Failure> {
    let mut dice = Dice::new(7);
    let mut buffer = Vec::new();
    let mut next = 0;
    while next < table.writes {
        let now = Instant::now();
        if table.due(next) > now {
            std::thread::sleep(table.due(next) - now);
        }
        buffer.clear();
        while next < table.writes && table.due(next) <= Instant::now() {
            let name = if next % MARKER_EVERY == 0 { table.marker() } else { key(dice.below(1_000_000)) };
            push_set(&mut buffer, &name, &order(next, &mut dice));
            next += 1;
        }
        connection.send(&buffer)?;
    }
    Ok(())
}

fn await_acks(mut replies: Replies, table: Timetable) -> Result<Vec<Duration>, Failure> {
    let mut delays = Vec::new();
    for number in 0..table.writes {
        replies.line()?;
        delays.push(table.due(number).elapsed());
    }
    Ok(delays)
}

/// Delays of the marker's writes. A value that was replaced before we asked counts from when we saw its successor.
fn watch(mut connection: Connection, table: Timetable, stop: &AtomicBool) -> Result<Vec<Duration>, Failure> {
    let mut replies = connection.replies()?;
    let mut question = Vec::new();
    push_get(&mut question, &table.marker());
    let deadline = table.due(table.writes) + PATIENCE;
    let mut delays = Vec::new();
    let mut expected = 0;
    while expected < table.writes && !stop.load(Ordering::Relaxed) {
        connection.send(&question)?;
        let shown = replies.bulk()?.as_deref().and_then(number_of);
        let now = Instant::now();
        while shown.is_some_and(|number| expected <= number) {
            delays.push(now.saturating_duration_since(table.due(expected)));
            expected += MARKER_EVERY;
        }
        if now > deadline {
            return Err(format!("write {expected} was not visible within {PATIENCE:?}").into());
        }
        std::thread::sleep(POLL_PAUSE);
    }
    Ok(delays)
}

/// A small order as a shop would store it: 160 bytes of JSON, some of it the same every time, some of it not.
fn order(number: u64, dice: &mut Dice) -> String {
    let status = ["paid", "open", "sent", "back"][dice.below(4) as usize];
    let head = format!(
        "{{\"number\":{number},\"order\":\"{:012x}\",\"customer\":{},\"items\":{},\"total_cents\":{},\
         \"status\":\"{status}\",\"placed_at\":\"2026-05-02T10:{:02}:{:02}.{:03}Z\",\"note\":\"",
        dice.throw() >> 16,
        dice.below(100_000),
        1 + dice.below(9),
        dice.below(100_000),
        dice.below(60),
        dice.below(60),
        dice.below(1000),
    );
    let filler = VALUE_BYTES.saturating_sub(head.len() + 2);
    let note: String = (0..filler).map(|_| char::from(b'a' + dice.below(26) as u8)).collect();
    format!("{head}{note}\"}}")
}

fn number_of(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?.strip_prefix("{\"number\":")?;
    text[..text.find(',')?].parse().ok()
}

fn report(table: Timetable, mut acks: Vec<Duration>, mut seen: Vec<Duration>) -> String {
    acks.sort();
    seen.sort();
    let ms = |delays: &[Duration], part: f64| -> f64 {
        let at = ((delays.len() as f64 * part) as usize).min(delays.len().saturating_sub(1));
        delays.get(at).map_or(f64::NAN, Duration::as_secs_f64) * 1000.0
    };
    format!(
        "{{\"writes\": {}, \"samples\": {}, \"seen_p50_ms\": {:.3}, \"seen_p99_ms\": {:.3}, \"seen_max_ms\": {:.3}, \
         \"ok_p50_ms\": {:.3}, \"ok_p99_ms\": {:.3}, \"cpu_seconds\": {:.2}}}",
        table.writes,
        seen.len(),
        ms(&seen, 0.5),
        ms(&seen, 0.99),
        ms(&seen, 1.0),
        ms(&acks, 0.5),
        ms(&acks, 0.99),
        cpu::seconds(),
    )
}

#[cfg(test)]
mod tests {
    use super::{Dice, VALUE_BYTES, number_of, order};

    #[test]
    fn orders_have_the_size_of_the_table_and_carry_their_number() {
        let mut dice = Dice::new(1);
        for number in [0, 9, 19_999, 1_199_999] {
            let order = order(number, &mut dice);
            assert_eq!(order.len(), VALUE_BYTES, "{order}");
            assert_eq!(number_of(order.as_bytes()), Some(number));
        }
    }
}
