//! The bytes of what frames and log records share: log ids, votes, members, entries.

use std::collections::{BTreeMap, BTreeSet};

use lc_core::wire::{Malformed, Reader, put_bytes, put_varint};
use openraft::vote::{RaftLeaderId, leader_id_std};
use openraft::{EntryPayload, Vote};

use crate::type_config::{Ballot, Command, LogEntry, LogId, Members, SnapshotMeta, StoredMembers};

type Read<T> = Result<T, Malformed>;

pub(crate) fn put_log_id(out: &mut Vec<u8>, id: &LogId) {
    put_varint(out, id.leader_id.term);
    put_varint(out, id.index);
}

pub(crate) fn log_id(reader: &mut Reader) -> Read<LogId> {
    let term = reader.bounded(NUMBER_MAX, "term")?;
    let index = reader.bounded(NUMBER_MAX, "index")?;
    Ok(LogId::new_term_index(term, index))
}

pub(crate) fn put_some_log_id(out: &mut Vec<u8>, id: Option<&LogId>) {
    out.push(u8::from(id.is_some()));
    if let Some(id) = id {
        put_log_id(out, id);
    }
}

pub(crate) fn some_log_id(reader: &mut Reader) -> Read<Option<LogId>> {
    if flag(reader, "log id")? { log_id(reader).map(Some) } else { Ok(None) }
}

pub(crate) fn put_vote(out: &mut Vec<u8>, vote: &Ballot) {
    put_varint(out, vote.leader_id.term);
    put_varint(out, u64::from(vote.leader_id.voted_for));
    out.push(u8::from(vote.committed));
}

pub(crate) fn vote(reader: &mut Reader) -> Read<Ballot> {
    let term = reader.bounded(NUMBER_MAX, "term")?;
    let voted_for = node(reader)?;
    let committed = flag(reader, "vote")?;
    Ok(Vote { leader_id: leader_id_std::LeaderId::new(term, voted_for), committed })
}

pub(crate) fn put_members(out: &mut Vec<u8>, members: &Members) {
    put_varint(out, members.get_joint_config().len() as u64);
    for voters in members.get_joint_config() {
        put_nodes(out, voters.iter());
    }
    put_nodes(out, members.nodes().map(|(node, ())| node));
}

pub(crate) fn members(reader: &mut Reader) -> Read<Members> {
    let sets = reader.bounded(VOTER_SETS_MAX, "sets of voters")?;
    let voters = (0..sets).map(|_| nodes(reader)).collect::<Read<Vec<_>>>()?;
    let all: BTreeMap<u16, ()> = nodes(reader)?.into_iter().map(|node| (node, ())).collect();
    Members::new(voters, all).map_err(|_| Malformed::OutOfBounds("members"))
}

pub(crate) fn put_stored_members(out: &mut Vec<u8>, stored: &StoredMembers) {
    put_some_log_id(out, stored.log_id().as_ref());
    put_members(out, stored.membership());
}

pub(crate) fn stored_members(reader: &mut Reader) -> Read<StoredMembers> {
    let at = some_log_id(reader)?;
    Ok(StoredMembers::new(at, members(reader)?))
}

pub(crate) fn put_snapshot_meta(out: &mut Vec<u8>, meta: &SnapshotMeta) {
    put_some_log_id(out, meta.last_log_id.as_ref());
    put_stored_members(out, &meta.last_membership);
}

pub(crate) fn snapshot_meta(reader: &mut Reader) -> Read<SnapshotMeta> {
    let last_log_id = some_log_id(reader)?;
    Ok(SnapshotMeta { last_log_id, last_membership: stored_members(reader)? })
}

pub(crate) fn put_entry(out: &mut Vec<u8>, entry: &LogEntry) {
    put_log_id(out, &entry.log_id);
    match &entry.payload {
        EntryPayload::Blank => out.push(BLANK),
        EntryPayload::Normal(command) => {
            out.push(COMMAND);
            put_bytes(out, &command.0);
        }
        EntryPayload::Membership(members) => {
            out.push(MEMBERS);
            put_members(out, members);
        }
    }
}

