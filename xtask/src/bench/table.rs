//! The table of numbers, as Markdown for people and as JSON for the next run to compare with.

use crate::bench::plan::Plan;
use crate::failure::{Failure, While};
use crate::{process, workspace};

/// One line: a kind of work, what was measured, and what was promised.
pub struct Row {
    pub work: String,
    pub lightcone: String,
    pub redis: String,
    pub result: String,
    pub target: String,
    pub met: bool,
    pub note: String,
}

/// Repeated measurements of one thing.
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    /// At least one value.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let (middle, even) = (values.len() / 2, values.len().is_multiple_of(2));
        let median = if even { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] };
        Self { median, least: values[0], most: values[values.len() - 1] }
    }

    /// As a rate with its range.
    pub fn per_second(&self) -> String {
        format!("{} /s ({} to {})", thousands(self.median), thousands(self.least), thousands(self.most))
    }
}

/// The generated block, without its markers.
pub fn markdown(rows: &[Row], plan: &Plan) -> String {
    let mut lines = vec![
        format!(
            "Made by `{}`: {} keys, {} turns each, median (least to most).",
            plan.command, plan.keys, plan.repetitions
        ),
        machine(),
        String::new(),
        "| work | Lightcone | Redis | result | target | met | beside it |".to_owned(),
        "|---|---|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(rows.iter().map(|row| {
        let met = if row.met { "yes" } else { "**no**" };
        let Row { work, lightcone, redis, result, target, note, .. } = row;
        format!("| {work} | {lightcone} | {redis} | {result} | {target} | {met} | {note} |")
    }));
    lines.join("\n") + "\n"
}

/// Keeps the run in `target/bench.json`.
pub fn save_json(rows: &[Row]) -> Result<(), Failure> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let Row { work, lightcone, redis, result, target, met, note } = row;
            serde_json::json!({ "work": work, "lightcone": lightcone, "redis": redis, "result": result,
                "target": target, "met": met, "note": note })
        })
        .collect();
    let path = workspace::target().join("bench.json");
    std::fs::write(&path, format!("{:#}\n", serde_json::Value::from(rows))).during("write bench.json")?;
    println!("also in {}", workspace::shown(&path));
    Ok(())
}

const BEGIN: &str = "<!-- bench:begin -->\n";
const END: &str = "<!-- bench:end -->";

/// Replaces what stands between the markers in docs/benchmarks.md, and nothing else.
pub fn write_into_docs(markdown: &str) -> Result<(), Failure> {
    let path = workspace::root().join("docs/benchmarks.md");
    let page = std::fs::read_to_string(&path).during("read docs/benchmarks.md")?;
    let marked = page.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) =
        marked.ok_or_else(|| Failure::new(format!("docs/benchmarks.md lacks {} … {END}", BEGIN.trim())))?;
    std::fs::write(&path, format!("{head}{BEGIN}{markdown}{END}{tail}")).during("write docs/benchmarks.md")?;
    println!("docs/benchmarks.md has the new table");
    Ok(())
}

/// What the numbers were measured on.
fn machine() -> String {
    let said = |command: &mut std::process::Command| process::output(command).unwrap_or_default().trim().to_owned();
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let redis = said(process::command("redis-server").arg("--version"));
    let redis = redis.split("v=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("?").to_owned();
    let commit = said(process::command("git").args(["rev-parse", "--short", "HEAD"]));
    let today = said(process::command("date").arg("+%Y-%m-%d"));
    format!(
        "{today}, commit {commit}, {cores} cores of {cpu}, Redis {redis}; servers and load generators share those cores."
    )
}

/// 1234567 as 1,234,567.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let grouped = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits are ASCII"));
    grouped.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::{Spread, thousands};

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!([1.0, 999.0, 1000.0, 1_234_567.4].map(thousands), ["1", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        assert!((Spread::of(vec![4.0, 1.0, 3.0, 2.0]).median - 2.5).abs() < 1e-9);
    }
}
