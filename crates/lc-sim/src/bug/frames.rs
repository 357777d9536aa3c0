//! What bugs do to frames, as they leave and as they arrive.

use bytes::Bytes;
use lc_core::{Dot, VersionVector};
use lc_crdt::KeyRows;
use lc_member::Frame;
use lc_member::wire::{self, Answer, Ask};
use lc_repl::Message;

use super::Bug;
use super::ranges::Question;

/// What a frame finds where it arrives.
pub(crate) struct Arrival {
    /// The receiver's last write.
    pub receiver: Dot,
    /// The last heartbeat that the receiver sent to this sender.
    pub pulse: Option<u64>,
    /// The receiver's wall clock.
    pub wall_ms: u64,
    /// The last question for records that the receiver asked this sender.
    pub question: Option<Question>,
    /// What the sender has applied.
    pub sender_applied: VersionVector,
}

/// When a heartbeat was sent, by its sender's clock.
pub(crate) fn pulse_of(frame: &Bytes) -> Option<u64> {
    match wire::decode(frame.clone()) {
        Ok(Frame::Control(Message::Have { pulse, .. })) => Some(pulse.sent_ns),
        _ => None,
    }
}

impl Bug {
    /// A frame as it leaves region `from`.
    pub(crate) fn change_sent(self, from: usize, frame: Bytes) -> Bytes {
        match wire::decode(frame.clone()) {
            Ok(Frame::Entries { entries, urgent }) => {
                let changed = entries.into_iter().filter_map(|bytes| {
                    let entry = self.change_entry(lc_crdt::Entry::decode(bytes).ok()?)?;
                    let mut out = Vec::new();
                    entry.encode(&mut out);
                    Some(Bytes::from(out))
                });
                wire::encode(&Message::Entries { entries: changed.collect(), urgent })
            }
            Ok(Frame::Control(message)) => wire::encode(&self.change_control(message)),
            Ok(Frame::Ranges(message)) => wire::encode_ranges(&self.change_ranges(message)),
            Ok(Frame::Ask { id, ask: Ask::Read { words, fresh_ms, .. } }) if self == Bug::QuestionForgetsSession => {
                let covers = VersionVector::new();
                wire::encode_ask(id, &Ask::Read { words, covers, fresh_ms })
            }
            Ok(Frame::Answer { id, answer: Answer::Rows { applied, rows } }) => {
                self.change_rows(from, id, applied, rows).unwrap_or(frame)
            }
            _ => frame,
        }
    }

    fn change_control(self, message: Message) -> Message {
        match message {
            Message::Hello { replica, durable, placement, journal } => {
                let more = if self == Bug::GreetingClaimsMore { 3 } else { 0 };
                let durable = durable.iter().map(|(replica, seq)| (replica, seq + more)).collect();
                Message::Hello { replica, durable, placement, journal: self.change_journal(journal) }
            }
            Message::Have { replica, durable, placement, journal, applied, hlc, pulse, known } => {
                let journal = self.change_journal(journal);
                Message::Have { replica, durable, placement, journal, applied, hlc, pulse, known }
            }
            message => message,
        }
    }

    fn change_rows(self, from: usize, id: u64, applied: VersionVector, rows: Vec<KeyRows>) -> Option<Bytes> {
        let answer = match self {
            // The join takes what this side lacks for removed.
            Bug::AnswerWithoutRows if from == 0 => {
                Answer::Rows { applied, rows: rows.iter().map(|_| KeyRows::default()).collect() }
            }
            // The join does not know what this side has removed.
            Bug::AnswerWithoutVector => Answer::Rows { applied: VersionVector::new(), rows },
            _ => return None,
        };
        Some(wire::encode_answer(id, &answer))
    }

    /// A frame as it arrives.
    pub(crate) fn change_arrived(self, frame: Bytes, arrival: &Arrival) -> Bytes {
        if matches!(self, Bug::RecordsClaimLess | Bug::SumsAlwaysEqual | Bug::SumsOfNow)
            && let Ok(Frame::Ranges(message)) = wire::decode(frame.clone())
        {
            let message = self.change_arrived_ranges(message, arrival.question.as_ref(), &arrival.sender_applied);
            return wire::encode_ranges(&message);
        }
        if !matches!(self, Bug::LateHeartbeatIsNew | Bug::PeerClaimsMore | Bug::ClocksNeverApart) {
            return frame;
        }
        let Ok(Frame::Control(Message::Have {
            replica,
            mut durable,
            placement,
            journal,
            applied,
            hlc,
            mut pulse,
            known,
        })) = wire::decode(frame.clone())
        else {
            return frame;
        };
        match self {
            Bug::LateHeartbeatIsNew => pulse.echo = arrival.pulse.map(|sent_ns| (sent_ns, 0)),
            Bug::ClocksNeverApart => pulse.wall_ms = arrival.wall_ms,
            _ => durable.raise(arrival.receiver.replica, arrival.receiver.seq),
        }
        wire::encode(&Message::Have { replica, durable, placement, journal, applied, hlc, pulse, known })
    }
}
