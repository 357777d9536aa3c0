//! Parameters and headers that several routes share.

use crate::parameter::{Parameter, ParameterKind};

pub(super) const SESSION: Parameter = Parameter {
    name: "Lightcone-Session",
    kind: ParameterKind::Text,
    meaning: "The token of the last reply: this request sees at least what that session has written and seen.",
};
pub(super) const ACK: Parameter = Parameter {
    name: "Lightcone-Ack",
    kind: ParameterKind::Text,
    meaning: "`local`, `regions(2)`, `majority` or `all`, in place of the table's.",
};
pub(super) const READ: Parameter = Parameter {
    name: "Lightcone-Read",
    kind: ParameterKind::Text,
    meaning: "`eventual`, `causal`, `session`, `bounded(500ms)` or `quorum(2)`, in place of the table's; `strong` is refused until a table can have one decider.",
};
pub(super) const IF_MATCH: Parameter = Parameter {
    name: "If-Match",
    kind: ParameterKind::Text,
    meaning: "Only if the record's context is this one; `*`: only if there is a record.",
};
pub(super) const IF_NONE_MATCH: Parameter =
    Parameter { name: "If-None-Match", kind: ParameterKind::Text, meaning: "`*`: only if there is no record." };
pub(super) const ACCEPT: Parameter = Parameter {
    name: "Accept",
    kind: ParameterKind::Text,
    meaning: "`application/octet-stream`: the bytes themselves, as with `raw`.",
};

/// Headers of a read.
pub(super) const READS: &[Parameter] = &[SESSION, READ];
/// Headers of a read that may answer bytes.
pub(super) const READS_VALUE: &[Parameter] = &[SESSION, READ, ACCEPT];
/// Headers of a write.
pub(super) const WRITES: &[Parameter] = &[SESSION, ACK];

pub(super) const RAW: Parameter =
    Parameter { name: "raw", kind: ParameterKind::Flag, meaning: "Answers the bytes themselves instead of JSON." };
pub(super) const CURSOR: Parameter = Parameter {
    name: "cursor",
    kind: ParameterKind::Text,
    meaning: "`next` of the page before; any node of any region takes it. None: the first page.",
};
pub(super) const MATCH: Parameter = Parameter {
    name: "match",
    kind: ParameterKind::Text,
    meaning: "Only names that fit this pattern (`*`, `?`, `[a-z]`); a page may be empty before the last.",
};
pub(super) const LIMIT: Parameter = Parameter {
    name: "limit",
    kind: ParameterKind::Whole,
    meaning: "How many to look at, 1 to 1000 (100); a page may hold a few more.",
};
pub(super) const DRY_RUN: Parameter = Parameter {
    name: "dry_run",
    kind: ParameterKind::Flag,
    meaning: "Checks everything and says what would happen; changes nothing.",
};

/// A page of names.
pub(super) const PAGE: &[Parameter] = &[CURSOR, MATCH, LIMIT];
/// Most that a page looks at.
pub(super) const LIMIT_MAX: usize = 1000;
/// What a page looks at if nothing is said.
pub(super) const LIMIT_DEFAULT: usize = 100;
