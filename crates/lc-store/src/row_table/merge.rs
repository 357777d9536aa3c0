//! One ordered scan over all layers: the newest layer that knows a row decides, and removed rows are left out.

use std::cmp::Ordering;

use bytes::Bytes;

use super::dirty::{Dirty, Range};
use crate::store::is_span;
use crate::{Error, Row, RowChange, RowIter, Store};

pub(super) struct Layers<'a, S: ?Sized> {
    pub active: &'a Dirty,
    pub frozen: Option<&'a Dirty>,
    pub store: &'a S,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Up,
    Down,
}

pub(super) fn merge<'a, S: Store + ?Sized>(
    layers: &Layers<'a, S>,
    order: Order,
    from: &[u8],
    to: Option<&[u8]>,
) -> RowIter<'a> {
    if !is_span(from, to) {
        return Box::new(std::iter::empty());
    }
    let store = match order {
        Order::Up => layers.store.scan(from, to),
        Order::Down => layers.store.scan_back(from, to),
    };
    let active = Layer::dirty(layers.active.range(from, to));
    let frozen = layers.frozen.map(|frozen| Layer::dirty(frozen.range(from, to)));
    let sources = [Some(active), frozen, Some(Layer { next: None, rest: Rest::Store(store) })];
    let mut merge = Merge { layers: sources.into_iter().flatten().collect(), order };
    for layer in &mut merge.layers {
        layer.advance(order);
    }
    Box::new(merge)
}

/// Layers, newest first, each with its next row at hand.
struct Merge<'a> {
    layers: Vec<Layer<'a>>,
    order: Order,
}

struct Layer<'a> {
    next: Option<Result<RowChange, Error>>,
    rest: Rest<'a>,
}

enum Rest<'a> {
    Dirty(Range<'a>),
    Store(RowIter<'a>),
}

impl<'a> Layer<'a> {
    fn dirty(range: Range<'a>) -> Layer<'a> {
        Layer { next: None, rest: Rest::Dirty(range) }
    }

    fn advance(&mut self, order: Order) {
        self.next = match &mut self.rest {
            Rest::Dirty(range) if order == Order::Up => range.next().map(Ok),
            Rest::Dirty(range) => range.next_back().map(Ok),
            Rest::Store(rows) => rows.next().map(|row| row.map(|(key, value)| (key, Some(value)))),
        };
    }

    fn key(&self) -> Option<&Bytes> {
        self.next.as_ref().and_then(|next| next.as_ref().ok()).map(|row| &row.0)
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Result<Row, Error>> {
        loop {
            let (key, value) = match self.take_next()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            if let Some(value) = value {
                return Some(Ok((key, value)));
            }
        }
    }
}

impl Merge<'_> {
    /// The next row as the newest layer has it; older layers step over theirs. After an error the scan is over.
    fn take_next(&mut self) -> Option<Result<RowChange, Error>> {
        if let Some(failed) = self.layers.iter().position(|layer| matches!(layer.next, Some(Err(_)))) {
            let error = self.layers[failed].next.take();
            self.layers.clear();
            return error;
        }
        let chosen = self.nearest()?;
        let order = self.order;
        let row = self.layers[chosen].next.take()?;
        self.layers[chosen].advance(order);
        if let Ok((key, _)) = &row {
            for layer in &mut self.layers[chosen + 1..] {
                if layer.key() == Some(key) {
                    layer.advance(order);
                }
            }
        }
        Some(row)
    }

    /// The layer with the nearest key; among equals the newest.
    fn nearest(&self) -> Option<usize> {
        let wanted = if self.order == Order::Up { Ordering::Less } else { Ordering::Greater };
        let mut best: Option<(usize, &Bytes)> = None;
        for (index, layer) in self.layers.iter().enumerate() {
            if let Some(key) = layer.key()
                && best.is_none_or(|(_, nearest)| key.cmp(nearest) == wanted)
            {
                best = Some((index, key));
            }
        }
        best.map(|(index, _)| index)
    }
}
