//! Where the bytes may be.

/// The `placement` dial.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Placement {
    /// Every region, later ones too.
    #[default]
    Everywhere,
    /// These regions, sorted.
    Regions(Vec<String>),
}
