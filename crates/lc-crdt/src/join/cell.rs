//! Values and choices of expiry: what every side either has or has not heard of stands.

use lc_core::{Dot, VersionVector};

use super::count;
use crate::{Cell, ExpirySibling, Sibling};

/// A cell from what each side has of it, and whether its increments are exact.
pub(super) fn join(sides: &[(&VersionVector, &Cell)]) -> (Cell, bool) {
    let siblings: Vec<_> = sides.iter().map(|(applied, cell)| (*applied, cell.siblings.as_slice())).collect();
    let counts: Vec<_> = sides.iter().map(|(applied, cell)| (*applied, cell.counts.as_slice())).collect();
    let (counts, certain) = count::join(&counts);
    (Cell { siblings: standing(&siblings), counts }, certain)
}

/// What one write left, the same on every replica but for what later writes noted on it.
pub(super) trait Dotted: Clone {
    fn dot(&self) -> Dot;

    /// Takes on what another replica noted on it.
    fn note(&mut self, other: &Self);
}

impl Dotted for Sibling {
    fn dot(&self) -> Dot {
        self.dot
    }

    fn note(&mut self, other: &Sibling) {
        if other.expiry_replaced {
            self.expiry_replaced = true;
            self.expires_ms = None;
        }
    }
}

impl Dotted for ExpirySibling {
    fn dot(&self) -> Dot {
        self.dot
    }

    fn note(&mut self, _other: &ExpirySibling) {}
}

/// Sides give theirs sorted by dot, and so is what stands.
pub(super) fn standing<T: Dotted>(sides: &[(&VersionVector, &[T])]) -> Vec<T> {
    let mut found: Vec<T> = sides.iter().flat_map(|(_, items)| items.iter().cloned()).collect();
    found.sort_by_key(T::dot);
    let mut standing: Vec<T> = Vec::with_capacity(found.len());
    for item in found {
        match standing.last_mut() {
            Some(last) if last.dot() == item.dot() => last.note(&item),
            _ => standing.push(item),
        }
    }
    standing.retain(|item| sides.iter().all(|(applied, items)| agrees(applied, items, item.dot())));
    standing
}

/// Whether a side knows of nothing that replaced the write.
fn agrees<T: Dotted>(applied: &VersionVector, items: &[T], dot: Dot) -> bool {
    !applied.covers(dot) || items.binary_search_by_key(&dot, T::dot).is_ok()
}
