//! Commands, answers and snapshots as bytes: a format version, then JSON. docs/formats/catalogue.md shows them.
//!
//! A member that would read the same command differently from the others would have another catalogue from then on. So
//! unknown fields are refused, and what is new comes with a new format version.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits;
use crate::names::shown;
use crate::{Answer, Catalogue, Change, Command, Outcome, Refused};

/// A command as it is proposed.
pub fn encode_command(command: &Command) -> Vec<u8> {
    let version = match &command.change {
        Change::Arrived { .. } => 3,
        Change::RevokeInvitation { .. } | Change::RenewNode { .. } => 2,
        // As the first release wrote them, so that its members read them.
        _ => 1,
    };
    encode(version, command)
}

/// A command as it was agreed on.
///
/// # Errors
/// [`Refused::Newer`] for one of a later release, [`Refused::Malformed`] for anything else that is no command.
pub fn decode_command(bytes: &[u8]) -> Result<Command, Refused> {
    decode("command", bytes, COMMAND_VERSION, limits::COMMAND_BYTES_MAX)
}

/// What came of a command, for whoever proposed it.
pub fn encode_answer(answer: &Result<Answer, Refused>) -> Vec<u8> {
    let version = match answer {
        Ok(Answer { outcome: Outcome::Revoked { .. } | Outcome::Renewed { .. }, .. })
        | Err(Refused::InvitationRevoked | Refused::InvitationSpent { .. } | Refused::AddressTaken { .. }) => 2,
        _ => 1,
    };
    encode(version, answer)
}

/// What came of a command, as the member that applied it says.
///
/// # Errors
/// [`Refused::Malformed`] or [`Refused::Newer`] for bytes that cannot be read: then what came of it is not known.
pub fn decode_answer(bytes: &[u8]) -> Result<Result<Answer, Refused>, Refused> {
    decode("answer", bytes, ANSWER_VERSION, limits::COMMAND_BYTES_MAX)
}

/// Everything that a catalogue knows.
pub(crate) fn encode_snapshot(catalogue: &Catalogue) -> Vec<u8> {
    // As the release before wrote it while nothing in it is new, so that its members read it.
    let version = if catalogue.has_targets() { SNAPSHOT_VERSION } else { SNAPSHOT_VERSION - 1 };
    encode(version, catalogue)
}

pub(crate) fn decode_snapshot(bytes: &[u8]) -> Result<Catalogue, Refused> {
    decode("snapshot", bytes, SNAPSHOT_VERSION, limits::SNAPSHOT_BYTES_MAX)
}

fn encode(version: u8, value: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![version];
    serde_json::to_writer(&mut bytes, value).expect("plain data, and keys are text or numbers");
    bytes
}

fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8], known: u8, bytes_max: usize) -> Result<T, Refused> {
    let malformed = |why: String| Refused::Malformed { why: shown(&why) };
    if bytes.len() > bytes_max {
        return Err(malformed(format!("{what} of {} bytes, at most {bytes_max} are read", bytes.len())));
    }
    match bytes.split_first() {
        None => Err(malformed(format!("{what} of no bytes"))),
        Some((0, _)) => Err(malformed(format!("{what} of format version 0"))),
        Some((&version, _)) if version > known => Err(Refused::Newer { what: what.to_owned(), version, known }),
        Some((_, json)) => serde_json::from_slice(json).map_err(|error| malformed(format!("{what}: {error}"))),
    }
}

/// 2: invitations are taken back. 3: regions arrive.
const COMMAND_VERSION: u8 = 3;
/// 2: what comes of that, and addresses that are taken.
const ANSWER_VERSION: u8 = 2;
/// 2: a table's versions say since when its placement stands, and invitations when they were taken back. What 1 left out is
/// 0 or never: no table left a region out then. 3: tables are on their way to regions.
const SNAPSHOT_VERSION: u8 = 3;

#[cfg(test)]
mod tests {
    use super::{decode_answer, decode_command, encode_answer, encode_command};
    use crate::{Change, Command, Refused, TokenHash};

    fn command() -> Command {
        let change = Change::RemoveRegion { region: "oslo".to_owned() };
        Command { at_ms: 7, actor: "kyiv".to_owned(), change }
    }

    #[test]
    fn a_command_s_bytes_are_a_version_and_json() {
        let bytes = encode_command(&command());
        let json = r#"{"at_ms":7,"actor":"kyiv","change":{"RemoveRegion":{"region":"oslo"}}}"#;
        assert_eq!(bytes, [&[1], json.as_bytes()].concat());
        assert_eq!(decode_command(&bytes), Ok(command()));
    }

    #[test]
    fn only_what_is_new_has_the_new_version() {
        let change = Change::RevokeInvitation { token_hash: TokenHash([1; 32]) };
        let revoke = Command { change, ..command() };
        let bytes = encode_command(&revoke);
        assert_eq!((bytes[0], decode_command(&bytes)), (2, Ok(revoke)));
        let refused = Err(Refused::InvitationRevoked);
        let bytes = encode_answer(&refused);
        assert_eq!((bytes[0], decode_answer(&bytes)), (2, Ok(refused)));
        assert_eq!(encode_answer(&Err(Refused::NoInvitation))[0], 1);
        let (table, region) = ("carts".to_owned(), "oslo".to_owned());
        let arrived = Command { change: Change::Arrived { table, region, placement_version: 7 }, ..command() };
        let bytes = encode_command(&arrived);
        assert_eq!((bytes[0], decode_command(&bytes)), (3, Ok(arrived)));
    }

    #[test]
    fn a_command_of_a_later_release_is_refused_as_such() {
        let mut bytes = encode_command(&command());
        bytes[0] = 4;
        let refused = decode_command(&bytes).expect_err("newer");
        assert!(matches!(refused, Refused::Newer { version: 4, known: 3, .. }), "{refused:?}");
    }

    #[test]
    fn a_field_that_is_not_known_is_refused_instead_of_left_out() {
        for json in [
            r#"{"at_ms":7,"actor":"kyiv","change":{"RemoveRegion":{"region":"oslo","force":true}}}"#,
            r#"{"at_ms":7,"actor":"kyiv","haste":1,"change":{"RemoveRegion":{"region":"oslo"}}}"#,
            r#"{"at_ms":7,"actor":"kyiv","change":{"PaintRegion":{"region":"oslo"}}}"#,
            r#"{"at_ms":7,"actor":"kyiv","change":{"RemoveRegion":{"region":"oslo"}}} and more"#,
            "",
        ] {
            let refused = decode_command(&[&[1], json.as_bytes()].concat()).expect_err(json);
            assert!(matches!(refused, Refused::Malformed { .. }), "{refused:?}");
        }
        assert!(matches!(decode_command(&[]), Err(Refused::Malformed { .. })));
        assert!(matches!(decode_command(&[1; 1 << 20]), Err(Refused::Malformed { .. })));
    }

    #[test]
    fn deep_json_is_refused_before_the_stack_ends() {
        let bytes = [&[1][..], &[b'['; 60_000]].concat();
        assert!(matches!(decode_command(&bytes), Err(Refused::Malformed { .. })));
    }

    #[test]
    fn a_refusal_crosses_the_wire_as_a_value() {
        let refused = Refused::TableChanged { table: "carts".to_owned(), expected: 3, version: 4 };
        assert_eq!(decode_answer(&encode_answer(&Err(refused.clone()))), Ok(Err(refused)));
        assert!(matches!(decode_answer(b"\x01{}"), Err(Refused::Malformed { .. })));
    }
}
