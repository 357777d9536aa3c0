//! Finding the stretches in which two replicas differ, from sums over larger to sums over smaller ones.

use bytes::Bytes;
use lc_core::{Span, VersionVector};

use super::message::{SUMS_MAX, Sums, SumsAsk};
use super::tree::{SUM_BYTES, SumTree};
use crate::Time;

/// A comparison that is going on.
#[derive(Debug)]
pub(super) struct Compare {
    table: Bytes,
    salt: u64,
    tree: SumTree,
    depth: u8,
    fan: u8,
    /// Of this depth, not asked yet; the last first.
    left: Vec<u32>,
    asked: Option<(SumsAsk, Time)>,
    /// One level further down.
    differ: Vec<u32>,
}

/// What an answer says.
#[derive(Default)]
pub(super) struct Found {
    /// Stretches in which both have the same.
    pub equal: Vec<Span>,
    /// Everything is compared: these differ.
    pub differ: Option<Vec<Span>>,
}

impl Compare {
    pub(super) fn new(table: Bytes, salt: u64, tree: SumTree) -> Compare {
        Compare { table, salt, tree, depth: 0, fan: 0, left: vec![0], asked: None, differ: Vec::new() }
    }

    /// The next question, or the last again if it was not answered for `patience`.
    pub(super) fn ask(&mut self, now: Time, patience: Time) -> Option<SumsAsk> {
        if let Some((ask, at)) = &mut self.asked {
            if now.saturating_sub(*at) < patience {
                return None;
            }
            *at = now;
            return Some(ask.clone());
        }
        let at_once = (SUMS_MAX >> self.fan).max(1).min(self.left.len());
        let prefixes: Vec<u32> = self.left.split_off(self.left.len() - at_once).into_iter().rev().collect();
        let (depth, fan, bits) = (self.depth, self.fan, self.tree.bits());
        let ask = SumsAsk { table: self.table.clone(), salt: self.salt, bits, depth, fan, prefixes };
        self.asked = Some((ask.clone(), now));
        Some(ask)
    }

    /// Whether this answers what was asked, and there is an answer in it.
    pub(super) fn take(&mut self, sums: &Sums) -> Option<(Found, VersionVector)> {
        let (ask, _) = self.asked.as_ref()?;
        let vector = sums.vector.clone()?;
        let fits = (sums.salt, sums.depth, sums.fan) == (ask.salt, ask.depth, ask.fan)
            && ask.prefixes.first() == Some(&sums.first)
            && sums.sums.len() == (ask.prefixes.len() << ask.fan) * SUM_BYTES;
        if !fits {
            return None;
        }
        let (ask, _) = self.asked.take()?;
        let mut found = Found::default();
        let parts = ask.prefixes.iter().flat_map(|prefix| (0..1u32 << ask.fan).map(move |at| (prefix << ask.fan) + at));
        for (part, theirs) in parts.zip(sums.sums.chunks_exact(SUM_BYTES)) {
            let depth = ask.depth + ask.fan;
            match self.tree.sum(depth, part) == theirs {
                true => append(&mut found.equal, SumTree::span(depth, part)),
                false => self.differ.push(part),
            }
        }
        if self.left.is_empty() {
            found.differ = self.descend();
        }
        Some((found, vector))
    }

    /// Goes on one level further down; gives what differs when there is nothing to be gained any more.
    fn descend(&mut self) -> Option<Vec<Span>> {
        self.depth += self.fan;
        let differ = std::mem::take(&mut self.differ);
        let most = self.depth > FAN_FIRST && differ.len() * 2 > 1 << self.depth;
        if self.depth == self.tree.bits() && self.fan + self.depth > 0 || differ.is_empty() || most {
            let mut spans = Vec::new();
            differ.iter().for_each(|&part| append(&mut spans, SumTree::span(self.depth, part)));
            return Some(spans);
        }
        if self.depth == self.tree.bits() {
            return Some(vec![Span::all()]);
        }
        self.fan = if self.depth == 0 { FAN_FIRST } else { FAN }.min(self.tree.bits() - self.depth);
        self.left = differ.into_iter().rev().collect();
        None
    }
}

/// Neighbours become one.
fn append(spans: &mut Vec<Span>, span: Span) {
    match spans.last_mut() {
        Some(last) if last.to == span.from && !span.from.is_empty() => last.to = span.to,
        _ => spans.push(span),
    }
}

/// After one sum over everything, 1024: they cost 6 KB.
const FAN_FIRST: u8 = 10;
/// Then four parts for each that differs: of all fans it costs least for what it narrows down.
const FAN: u8 = 2;