pub(crate) fn entry(reader: &mut Reader) -> Read<LogEntry> {
    let log_id = log_id(reader)?;
    let payload = match reader.byte("entry")? {
        BLANK => EntryPayload::Blank,
        COMMAND => EntryPayload::Normal(Command(reader.bytes(usize::MAX, "command")?)),
        MEMBERS => EntryPayload::Membership(members(reader)?),
        _ => return Err(Malformed::Unknown("entry")),
    };
    Ok(LogEntry { log_id, payload })
}

/// About what an entry takes in memory and on disk.
pub(crate) fn entry_bytes(entry: &LogEntry) -> u64 {
    let payload = match &entry.payload {
        EntryPayload::Normal(command) => command.0.len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    };
    payload as u64 + ENTRY_COST_BYTES
}

pub(crate) fn node(reader: &mut Reader) -> Read<u16> {
    let node = reader.bounded(u64::from(u16::MAX), "node")?;
    Ok(u16::try_from(node).expect("bounded to 16 bits"))
}

pub(crate) fn flag(reader: &mut Reader, what: &'static str) -> Read<bool> {
    match reader.byte(what)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::Unknown(what)),
    }
}

fn put_nodes<'a>(out: &mut Vec<u8>, nodes: impl Iterator<Item = &'a u16>) {
    let nodes: Vec<u16> = nodes.copied().collect();
    put_varint(out, nodes.len() as u64);
    for node in nodes {
        put_varint(out, u64::from(node));
    }
}

fn nodes(reader: &mut Reader) -> Read<BTreeSet<u16>> {
    let count = reader.bounded(u64::from(u16::MAX), "nodes")?;
    (0..count).map(|_| node(reader)).collect()
}

/// Terms and indexes are incremented without a look, so a peer must not be able to bring them near the end.
const NUMBER_MAX: u64 = 1 << 62;
/// One set, or the old and the new one during a change; openraft may join a third.
const VOTER_SETS_MAX: u64 = 4;
const ENTRY_COST_BYTES: u64 = 64;
const BLANK: u8 = 0;
const COMMAND: u8 = 1;
const MEMBERS: u8 = 2;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;

    use super::{
        Command, EntryPayload, LogEntry, LogId, Members, Reader, SnapshotMeta, StoredMembers, entry, members,
        put_entry, put_members, put_snapshot_meta, put_vote, snapshot_meta, vote,
    };
    use crate::type_config::Ballot;

    fn some_members() -> Members {
        Members::new_with_defaults(vec![BTreeSet::from([1, 2, 3]), BTreeSet::from([2, 3, 4])], [9])
    }

    #[test]
    fn entries_votes_and_members_come_back_as_they_went() {
        let payloads = [
            EntryPayload::Blank,
            EntryPayload::Normal(Command(Bytes::from_static(b"set"))),
            EntryPayload::Membership(some_members()),
        ];
        for (index, payload) in payloads.into_iter().enumerate() {
            let sent = LogEntry { log_id: LogId::new_term_index(7, index as u64), payload };
            let mut out = Vec::new();
            put_entry(&mut out, &sent);
            let mut reader = Reader::new(Bytes::from(out));
            assert_eq!(entry(&mut reader), Ok(sent));
            reader.end("entry").unwrap();
        }
        for sent in [Ballot::new(3, 2), Ballot::new_committed(4, 65_535)] {
            let mut out = Vec::new();
            put_vote(&mut out, &sent);
            assert_eq!(vote(&mut Reader::new(Bytes::from(out))), Ok(sent));
        }
        let at = LogId::new_term_index(2, 8);
        let sent = SnapshotMeta { last_log_id: Some(at), last_membership: StoredMembers::new(None, some_members()) };
        let mut out = Vec::new();
        put_snapshot_meta(&mut out, &sent);
        assert_eq!(snapshot_meta(&mut Reader::new(Bytes::from(out))), Ok(sent));
    }

    #[test]
    fn a_voter_that_is_no_member_and_a_term_near_the_end_are_refused() {
        let mut out = Vec::new();
        put_members(&mut out, &some_members());
        let last = out.len() - 1;
        out[last] = 8;
        out[last - 1] = 8;
        assert!(members(&mut Reader::new(Bytes::from(out))).is_err());
        let mut out = Vec::new();
        put_vote(&mut out, &Ballot::new(u64::MAX, 1));
        assert!(vote(&mut Reader::new(Bytes::from(out))).is_err());
    }
}
