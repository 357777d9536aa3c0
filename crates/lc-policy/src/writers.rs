//! Where a write may be decided.

/// The `writers` dial.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Writers {
    /// In every region.
    #[default]
    Any,
    /// In the record's home region.
    Home,
    /// By a majority of regions.
    Consensus,
}
