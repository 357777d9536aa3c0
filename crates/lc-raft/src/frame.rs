//! What members send each other.
//!
//! ```text
//! frame = 9 kind name body        name: the sender's for its request, the same in the answer
//! ```

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader, put_varint};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest, VoteResponse};

use crate::codec;
use crate::type_config::{Ballot, SnapshotMeta, Types};

/// The first byte of every frame of this room; others have theirs.
pub const RAFT_FRAME: u8 = 9;

/// A request or an answer.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    Request(u64, Request),
    Answer(u64, Answer),
}

#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// The `seq`th append of a stream.
    Append {
        seq: u64,
        append: AppendEntriesRequest<Types>,
    },
    Vote(VoteRequest<Types>),
    /// Would you vote for me? Changes nothing.
    PreVote(VoteRequest<Types>),
    Snapshot {
        vote: Ballot,
        meta: SnapshotMeta,
        data: Bytes,
    },
    Transfer(TransferLeaderRequest<Types>),
    /// Do this as the leader, within so many milliseconds.
    Ask {
        timeout_ms: u64,
        ask: Ask,
    },
}

/// What only a leader can do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ask {
    Propose(Bytes),
    /// Confirm that you lead, and say up to where a reader must have applied.
    Read,
    Add(u16),
    Remove(u16),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Append {
        seq: u64,
        outcome: AppendEntriesResponse<Types>,
    },
    /// To a vote or a pre-vote.
    Vote(VoteResponse<Types>),
    /// The receiver's vote once it has the snapshot.
    Snapshot(Ballot),
    Transfer(bool),
    Verdict(Verdict),
}

/// How asking a leader ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Done(Bytes),
    /// Nothing was done; perhaps that one leads.
    NotLeader(Option<u16>),
    /// Nothing was done: the leader does not reach a majority.
    NoQuorum,
    Unknown,
    /// Nothing was done: another change of members is under way.
    Again,
    /// Nothing was done: the log is too long.
    Full,
    /// Nothing was done, and never will be.
    Refused(String),
}

impl Frame {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = vec![RAFT_FRAME];
        match self {
            Frame::Request(name, request) => request.put(&mut out, *name),
            Frame::Answer(name, answer) => answer.put(&mut out, *name),
        }
        Bytes::from(out)
    }

    pub(crate) fn decode(frame: Bytes) -> Result<Frame, Malformed> {
        let mut reader = Reader::new(frame);
        if reader.byte("frame")? != RAFT_FRAME {
            return Err(Malformed::Unknown("frame"));
        }
        let kind = reader.byte("kind")?;
        let name = reader.varint("name")?;
        if kind < FIRST_ANSWER {
            Ok(Frame::Request(name, Request::read(kind, reader)?))
        } else {
            Ok(Frame::Answer(name, Answer::read(kind, reader)?))
        }
    }
}

impl Request {
    fn put(&self, out: &mut Vec<u8>, name: u64) {
        out.push(self.kind());
        put_varint(out, name);
        match self {
            Request::Append { seq, append } => put_append(out, *seq, append),
            Request::Vote(request) | Request::PreVote(request) => {
                codec::put_vote(out, &request.vote);
                codec::put_some_log_id(out, request.last_log_id.as_ref());
                out.push(u8::from(request.leadership_transfer));
            }
            Request::Snapshot { vote, meta, data } => {
                codec::put_vote(out, vote);
                codec::put_snapshot_meta(out, meta);
                out.extend_from_slice(data);
            }
            Request::Transfer(request) => {
                codec::put_vote(out, request.from_leader());
                put_varint(out, u64::from(*request.to_node_id()));
                codec::put_some_log_id(out, request.last_log_id());
            }
            Request::Ask { timeout_ms, ask } => {
                put_varint(out, *timeout_ms);
                ask.put(out);
            }
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Request::Append { .. } => 1,
            Request::Vote(_) => 2,
            Request::PreVote(_) => 3,
            Request::Snapshot { .. } => 4,
            Request::Transfer(_) => 5,
            Request::Ask { .. } => 6,
        }
    }

