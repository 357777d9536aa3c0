//! The kinds of problems: status, code, title and meaning of each, in one list.

use axum::http::StatusCode;

/// A kind of problem. Its code stays; its words may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kind {
    pub status: StatusCode,
    pub code: &'static str,
    pub title: &'static str,
    /// What it means to the caller, for the description.
    pub meaning: &'static str,
    /// Seconds after which the same request may succeed.
    pub retry_after_s: Option<u8>,
}

const fn kind(status: StatusCode, code: &'static str, title: &'static str, meaning: &'static str) -> Kind {
    Kind { status, code, title, meaning, retry_after_s: None }
}

/// One that passes by itself.
const fn passing(status: StatusCode, code: &'static str, title: &'static str, meaning: &'static str) -> Kind {
    Kind { status, code, title, meaning, retry_after_s: Some(1) }
}

/// The request is wrong, or what it names is not there.
impl Kind {
    pub const INVALID: Kind =
        kind(StatusCode::BAD_REQUEST, "invalid_request", "Invalid request", "Wrong, and will stay wrong.");
    pub const BAD_TOKEN: Kind = kind(
        StatusCode::BAD_REQUEST,
        "bad_token",
        "Token not accepted",
        "The token of a session or an invitation is forged, used up, of another cluster or of the future. Get a new one.",
    );
    pub const UNAUTHORIZED: Kind =
        kind(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", "The node's token is missing or wrong.");
    pub const FOREIGN_HOST: Kind = kind(
        StatusCode::FORBIDDEN,
        "foreign_host",
        "Host name not allowed",
        "Without a token, this door answers to addresses and `localhost` only.",
    );
    pub const FOREIGN_ORIGIN: Kind = kind(
        StatusCode::FORBIDDEN,
        "foreign_origin",
        "Origin not allowed",
        "Without a token, this door answers no pages of other machines.",
    );
    pub const NOT_FOUND: Kind =
        kind(StatusCode::NOT_FOUND, "not_found", "Not found", "No such path, or nothing of the name in it.");
    pub const NO_SUCH_TABLE: Kind =
        kind(StatusCode::NOT_FOUND, "no_such_table", "No such table", "No table of this name is declared here.");
    pub const NO_SUCH_RECORD: Kind =
        kind(StatusCode::NOT_FOUND, "no_such_record", "No such record", "There is no record of this key.");
    pub const NO_SUCH_ELEMENT: Kind = kind(
        StatusCode::NOT_FOUND,
        "no_such_element",
        "No such element",
        "The record has no such field or member, or there is no record.",
    );
    pub const METHOD: Kind = kind(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "Method not allowed",
        "The path knows other methods: see `Allow`.",
    );
    pub const WRONG_TYPE: Kind =
        kind(StatusCode::CONFLICT, "wrong_type", "Wrong type", "The record holds a value of another type.");
    pub const CONFLICT: Kind =
        kind(StatusCode::CONFLICT, "conflict", "Conflict", "Somebody else was first: look again, then decide.");
    pub const ALREADY_EXISTS: Kind =
        kind(StatusCode::CONFLICT, "already_exists", "Already exists", "Something of this name is there.");
    pub const REPAIR_UNDER_WAY: Kind = kind(
        StatusCode::CONFLICT,
        "repair_under_way",
        "A repair is under way",
        "This node is being repaired already: see GET /v1/repairs.",
    );
    pub const CATCHING_UP: Kind = kind(
        StatusCode::CONFLICT,
        "catching_up",
        "Catching up",
        "This node gets records from other regions already; what differs comes with them.",
    );
    pub const CHANGED: Kind = kind(
        StatusCode::PRECONDITION_FAILED,
        "changed",
        "The record is not as expected",
        "The record is not what If-Match or If-None-Match asked for; `context` and `ETag` say what it is now.",
    );
    pub const TOO_LARGE: Kind = kind(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        "Too large",
        "A key, value, body or answer is above its limit.",
    );
    pub const NOT_JSON: Kind = kind(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_json",
        "Unusable body",
        "The body's Content-Type is not one that this path takes.",
    );
    pub const REFUSED: Kind = kind(
        StatusCode::UNPROCESSABLE_ENTITY,
        "refused",
        "A promise that cannot be kept",
        "The dials contradict each other or the cluster; the detail names the nearest setting that can be kept.",
    );
    pub const TOO_MANY_TRIES: Kind = passing(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_tries",
        "Too many tries",
        "Callers who do not show the node's token tried too often, all together. Wait, or show it.",
    );
    pub const ELSEWHERE: Kind = kind(
        StatusCode::MISDIRECTED_REQUEST,
        "elsewhere",
        "Held elsewhere",
        "The table's placement leaves this region out, so its records must not come here; the detail names the regions to ask.",
    );
    pub const NOT_YET: Kind = kind(
        StatusCode::NOT_IMPLEMENTED,
        "not_yet",
        "Not yet",
        "The machinery for this setting is not built yet; the detail names the nearest one that is.",
    );
    pub const NOT_OFFERED: Kind =
        kind(StatusCode::NOT_IMPLEMENTED, "not_offered", "Not offered", "This node does not do that.");
}

/// The request may be right; the node or the cluster cannot, or not now.
impl Kind {
    pub const STOPPED: Kind = kind(
        StatusCode::INTERNAL_SERVER_ERROR,
        "stopped",
        "The node must stop",
        "Its data or its disk can no longer be trusted. Ask another node.",
    );
    pub const INTERNAL: Kind = kind(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "Internal error",
        "A defect of the node: please report it.",
    );
    pub const UNAVAILABLE: Kind =
        passing(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable", "The node cannot do it now.");
    pub const UNREACHABLE: Kind = passing(
        StatusCode::SERVICE_UNAVAILABLE,
        "unreachable",
        "Region not reached",
        "The region that this needs cannot be reached now.",
    );
    pub const RETRY: Kind =
        passing(StatusCode::SERVICE_UNAVAILABLE, "retry", "Try again", "The same request may succeed in a moment.");
    pub const BUSY: Kind = passing(
        StatusCode::SERVICE_UNAVAILABLE,
        "busy",
        "Busy",
        "Bodies on their way take all the memory set aside for them.",
    );
    pub const NO_QUORUM: Kind = passing(
        StatusCode::SERVICE_UNAVAILABLE,
        "no_quorum",
        "Too few regions answered",
        "Fewer regions answered the read than it asks for; the detail says which.",
    );
    pub const STALE: Kind = passing(
        StatusCode::SERVICE_UNAVAILABLE,
        "stale",
        "Too stale",
        "No region in reach is known to be as fresh as the read asks for.",
    );
    pub const BEHIND: Kind = passing(
        StatusCode::SERVICE_UNAVAILABLE,
        "behind",
        "Behind the session",
        "This region lacks what the session has seen, and no region in reach has it; the detail says what.",
    );
    pub const TIMEOUT: Kind =
        kind(StatusCode::GATEWAY_TIMEOUT, "timeout", "Timeout", "No answer in time. A write may still have happened.");
    pub const NO_ACK: Kind = kind(
        StatusCode::GATEWAY_TIMEOUT,
        "no_ack",
        "Too few regions have the write",
        "The detail says how many regions have the write. It is not undone: it will still arrive everywhere.",
    );

    /// Every kind, by status.
    pub const ALL: &[Kind] = &[
        Kind::INVALID,
        Kind::BAD_TOKEN,
        Kind::UNAUTHORIZED,
        Kind::FOREIGN_HOST,
        Kind::FOREIGN_ORIGIN,
        Kind::NOT_FOUND,
        Kind::NO_SUCH_TABLE,
        Kind::NO_SUCH_RECORD,
        Kind::NO_SUCH_ELEMENT,
        Kind::METHOD,
        Kind::WRONG_TYPE,
        Kind::CONFLICT,
        Kind::ALREADY_EXISTS,
        Kind::REPAIR_UNDER_WAY,
        Kind::CATCHING_UP,
        Kind::CHANGED,
        Kind::TOO_LARGE,
        Kind::NOT_JSON,
        Kind::ELSEWHERE,
        Kind::REFUSED,
        Kind::TOO_MANY_TRIES,
        Kind::STOPPED,
        Kind::INTERNAL,
        Kind::NOT_YET,
        Kind::NOT_OFFERED,
        Kind::UNAVAILABLE,
        Kind::UNREACHABLE,
        Kind::RETRY,
        Kind::BUSY,
        Kind::NO_QUORUM,
        Kind::STALE,
        Kind::BEHIND,
        Kind::TIMEOUT,
        Kind::NO_ACK,
    ];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Kind;

    #[test]
    fn every_code_names_one_kind_and_the_list_is_by_status() {
        let codes: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.code).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
        assert!(Kind::ALL.is_sorted_by_key(|kind| kind.status));
    }
}
