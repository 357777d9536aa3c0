//! `lightcone stamps`.

use clap::{Args, Subcommand};

use super::DoorOptions;

/// `lightcone stamps`.
#[derive(Args, Debug)]
pub struct StampsOptions {
    /// Which node to ask.
    #[command(flatten)]
    pub door: DoorOptions,
    /// Only values stamped more than this ahead of the node's clock: 500ms, 1s, 2m or 3h.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration_ms, global = true)]
    pub ahead: u64,
    /// Only those of this table.
    #[arg(long, value_name = "NAME", global = true)]
    pub table: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub limit: u32,
    /// Something about them; nothing: list them.
    #[command(subcommand)]
    pub action: Option<StampsAction>,
}

/// What to do with values whose stamp is ahead.
#[derive(Subcommand, Debug)]
pub enum StampsAction {
    /// Write their values anew, stamped by the node's clock: what is written later elsewhere wins again.
    Rewrite {
        /// These keys.
        #[arg(value_name = "KEY", required_unless_present = "all", conflicts_with = "all")]
        keys: Vec<String>,
        /// All that are listed.
        #[arg(long)]
        all: bool,
    },
}

fn duration_ms(text: &str) -> Result<u64, String> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let unit_ms = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, ms)| *ms);
    let ms = unit_ms.and_then(|unit_ms| number.parse::<u64>().ok()?.checked_mul(unit_ms));
    ms.ok_or_else(|| "a whole number with its unit, such as 500ms, 1s, 2m or 3h".to_owned())
}

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

#[cfg(test)]
mod tests {
    use super::duration_ms;

    #[test]
    fn a_time_has_a_unit() {
        let read = |text| duration_ms(text).ok();
        assert_eq!(
            [read("0ms"), read("1s"), read("2m"), read("3h")],
            [Some(0), Some(1000), Some(120_000), Some(10_800_000)]
        );
        assert_eq!(
            ["", "1", "s", "1.5s", "-1s", "99999999999999999999s", "18446744073709551615h"].map(read),
            [None; 7]
        );
    }
}