    fn read(kind: u8, mut reader: Reader) -> Result<Request, Malformed> {
        let request = match kind {
            1 => append(&mut reader)?,
            2 => Request::Vote(ballot(&mut reader)?),
            3 => Request::PreVote(ballot(&mut reader)?),
            4 => {
                let vote = codec::vote(&mut reader)?;
                let meta = codec::snapshot_meta(&mut reader)?;
                return Ok(Request::Snapshot { vote, meta, data: reader.rest() });
            }
            5 => {
                let from = codec::vote(&mut reader)?;
                let to = codec::node(&mut reader)?;
                Request::Transfer(TransferLeaderRequest::new(from, to, codec::some_log_id(&mut reader)?))
            }
            6 => {
                let timeout_ms = reader.bounded(TIMEOUT_MS_MAX, "timeout")?;
                return Ok(Request::Ask { timeout_ms, ask: Ask::read(reader)? });
            }
            _ => return Err(Malformed::Unknown("kind")),
        };
        reader.end("request").map(|()| request)
    }
}

impl Ask {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Ask::Propose(command) => {
                out.push(1);
                out.extend_from_slice(command);
            }
            Ask::Read => out.push(2),
            Ask::Add(node) => {
                out.push(3);
                put_varint(out, u64::from(*node));
            }
            Ask::Remove(node) => {
                out.push(4);
                put_varint(out, u64::from(*node));
            }
        }
    }

    fn read(mut reader: Reader) -> Result<Ask, Malformed> {
        let ask = match reader.byte("ask")? {
            1 => return Ok(Ask::Propose(reader.rest())),
            2 => Ask::Read,
            3 => Ask::Add(codec::node(&mut reader)?),
            4 => Ask::Remove(codec::node(&mut reader)?),
            _ => return Err(Malformed::Unknown("ask")),
        };
        reader.end("ask").map(|()| ask)
    }
}

impl Answer {
    fn put(&self, out: &mut Vec<u8>, name: u64) {
        out.push(self.kind());
        put_varint(out, name);
        match self {
            Answer::Append { seq, outcome } => put_appended(out, *seq, outcome),
            Answer::Vote(response) => {
                codec::put_vote(out, &response.vote);
                out.push(u8::from(response.vote_granted));
                codec::put_some_log_id(out, response.last_log_id.as_ref());
            }
            Answer::Snapshot(vote) => codec::put_vote(out, vote),
            Answer::Transfer(accepted) => out.push(u8::from(*accepted)),
            Answer::Verdict(verdict) => verdict.put(out),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Answer::Append { .. } => FIRST_ANSWER,
            Answer::Vote(_) => FIRST_ANSWER + 1,
            Answer::Snapshot(_) => FIRST_ANSWER + 2,
            Answer::Transfer(_) => FIRST_ANSWER + 3,
            Answer::Verdict(_) => FIRST_ANSWER + 4,
        }
    }

    fn read(kind: u8, mut reader: Reader) -> Result<Answer, Malformed> {
        let answer = match kind - FIRST_ANSWER {
            0 => appended(&mut reader)?,
            1 => {
                let vote = codec::vote(&mut reader)?;
                let granted = codec::flag(&mut reader, "granted")?;
                Answer::Vote(VoteResponse::new(vote, codec::some_log_id(&mut reader)?, granted))
            }
            2 => Answer::Snapshot(codec::vote(&mut reader)?),
            3 => Answer::Transfer(codec::flag(&mut reader, "transfer")?),
            4 => return Verdict::read(reader).map(Answer::Verdict),
            _ => return Err(Malformed::Unknown("kind")),
        };
        reader.end("answer").map(|()| answer)
    }
}

