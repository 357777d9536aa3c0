//! `cargo xtask bench`: Lightcone with three regions beside Redis with two replicas, in one run, as ratios.
//!
//! Both stay up throughout and take turns (A, B, A, B), so that whatever else the machine does meets both.

mod plan;
mod probe;
mod redis_trio;
mod table;

use crate::failure::{Failure, While};
use crate::setup::debian;
use crate::tally::Tally;
use crate::world::{DEFAULT_REGIONS, World};
use crate::{process, workspace};
use plan::Plan;
use redis_trio::RedisTrio;
use table::{Row, Spread};

/// Measures, prints the table, and with `--write` puts it into docs/benchmarks.md.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let plan = Plan::parse(arguments)?;
    process::build_programs()?;
    let rows = measure(&plan)?;
    let markdown = table::markdown(&rows, &plan);
    println!("\n{markdown}");
    table::save_json(&rows)?;
    if plan.write { table::write_into_docs(&markdown) } else { Ok(()) }
}

/// The shortest run there is, to see that all of it still works. Counts a check per row; the numbers are not judged.
pub fn check() -> Result<Tally, Failure> {
    let rows = measure(&Plan::smallest())?;
    println!("\n{}", table::markdown(&rows, &Plan::smallest()));
    Ok(Tally::passed(rows.len() as u64))
}

fn measure(plan: &Plan) -> Result<Vec<Row>, Failure> {
    debian::redis()?;
    let dir = workspace::target().join("worlds/bench-redis");
    let redis = RedisTrio::start(&dir)?;
    let world = World::start("bench", DEFAULT_REGIONS, &[])?;
    let mut rows = vec![idle_memory(&world, plan)?];
    rows.push(side_by_side(&world, &redis, plan, &plan.set_durable())?);
    fill(&world, &redis, plan)?;
    rows.push(side_by_side(&world, &redis, plan, &plan.set_pipelined())?);
    rows.push(side_by_side(&world, &redis, plan, &plan.get_pipelined())?);
    rows.extend(lag_and_wan_bytes(&world, plan)?);
    rows.push(cores(&world, plan)?);
    Ok(rows)
}

/// One kind of load of redis-benchmark.
pub struct Load {
    title: &'static str,
    command: &'static str,
    requests: u64,
    depth: u32,
    /// At least so many times Redis.
    target: f64,
}

fn side_by_side(world: &World, redis: &RedisTrio, plan: &Plan, load: &Load) -> Result<Row, Failure> {
    let (mut ours, mut theirs, mut settling) = (Vec::new(), Vec::new(), Vec::new());
    for repetition in 1..=plan.repetitions {
        println!("{}: repetition {repetition} of {}", load.title, plan.repetitions);
        theirs.push(redis_benchmark(redis.port(), plan, load)?);
        redis.await_replicas()?;
        ours.push(redis_benchmark(world.regions[0].resp_port, plan, load)?);
        // What is still under way to the other regions must not burden the next turn; how long it took is reported.
        settling.push(probe::settle(world)?);
    }
    let (ours, theirs) = (Spread::of(ours), Spread::of(theirs));
    let ratio = ours.median / theirs.median;
    Ok(Row {
        work: load.title.to_owned(),
        lightcone: ours.per_second(),
        redis: theirs.per_second(),
        result: format!("{ratio:.2}x"),
        target: format!(">= {:.1}x Redis", load.target),
        met: ratio >= load.target,
        note: format!("regions equal {:.1} s after a turn", Spread::of(settling).median),
    })
}

fn redis_benchmark(port: u16, plan: &Plan, load: &Load) -> Result<f64, Failure> {
    let mut command = process::command("redis-benchmark");
    command.args(["-p", &port.to_string(), "-t", load.command, "-n", &load.requests.to_string()]);
    command.args(["-c", "64", "-d", "160", "-r", &plan.keys.to_string(), "-P", &load.depth.to_string(), "--csv"]);
    let csv = process::output(&mut command)?;
    let row = csv.lines().find(|line| line.to_lowercase().starts_with(&format!("\"{}\"", load.command)));
    let rate = row.and_then(|row| row.split(',').nth(1)?.trim_matches('"').parse().ok());
    let rate = rate.ok_or_else(|| Failure::new(format!("redis-benchmark printed no rate:\n{csv}")))?;
    println!("  port {port}: {rate:.0}/s");
    Ok(rate)
}

fn fill(world: &World, redis: &RedisTrio, plan: &Plan) -> Result<(), Failure> {
    println!("filling {} keys on each side", plan.keys);
    for port in [redis.port(), world.regions[0].resp_port] {
        println!("  port {port}: {}", probe::load("fill", &[("port", port.into()), ("keys", plan.keys)])?);
    }
    redis.await_replicas()?;
    println!("  regions equal after {:.1} s", probe::settle(world)?);
    Ok(())
}

