//! Frames between members: what decodes is written and read again as the same.

use bytes::Bytes;
use lc_member::wire::{self, Frame};
use lc_repl::Message;

use crate::entries::{Applied, decoded};

/// One frame; its entries are applied, if they fit.
///
/// # Panics
/// If a frame changes when it is written and read.
pub fn run(data: &[u8]) {
    let Ok(frame) = wire::decode(Bytes::copy_from_slice(data)) else { return };
    if let Frame::Entries { entries, .. } = &frame {
        let mut applied = Applied::default();
        entries.iter().filter_map(|entry| decoded(entry)).for_each(|entry| applied.take(&entry));
        applied.check();
    }
    let once = written(frame);
    let back = wire::decode(once.clone()).expect("a frame that was written is read");
    assert_eq!(once, written(back), "a frame survives being written");
}

fn written(frame: Frame) -> Bytes {
    match frame {
        Frame::Control(message) => wire::encode(&message),
        Frame::Entries { entries, urgent } => wire::encode(&Message::Entries { entries: entries.into(), urgent }),
        Frame::Ask { id, ask } => wire::encode_ask(id, &ask),
        Frame::Answer { id, answer } => wire::encode_answer(id, &answer),
        Frame::Ranges(message) => wire::encode_ranges(&message),
    }
}
