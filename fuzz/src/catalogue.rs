//! The catalogue: commands and snapshots as bytes. What applies leaves a catalogue whose snapshot is read as the same, and
//! what any member answers can be read by the one that asked.

use lc_catalogue::{Catalogue, decode_answer, decode_command, encode_command};

/// A snapshot and a line end, then commands, one a line; without the format's version byte, which is always 1.
///
/// # Panics
/// If a catalogue does not survive its snapshot, or an answer or a command does not survive being written.
pub fn run(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let snapshot = versioned(lines.next().unwrap_or_default());
    let mut catalogue = Catalogue::restore(&snapshot).unwrap_or_default();
    survives(&catalogue);
    for line in lines.take(COMMANDS_MAX) {
        let bytes = versioned(line);
        if let Ok(command) = decode_command(&bytes) {
            assert_eq!(decode_command(&encode_command(&command)).as_ref(), Ok(&command));
            let foreseen = catalogue.preview(&command).is_ok();
            let before = catalogue.clone();
            let applied = catalogue.clone().apply(&command);
            assert!(!foreseen || applied.is_ok(), "what preview promises, apply keeps");
            assert!(applied.is_ok() || before == catalogue, "what is refused leaves no trace");
        }
        let answer = catalogue.apply_bytes(&bytes);
        decode_answer(&answer).expect("an answer of ours is read by others").ok();
    }
    survives(&catalogue);
}

fn survives(catalogue: &Catalogue) {
    let again = Catalogue::restore(&catalogue.snapshot()).expect("a snapshot of ours is read");
    assert!(again == *catalogue, "a catalogue survives its snapshot");
    let _ = (catalogue.tables(), catalogue.topology(), catalogue.session_keys());
}

fn versioned(json: &[u8]) -> Vec<u8> {
    [&[1], json].concat()
}

const COMMANDS_MAX: usize = 32;
