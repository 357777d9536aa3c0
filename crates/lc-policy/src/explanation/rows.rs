//! An explanation for people.

use crate::Explanation;
use crate::explanation::Latency;

impl Explanation {
    /// Names and what they are, in the order in which they are read.
    pub fn rows(&self) -> Vec<(String, String)> {
        let row = |name: &str, text: String| (name.to_owned(), text);
        let mut rows = vec![
            row("PACELC", format!("{}: {}", self.pacelc, self.pacelc_words)),
            row("decided by", self.decides.clone()),
            row("regions", format!("N={}, W={}, R={}", self.regions, self.write_acks, self.read_answers)),
            row("W + R > N", self.overlap_words()),
            row("regions that may be lost", format!("writing {}, reading {}", self.failures_write, self.failures_read)),
            row("a write waits for", self.write_waits.clone()),
            row("a read waits for", self.read_waits.clone()),
        ];
        if !self.not_held_in.is_empty() {
            let words = "clients there are refused (ELSEWHERE), and the bytes never go there";
            rows.push(row("not held in", format!("{}: {words}", self.not_held_in.join(", "))));
        }
        if !self.arriving.is_empty() {
            let words = "its records are being copied there, and count once they are";
            rows.push(row("arriving", format!("{}: {words}", self.arriving.join(", "))));
        }
        rows.extend(self.floors.iter().map(|each| row(&format!("in {}", each.region), each.words())));
        rows.push(row("lost with a region now", self.rpo.clone()));
        let wan = self.wan_bytes_per_write.map_or_else(unknown, |bytes| format!("{bytes}, before compression"));
        rows.push(row("WAN bytes per write", wan));
        rows.extend(self.excludes.iter().map(|each| row(&format!("{} excludes", each.dial), each.excludes.clone())));
        rows.extend(self.warnings.iter().map(|warning| row("mind", warning.clone())));
        rows
    }

    /// The rows as lines, what they are beneath each other.
    pub fn lines(&self) -> Vec<String> {
        let rows = self.rows();
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        rows.into_iter().map(|(name, text)| format!("{name:<width$}  {text}")).collect()
    }

    fn overlap_words(&self) -> String {
        let (acks, answers, regions) = (self.write_acks, self.read_answers, self.regions);
        let verdict = match (self.overlap, self.sees_every_write) {
            (true, _) => "a read meets every acknowledged write",
            (false, true) => "but a read asks who decides, and so meets every acknowledged write",
            (false, false) => "a read may miss an acknowledged write",
        };
        match self.overlap {
            true => format!("yes, {acks} + {answers} > {regions}: {verdict}"),
            false => format!("no, {acks} + {answers} <= {regions}: {verdict}"),
        }
    }
}

impl Latency {
    fn words(&self) -> String {
        format!(
            "write {}; read {}",
            figures(self.write_floor_ms, self.write_measured_ms),
            figures(self.read_floor_ms, self.read_measured_ms)
        )
    }
}

fn figures(floor_ms: Option<f64>, measured_ms: Option<f64>) -> String {
    match (floor_ms, measured_ms) {
        (Some(0.0), Some(0.0)) => "0 ms".to_owned(),
        (None, None) => unknown(),
        (floor_ms, measured_ms) => format!("at least {}, measured {}", ms(floor_ms), ms(measured_ms)),
    }
}

fn ms(ms: Option<f64>) -> String {
    ms.map_or_else(unknown, |ms| format!("{ms:.1} ms"))
}

fn unknown() -> String {
    "unknown".to_owned()
}
