//! Why a member cannot start or go on.

use lc_core::Fault;
use lc_crdt::RowError;

/// Nearly every one of these stops the node; its data stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk said no.
    #[error("{doing}: {source}")]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// What the disk said.
        source: lc_env::Error,
    },
    /// The journal cannot be read or written.
    #[error("journal: {0}")]
    Journal(#[from] lc_journal::Error),
    /// The record store cannot be read or written.
    #[error("record store: {0}")]
    Store(#[from] lc_store::Error),
    /// Bytes rotted that nothing else here can stand in for.
    #[error(
        "{source}: {what} cannot be read, and what it held beyond the rest is in other regions only. Move the data directory away, \
         start with an empty one, and let the others know with `lightcone region renew-node`; in a cluster of one region restore a backup"
    )]
    Rotten {
        /// What cannot be read.
        what: &'static str,
        /// Where.
        source: Box<Error>,
    },
    /// Rows do not decode.
    #[error("{0}")]
    Rows(#[from] RowError),
    /// Bytes of our own do not mean what they should.
    #[error("{what} in the data directory: {source}")]
    Malformed {
        /// Which bytes.
        what: &'static str,
        /// How they are wrong.
        source: lc_core::wire::Malformed,
    },
    /// A backup does not become a data directory.
    #[error("{why}")]
    Backup {
        /// Why.
        why: String,
    },
    /// The data directory belongs to someone else.
    #[error(
        "the data directory belongs to {found}, but the configuration says {expected}; use another data_dir or correct node_id and cluster"
    )]
    Identity {
        /// Whose it is.
        found: String,
        /// Who was started.
        expected: String,
    },
    /// The data directory is of another release.
    #[error(
        "{file} in the data directory has format {found:?}; this release reads {known}: start the release that wrote it, or restore a backup"
    )]
    Format {
        /// The file that says so.
        file: &'static str,
        /// What it says.
        found: String,
        /// What is read here.
        known: u32,
    },
    /// The journal begins after what the store has applied.
    #[error(
        "the journal begins at {first}, but records are only applied up to {applied}; journal segments are missing"
    )]
    JournalTooShort {
        /// Where the journal begins.
        first: u64,
        /// Where the records end.
        applied: u64,
    },
}

impl Error {
    /// The record store does not open. Says what to do if the reason is that bytes have rotted.
    pub fn of_store(error: lc_store::Error) -> Error {
        Error::from(error).of("the record store")
    }

    /// Says what to do if the reason is that bytes of `what` have rotted.
    pub(crate) fn of(self, what: &'static str) -> Error {
        let rotten = matches!(
            self,
            Error::Journal(lc_journal::Error::Corrupt { .. }) | Error::Store(lc_store::Error::Corrupt { .. })
        );
        if rotten { Error::Rotten { what, source: Box::new(self) } } else { self }
    }

    /// As [`Error::of`], of an error that does not say whether bytes have rotted.
    pub(crate) fn of_rows(self, records: &crate::records::Records, what: &'static str) -> Error {
        let rotten = records.table.store().corrupt_reads() > 0;
        if rotten { Error::Rotten { what, source: Box::new(self) } } else { self }
    }

    /// What a caller can do: wait for room on a full disk; otherwise nothing but stop and look.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Journal(lc_journal::Error::NoRoom { .. }) | Error::Store(lc_store::Error::Full { .. }) => {
                Fault::Unavailable
            }
            _ => Fault::Stop,
        }
    }
}
