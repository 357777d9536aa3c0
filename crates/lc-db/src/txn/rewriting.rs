//! Writing what stands in a cell once more, so that it carries the stamp of a new write: for values whose stamp is wrong.

use lc_core::Dot;
use lc_crdt::{Address, Kind, Merge, StoredHead};

use super::{Expiry, Txn};
use crate::Error;
use crate::view::text_of;

impl Txn<'_> {
    /// Writes a cell's value as it is seen, over what this entry's author has seen of it; answers whether there was one. What
    /// is written elsewhere without knowing of this stands beside it, as it would beside any write.
    pub fn rewrite(&mut self, at: &Address) -> Result<bool, Error> {
        match at.kind {
            Kind::String => self.rewrite_string(&at.key),
            kind => self.rewrite_element(&at.key, kind, &at.field),
        }
    }

    fn rewrite_string(&mut self, key: &[u8]) -> Result<bool, Error> {
        let Some(value) = self.view().string(key)? else { return Ok(false) };
        let stored = StoredHead::read(self.rows, key)?;
        let string = &stored.head.string;
        let Some(latest) = string.winner() else { return Ok(false) };
        match self.merge_of(key) {
            // The others are shown too, and are not this one's to replace.
            Merge::Siblings => {
                let (dot, value) = (latest.dot, latest.value.clone());
                self.resolve(key, &[dot], &value, Expiry::Keep)?;
            }
            // A plain write would remove what stands under the key with another type.
            Merge::Typed | Merge::Lww if stored.head.lengths != [0; 3] => {
                let (over, value): (Vec<Dot>, _) =
                    (string.siblings.iter().map(|sibling| sibling.dot).collect(), latest.value.clone());
                self.resolve(key, &over, &value, Expiry::Keep)?;
            }
            Merge::Max | Merge::Min | Merge::Union | Merge::Json(_) if string.siblings.len() > 1 => {
                return self.collapse(key);
            }
            _ => self.set_string(key, &value, Expiry::Keep)?,
        }
        Ok(true)
    }

    fn rewrite_element(&mut self, key: &[u8], kind: Kind, field: &[u8]) -> Result<bool, Error> {
        let Some(cell) = self.view().element(key, kind, field)? else { return Ok(false) };
        match kind {
            Kind::Sorted => drop(self.set_score(key, field, cell.score().unwrap_or(0.0))?),
            _ => drop(self.put_element(key, kind, field, &cell.visible().map(text_of).unwrap_or_default())?),
        }
        Ok(true)
    }
}
