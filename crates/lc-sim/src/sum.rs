//! What many worlds came to, as a table or as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use lc_sim::Report;

#[derive(Default)]
pub(crate) struct Sum {
    simulated: Duration,
    region_hours: f64,
    /// Whatever is counted, in the order in which it is printed.
    counts: Vec<(&'static str, u64)>,
    faults: BTreeMap<&'static str, u64>,
    refused: BTreeMap<&'static str, u64>,
}

impl Sum {
    pub(crate) fn add(&mut self, report: &Report) {
        self.simulated += report.simulated;
        self.region_hours += report.simulated.as_secs_f64() * report.regions as f64 / 3600.0;
        let counts = [
            ("seeds", 1),
            ("commands", report.commands),
            ("acknowledged", report.acknowledged),
            ("faults", report.faults.values().sum()),
            ("power losses", report.power_losses),
            ("kills", report.kills),
            ("members given up", report.given_up),
            ("failed starts", report.failed_starts),
            ("numbered reads", report.numbered_reads),
            ("held writes", report.held),
            ("policy changes", report.policy_changes),
            ("losses kept", report.losses),
            ("collapsed keys", report.collapsed),
            ("journals shortened", report.truncations),
            ("went on from records", report.catch_ups),
            ("repairs", report.repairs),
            ("merged answers", report.merges),
        ];
        self.counts.resize(counts.len(), ("", 0));
        for (sum, (name, count)) in self.counts.iter_mut().zip(counts) {
            *sum = (name, sum.1 + count);
        }
        add_each(&mut self.faults, &report.faults);
        add_each(&mut self.refused, &report.refused);
    }

    pub(crate) fn print(&self, json: bool, failed: u64, took: Duration) {
        if json { self.print_json(failed, took) } else { self.print_table(failed, took) }
    }

    fn hours(&self) -> f64 {
        self.simulated.as_secs_f64() / 3600.0
    }

    fn print_json(&self, failed: u64, took: Duration) {
        let each = |counts: &BTreeMap<&'static str, u64>| {
            counts.iter().map(|(name, count)| format!(r#""{name}":{count}"#)).collect::<Vec<_>>().join(",")
        };
        let counts: String =
            self.counts.iter().map(|(name, count)| format!(r#""{}":{count},"#, name.replace(' ', "_"))).collect();
        println!(
            r#"{{{counts}"failed":{failed},"simulated_hours":{:.3},"region_hours":{:.3},"faults_by_kind":{{{}}},"refused":{{{}}},"real_seconds":{:.1}}}"#,
            self.hours(),
            self.region_hours,
            each(&self.faults),
            each(&self.refused),
            took.as_secs_f64(),
        );
    }

    fn print_table(&self, failed: u64, took: Duration) {
        let seconds = took.as_secs_f64();
        for (at, (name, count)) in self.counts.iter().enumerate() {
            line(name, count);
            if at == 0 {
                line("failed", failed);
                line("simulated hours", format!("{:.2}", self.hours()));
                line("region hours", format!("{:.2}", self.region_hours));
            }
        }
        self.faults.iter().for_each(|(name, count)| line(&format!("fault {name}"), count));
        self.refused.iter().for_each(|(code, count)| line(&format!("refused {}", code.to_lowercase()), count));
        line("real seconds", format!("{seconds:.1}"));
        let seeds = self.counts.first().map_or(0, |(_, seeds)| *seeds);
        line("seeds per second", format!("{:.1}", seeds as f64 / seconds));
        line("simulated hours per minute", format!("{:.2}", self.hours() * 60.0 / seconds));
    }
}

fn add_each(sum: &mut BTreeMap<&'static str, u64>, counts: &BTreeMap<&'static str, u64>) {
    for (name, count) in counts {
        *sum.entry(name).or_default() += count;
    }
}

fn line(name: &str, count: impl std::fmt::Display) {
    println!("{name:<27}{count:>14}");
}
