//! Why the control plane did not do it.

use lc_catalogue::Refused;

/// A refused request; nothing of it was done, unless its kind is `Unknown`.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// Which kind.
    pub kind: RefusalKind,
    /// What is wrong, and what would be right.
    pub text: String,
}

/// Kinds of refusals, as doors tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusalKind {
    /// The request is wrong and stays wrong.
    Invalid,
    /// What it names does not exist.
    NotFound,
    /// The table that it names is not declared.
    NoSuchTable,
    /// What it wants to make is there.
    Exists,
    /// Somebody else was first, or something stands in the way.
    Conflict,
    /// A repair goes on.
    UnderWay,
    /// Records are being got from other regions.
    CatchingUp,
    /// The region that it names cannot be reached now.
    Unreachable,
    /// A one-time token that was used or ran out.
    Token,
    /// A policy that cannot keep its promise.
    Policy,
    /// A policy whose machinery does not exist yet.
    NotYet,
    /// This node cannot do it, another may.
    NotOffered,
    /// No majority of nodes can be reached now; nothing was done.
    Unavailable,
    /// It may or may not have been done.
    Unknown,
}

impl Refusal {
    pub(crate) fn new(kind: RefusalKind, text: impl Into<String>) -> Refusal {
        Refusal { kind, text: text.into() }
    }

    pub(crate) fn invalid(text: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Invalid, text)
    }

    pub(crate) fn unavailable(text: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Unavailable, text)
    }

    /// Whether asking again, later, is no use.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self.kind, RefusalKind::Unavailable | RefusalKind::Unknown | RefusalKind::Unreachable)
    }

    pub(crate) fn of_group(error: lc_raft::Error) -> Refusal {
        let kind = match &error {
            lc_raft::Error::OutcomeUnknown { .. } => RefusalKind::Unknown,
            lc_raft::Error::TooLarge { .. } | lc_raft::Error::Refused { .. } => RefusalKind::Invalid,
            _ => RefusalKind::Unavailable,
        };
        Refusal::new(kind, format!("the catalogue: {error}; tables go on as they are"))
    }

    pub(crate) fn of_catalogue(refused: Refused) -> Refusal {
        let kind = match &refused {
            Refused::NotFounded | Refused::Newer { .. } => RefusalKind::Unavailable,
            Refused::NoSuchTable { .. } => RefusalKind::NoSuchTable,
            Refused::TableExists { .. }
            | Refused::NodeTaken { .. }
            | Refused::AddressTaken { .. }
            | Refused::InvitationExists { .. } => RefusalKind::Exists,
            Refused::NoSuchNode { .. } | Refused::NoSuchRegion { .. } => RefusalKind::NotFound,
            Refused::Founded { .. }
            | Refused::TableChanged { .. }
            | Refused::NeedsCollapse { .. }
            | Refused::KeyChanged { .. }
            | Refused::TableInTheWay { .. }
            | Refused::Reserved { .. }
            | Refused::Last { .. }
            | Refused::InvitationSpent { .. }
            | Refused::TwoDirectories { .. } => RefusalKind::Conflict,
            Refused::NoInvitation
            | Refused::InvitationExpired { .. }
            | Refused::InvitationRevoked
            | Refused::InvitationUsed { .. } => RefusalKind::Token,
            Refused::Policy { not_yet: true, .. } => RefusalKind::NotYet,
            Refused::Policy { .. } => RefusalKind::Policy,
            _ => RefusalKind::Invalid,
        };
        Refusal::new(kind, refused.to_string())
    }
}

impl From<lc_policy::Refusal> for Refusal {
    fn from(refusal: lc_policy::Refusal) -> Refusal {
        let kind = match refusal.why {
            lc_policy::Why::NotYet => RefusalKind::NotYet,
            lc_policy::Why::Contradiction => RefusalKind::Policy,
        };
        Refusal::new(kind, refusal.to_string())
    }
}
