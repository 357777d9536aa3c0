//! Rows as they were at one moment, to be read at leisure while others commit.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use crate::Error;

/// What a store held after one of its commits. The store keeps what it needs for as long as this lives, so do not keep it for long.
pub trait Frozen: Send + Sync {
    /// The bytes of a row.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error>;

    /// Shows the rows above `after`, first to last, until `visit` answers false.
    ///
    /// # Errors
    /// As a store's reads; [`Error::Engine`] too once the store was opened again after a full disk.
    fn scan(&self, after: &[u8], visit: &mut dyn FnMut(Bytes, Bytes) -> bool) -> Result<(), Error>;
}

/// Of a store in memory.
pub(crate) struct FrozenMap(pub Arc<BTreeMap<Bytes, Bytes>>);

impl Frozen for FrozenMap {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, after: &[u8], visit: &mut dyn FnMut(Bytes, Bytes) -> bool) -> Result<(), Error> {
        let span = (Bound::Excluded(Bytes::copy_from_slice(after)), Bound::Unbounded);
        let mut rows = self.0.range(span);
        while let Some((key, value)) = rows.next()
            && visit(key.clone(), value.clone())
        {}
        Ok(())
    }
}
