//! Placeholder while the join is being written.
#![allow(missing_docs)]
use bytes::Bytes;
use lc_core::VersionVector;
use lc_core::wire::{Malformed, Reader};

use crate::{Kind, RowError, Rows};

#[derive(Clone, PartialEq, Debug, Default)]
pub struct KeyRows {
    pub head: Option<Bytes>,
    pub elements: Vec<(Kind, Bytes, Bytes)>,
}
impl KeyRows {
    pub fn read(_rows: &dyn Rows, _key: &[u8], _max: usize) -> Result<KeyRows, RowError> {
        Ok(KeyRows::default())
    }
    pub fn encode(&self, _out: &mut Vec<u8>) {}
    pub fn decode(_reader: &mut Reader) -> Result<KeyRows, Malformed> {
        Ok(KeyRows::default())
    }
}
#[derive(Default)]
pub struct JoinedKeys {}
impl JoinedKeys {
    pub fn add(&mut self, _key: &[u8], _sides: &[(&VersionVector, &KeyRows)]) -> Result<(), RowError> {
        Ok(())
    }
}
impl Rows for JoinedKeys {
    fn get(&self, _row: &[u8]) -> Result<Option<Bytes>, RowError> {
        Ok(None)
    }
    fn scan(&self, _: &[u8], _: &[u8], _: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        Ok(())
    }
    fn replace(&mut self, _: Vec<u8>, _: Option<&Bytes>, _: Option<Bytes>) {}
    fn touched(&mut self, _: Option<&[u8]>) {}
}
