//! What names and texts may look like. They stand in certificates, keys, paths, logs and terminals.

use std::net::SocketAddr;

use crate::limits;
use crate::{Command, Refused};

/// A cluster, a region or a jurisdiction: as it can stand in a certificate.
pub(crate) fn check_place(what: &'static str, name: &str) -> Result<(), Refused> {
    let fits = (1..=limits::PLACE_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fits {
        return Ok(());
    }
    let right = format!("1 to {} of a-z, 0-9 and -, not beginning or ending with -", limits::PLACE_NAME_BYTES_MAX);
    Err(Refused::Name { what: what.to_owned(), name: shown(name), right })
}

/// A table: what stands before the first `:` of its keys.
pub(crate) fn check_table(name: &str) -> Result<(), Refused> {
    let fits = (1..=limits::TABLE_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
        && name.starts_with(|first: char| first.is_ascii_lowercase());
    if fits {
        return Ok(());
    }
    let right = format!("1 to {} of a-z, 0-9, - _ and ., beginning with a letter", limits::TABLE_NAME_BYTES_MAX);
    Err(Refused::Name { what: "table".to_owned(), name: shown(name), right })
}

/// `host:port`, of characters that can be printed.
pub(crate) fn check_address(address: &str) -> Result<(), Refused> {
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
    let fits = address.len() <= limits::ADDRESS_BYTES_MAX
        && address.bytes().all(|byte| byte.is_ascii_graphic())
        && port.and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port > 0);
    if fits {
        return Ok(());
    }
    let right = format!("host:port of at most {} characters", limits::ADDRESS_BYTES_MAX);
    Err(Refused::Name { what: "link address".to_owned(), name: shown(address), right })
}

/// An address in the one way to write it, to compare it with others; `None` for one that no other node can reach.
pub(crate) fn reachable(address: &str) -> Option<String> {
    match address.parse::<SocketAddr>() {
        Ok(socket) if socket.ip().is_unspecified() => None,
        Ok(socket) => Some(socket.to_string()),
        Err(_) => Some(address.to_ascii_lowercase()),
    }
}

/// Who proposed the command.
pub(crate) fn check_actor(command: &Command) -> Result<(), Refused> {
    check_text("actor", &command.actor, limits::ACTOR_BYTES_MAX)
}

/// Free text for people, in one line.
pub(crate) fn check_text(what: &'static str, text: &str, bytes_max: usize) -> Result<(), Refused> {
    if text.len() <= bytes_max && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let right = format!("at most {bytes_max} bytes in one line");
    Err(Refused::Name { what: what.to_owned(), name: shown(text), right })
}

/// A wrong name as it may stand in an answer: short, in one line.
pub(crate) fn shown(text: &str) -> String {
    let short: String = text.chars().take(SHOWN_CHARS_MAX).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() { format!("{short}…") } else { short }
}

const SHOWN_CHARS_MAX: usize = 80;

#[cfg(test)]
mod tests {
    use super::{check_address, check_place, check_table, check_text, reachable};

    #[test]
    fn a_table_s_name_begins_with_a_letter_and_has_no_colon() {
        for right in ["a", "carts", "eu.carts-2_old", &"a".repeat(64)] {
            assert_eq!(check_table(right), Ok(()), "{right}");
        }
        for wrong in ["", "1st", "-a", "a:b", "Carts", "a b", "ä", "a\n", &"a".repeat(65)] {
            check_table(wrong).expect_err(wrong);
        }
        assert_eq!(
            check_table("a:b").expect_err("a colon").to_string(),
            "table \"a:b\" cannot be one: 1 to 64 of a-z, 0-9, - _ and ., beginning with a letter"
        );
    }

    #[test]
    fn a_region_s_name_can_stand_in_a_certificate() {
        for right in ["us-east", "7", &"a".repeat(40)] {
            assert_eq!(check_place("region", right), Ok(()), "{right}");
        }
        for wrong in ["", "-a", "a-", "a_b", "A", "a.b", &"a".repeat(41)] {
            check_place("region", wrong).expect_err(wrong);
        }
    }

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for right in ["10.0.0.1:7379", "[::1]:1", "node.example:65535"] {
            assert_eq!(check_address(right), Ok(()), "{right}");
        }
        for wrong in ["", ":1", "a:", "a:0", "a:65536", "a b:1", "a", "a\u{1b}:1"] {
            check_address(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn one_address_is_one_however_it_is_written() {
        assert_eq!(reachable("[0:0::1]:7"), reachable("[::1]:7"));
        assert_eq!(reachable("Node.Example:7"), reachable("node.example:7"));
        assert_ne!(reachable("10.0.0.1:7"), reachable("10.0.0.1:8"));
        assert_eq!((reachable("0.0.0.0:7"), reachable("[::]:7")), (None, None));
    }

    #[test]
    fn a_refusal_never_carries_a_long_or_unprintable_name_on() {
        let error = check_text("note", &"\u{1b}[2J".repeat(1000), 512).expect_err("long").to_string();
        assert!(error.len() < 200 && !error.contains('\u{1b}'), "{error}");
    }
}
