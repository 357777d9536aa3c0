//! The interface of a store.

use std::sync::Arc;

use bytes::Bytes;

use crate::Error;

/// A row: key and value.
pub type Row = (Bytes, Bytes);

/// Rows in order.
pub type Scan<'a> = Box<dyn Iterator<Item = Result<Row, Error>> + 'a>;

/// Rows ordered by key.
pub trait Store: Send + Sync + 'static {
    /// The value of a row.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error>;

    /// Rows from `from` on, before `to` if there is one, ascending.
    fn scan(&self, from: &[u8], to: Option<&[u8]>) -> Scan<'_>;

    /// Changes rows, all or none, and returns once that survives a crash. Ascending by key; `None` removes.
    fn commit(&self, rows: &mut dyn Iterator<Item = (Bytes, Option<Bytes>)>) -> Result<(), Error>;

    /// About how much room the rows take, bytes.
    fn approximate_bytes(&self) -> u64;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        (**self).get(key)
    }

    fn scan(&self, from: &[u8], to: Option<&[u8]>) -> Scan<'_> {
        (**self).scan(from, to)
    }

    fn commit(&self, rows: &mut dyn Iterator<Item = (Bytes, Option<Bytes>)>) -> Result<(), Error> {
        (**self).commit(rows)
    }

    fn approximate_bytes(&self) -> u64 {
        (**self).approximate_bytes()
    }
}