fn idle_memory(world: &World, plan: &Plan) -> Result<Row, Failure> {
    std::thread::sleep(plan.idle);
    let resident = world.server_pids()?.into_iter().map(probe::resident_mb).collect::<Result<Vec<_>, _>>()?;
    let largest = resident.iter().copied().fold(0.0, f64::max);
    Ok(Row {
        work: "resident memory of an idle node".to_owned(),
        lightcone: format!("{largest:.0} MB"),
        redis: "".to_owned(),
        result: format!("{largest:.0} MB"),
        target: "<= 50 MB".to_owned(),
        met: largest > 0.0 && largest <= 50.0,
        note: format!("the largest of {} nodes, {} s after start", resident.len(), plan.idle.as_secs()),
    })
}

/// Both come from the same stream of writes.
fn lag_and_wan_bytes(world: &World, plan: &Plan) -> Result<Vec<Row>, Failure> {
    let (here, there) = (&world.regions[0], &world.regions[1]);
    let one_way_ms = probe::one_way_ms(world)?;
    let wan_before = probe::wan_bytes(here, &there.name)?;
    let ports = [("write-port", here.resp_port.into()), ("read-port", there.resp_port.into())];
    let lag = probe::load("lag", &[&ports[..], &[("rate", 2000), ("seconds", plan.lag_seconds)]].concat())?;
    println!("lag: {lag}");
    probe::settle(world)?;
    let wan = probe::wan_bytes(here, &there.name)? - wan_before;
    let number = |name: &str| lag[name].as_f64().unwrap_or(f64::NAN);
    let (p50, p99, per_write) = (number("seen_p50_ms"), number("seen_p99_ms"), wan / number("writes"));
    let (over50, over99) = (p50 - one_way_ms, p99 - one_way_ms);
    let seen = Row {
        work: format!("time until a write is readable in another region ({} to {})", here.name, there.name),
        lightcone: format!("p50 {p50:.1} ms, p99 {p99:.1} ms"),
        redis: "".to_owned(),
        result: format!("one way {one_way_ms:.1} ms; p50 {over50:+.1} ms, p99 {over99:+.1} ms"),
        target: "p50 <= one-way + 2 ms, p99 <= one-way + 10 ms at 2,000 writes/s".to_owned(),
        met: over50 <= 2.0 && over99 <= 10.0,
        note: format!("OK p50 {:.1} ms, p99 {:.1} ms", number("ok_p50_ms"), number("ok_p99_ms")),
    };
    let share = per_write / 176.0;
    let bytes = Row {
        work: format!("WAN bytes per write to one other region ({} to {})", here.name, there.name),
        lightcone: format!("{per_write:.0} B"),
        redis: "".to_owned(),
        result: format!("{share:.2}x of key + value"),
        target: "<= 0.6x of key + value (16 + 160 B) at 2,000 writes/s".to_owned(),
        met: share <= 0.6,
        note: "all bytes the link sent, acknowledgements and digests included".to_owned(),
    };
    Ok(vec![seen, bytes])
}

/// The same cheap readers against a server that may use one core, then two.
fn cores(world: &World, plan: &Plan) -> Result<Row, Failure> {
    let region = &world.regions[0];
    let pid = world.server_pids()?[0];
    let (mut one, mut two, mut busy) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.repetitions {
        for (cores, rates) in [("0", &mut one), ("0,1", &mut two)] {
            probe::pin(pid, cores)?;
            let before = probe::cpu_seconds(pid)?;
            let options = [("port", region.resp_port.into()), ("keys", plan.keys), ("connections", 8), ("depth", 512)];
            let told = probe::load("gets", &[&options[..], &[("seconds", plan.gets_seconds)]].concat())?;
            let server = (probe::cpu_seconds(pid)? - before) / told["seconds"].as_f64().unwrap_or(f64::NAN);
            println!("cores {cores}: server used {server:.2} cores; {told}");
            rates.push(told["gets_per_second"].as_f64().unwrap_or(f64::NAN));
            busy.push(format!("{server:.2}"));
        }
    }
    probe::pin(pid, "0-1")?;
    let (one, two) = (Spread::of(one), Spread::of(two));
    let ratio = two.median / one.median;
    Ok(Row {
        work: "GET on 2 cores against 1 core (server pinned)".to_owned(),
        lightcone: format!("{} on 1, {} on 2", one.per_second(), two.per_second()),
        redis: "".to_owned(),
        result: format!("{ratio:.2}x"),
        target: ">= 1.6x".to_owned(),
        met: ratio >= 1.6,
        note: format!("cores the server used, run by run: {}; the readers share these cores", busy.join(", ")),
    })
}

/// What `lc-bench` printed, or why it printed nothing.
fn parsed(text: &str) -> Result<serde_json::Value, Failure> {
    serde_json::from_str(text).during("read what lc-bench printed")
}
