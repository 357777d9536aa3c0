//! Why the node refused, in the words of the HTTP door.

use lc_http::Problem;
use lc_node::control::{Refusal, RefusalKind};

/// What the HTTP door calls each kind of refusal.
pub fn problem(refusal: Refusal) -> Problem {
    let text = refusal.text;
    match refusal.kind {
        RefusalKind::Invalid => Problem::invalid(text),
        RefusalKind::NotFound => Problem::not_found(text),
        // The path's own table is looked up by the door; what else names a table says it itself.
        RefusalKind::NoSuchTable => Problem::not_found(text),
        RefusalKind::Exists => Problem::already_exists(text),
        RefusalKind::Conflict => Problem::conflict(text),
        RefusalKind::UnderWay => Problem::repair_under_way(text),
        RefusalKind::CatchingUp => Problem::catching_up(text),
        RefusalKind::Unreachable => Problem::unreachable(text),
        RefusalKind::Token => Problem::bad_token(text),
        RefusalKind::Policy => Problem::refused(text),
        RefusalKind::NotYet => Problem::not_yet(text),
        RefusalKind::NotOffered => Problem::not_offered(text),
        RefusalKind::Unavailable | RefusalKind::Unknown => Problem::unavailable(text),
    }
}
