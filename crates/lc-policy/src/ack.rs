//! Who holds a write before the client hears OK.

/// The `ack` dial. Regions are counted with the deciding one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ack {
    /// This node's disk.
    #[default]
    Local,
    /// The disks of this many regions, the deciding one among them.
    Regions(u8),
    /// More than half of the table's regions.
    Majority,
    /// Every region of the table.
    All,
}

impl Ack {
    /// How many of `regions` must hold the write.
    pub fn needed(self, regions: usize) -> usize {
        match self {
            Ack::Local => 1,
            Ack::Regions(count) => usize::from(count),
            Ack::Majority => regions / 2 + 1,
            Ack::All => regions.max(1),
        }
    }
}

impl std::fmt::Display for Ack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ack::Local => f.write_str("local"),
            Ack::Regions(count) => write!(f, "regions({count})"),
            Ack::Majority => f.write_str("majority"),
            Ack::All => f.write_str("all"),
        }
    }
}
