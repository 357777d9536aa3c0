//! Numbers as Prometheus reads them: the text format, version 0.0.4.

use std::fmt::Write;

/// One number at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// Its name, unit last: `lightcone_journal_bytes`.
    pub name: &'static str,
    /// What it counts, in one sentence.
    pub help: &'static str,
    /// Whether it only grows.
    pub kind: SampleKind,
    /// What tells it apart from others of its name.
    pub labels: Vec<(&'static str, String)>,
    /// The number; NaN where it is not known, which is not 0.
    pub value: f64,
}

/// What a number can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SampleKind {
    /// Only grows, until a restart.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// All samples, those of one name together, names in the order of their first sample.
pub(crate) fn text(samples: &[Sample]) -> String {
    let mut out = String::new();
    let mut written: Vec<&str> = Vec::new();
    for first in samples {
        if written.contains(&first.name) {
            continue;
        }
        written.push(first.name);
        push_heading(&mut out, first);
        for sample in samples.iter().filter(|sample| sample.name == first.name) {
            push_sample(&mut out, sample);
        }
    }
    out
}

fn push_heading(out: &mut String, sample: &Sample) {
    let kind = match sample.kind {
        SampleKind::Counter => "counter",
        SampleKind::Gauge => "gauge",
    };
    let help = sample.help.replace('\\', "\\\\").replace('\n', "\\n");
    // Writing to a String cannot fail.
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n", name = sample.name);
}

fn push_sample(out: &mut String, sample: &Sample) {
    out.push_str(sample.name);
    for (at, (label, value)) in sample.labels.iter().enumerate() {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(out, "{}{label}=\"{value}\"", if at == 0 { '{' } else { ',' });
    }
    if !sample.labels.is_empty() {
        out.push('}');
    }
    let _ = match sample.value {
        value if value.is_infinite() => writeln!(out, " {}Inf", if value > 0.0 { '+' } else { '-' }),
        value => writeln!(out, " {value}"),
    };
}

#[cfg(test)]
mod tests {
    use super::{Sample, SampleKind, text};

    fn sample(name: &'static str, labels: &[(&'static str, &str)], value: f64) -> Sample {
        let labels = labels.iter().map(|(label, value)| (*label, (*value).to_owned())).collect();
        Sample { name, help: "Help.", kind: SampleKind::Gauge, labels, value }
    }

    #[test]
    fn samples_of_one_name_stand_together_under_one_heading() {
        let samples = [
            sample("a", &[("peer", "x\"y")], 1.0),
            sample("b", &[], 2.5),
            sample("a", &[("peer", "z"), ("k", "v")], f64::NAN),
        ];
        let expected = "# HELP a Help.\n# TYPE a gauge\na{peer=\"x\\\"y\"} 1\na{peer=\"z\",k=\"v\"} NaN\n# HELP b Help.\n# TYPE b gauge\nb 2.5\n";
        assert_eq!(text(&samples), expected);
        assert!(text(&[sample("c", &[], f64::INFINITY)]).ends_with("c +Inf\n"));
    }
}