impl Verdict {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Verdict::Done(answer) => {
                out.push(0);
                out.extend_from_slice(answer);
            }
            Verdict::NotLeader(leader) => {
                out.push(1);
                put_varint(out, u64::from(leader.unwrap_or(0)));
            }
            Verdict::NoQuorum => out.push(2),
            Verdict::Unknown => out.push(3),
            Verdict::Again => out.push(4),
            Verdict::Full => out.push(5),
            Verdict::Refused(why) => {
                out.push(6);
                out.extend_from_slice(why.as_bytes());
            }
        }
    }

    fn read(mut reader: Reader) -> Result<Verdict, Malformed> {
        let verdict = match reader.byte("verdict")? {
            0 => return Ok(Verdict::Done(reader.rest())),
            // Member 0 does not exist.
            1 => Verdict::NotLeader(Some(codec::node(&mut reader)?).filter(|node| *node != 0)),
            2 => Verdict::NoQuorum,
            3 => Verdict::Unknown,
            4 => Verdict::Again,
            5 => Verdict::Full,
            6 => return Ok(Verdict::Refused(String::from_utf8_lossy(&reader.rest()).into_owned())),
            _ => return Err(Malformed::Unknown("verdict")),
        };
        reader.end("verdict").map(|()| verdict)
    }
}

fn put_append(out: &mut Vec<u8>, seq: u64, append: &AppendEntriesRequest<Types>) {
    put_varint(out, seq);
    codec::put_vote(out, &append.vote);
    codec::put_some_log_id(out, append.prev_log_id.as_ref());
    codec::put_some_log_id(out, append.leader_commit.as_ref());
    put_varint(out, append.entries.len() as u64);
    for entry in &append.entries {
        codec::put_entry(out, entry);
    }
}

fn append(reader: &mut Reader) -> Result<Request, Malformed> {
    let seq = reader.varint("seq")?;
    let vote = codec::vote(reader)?;
    let prev_log_id = codec::some_log_id(reader)?;
    let leader_commit = codec::some_log_id(reader)?;
    // An entry takes at least three bytes, so the count cannot ask for more memory than the frame took.
    let count = reader.bounded(reader.remaining() as u64 / 3, "entries")?;
    let entries = (0..count).map(|_| codec::entry(reader)).collect::<Result<Vec<_>, Malformed>>()?;
    Ok(Request::Append { seq, append: AppendEntriesRequest { vote, prev_log_id, entries, leader_commit } })
}

fn ballot(reader: &mut Reader) -> Result<VoteRequest<Types>, Malformed> {
    let vote = codec::vote(reader)?;
    let mut request = VoteRequest::new(vote, codec::some_log_id(reader)?);
    request.leadership_transfer = codec::flag(reader, "transfer")?;
    Ok(request)
}

fn put_appended(out: &mut Vec<u8>, seq: u64, outcome: &AppendEntriesResponse<Types>) {
    put_varint(out, seq);
    match outcome {
        AppendEntriesResponse::Success => out.push(0),
        AppendEntriesResponse::PartialSuccess(last) => {
            out.push(1);
            codec::put_some_log_id(out, last.as_ref());
        }
        AppendEntriesResponse::Conflict => out.push(2),
        AppendEntriesResponse::HigherVote(vote) => {
            out.push(3);
            codec::put_vote(out, vote);
        }
    }
}

fn appended(reader: &mut Reader) -> Result<Answer, Malformed> {
    let seq = reader.varint("seq")?;
    let outcome = match reader.byte("outcome")? {
        0 => AppendEntriesResponse::Success,
        1 => AppendEntriesResponse::PartialSuccess(codec::some_log_id(reader)?),
        2 => AppendEntriesResponse::Conflict,
        3 => AppendEntriesResponse::HigherVote(codec::vote(reader)?),
        _ => return Err(Malformed::Unknown("outcome")),
    };
    Ok(Answer::Append { seq, outcome })
}

const FIRST_ANSWER: u8 = 64;
/// A day; what a peer asks for must not hold a task for ever.
const TIMEOUT_MS_MAX: u64 = 24 * 3600 * 1000;

#[cfg(test)]
mod tests;
