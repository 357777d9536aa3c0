//! Whose data a directory holds, so that a configuration cannot pick up another node's journal.

use lc_core::{NodeId, ReplicaId};
use lc_env::Disk;

use crate::Error;

/// Cluster, node and incarnation, as kept in the file `identity`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Name of the cluster.
    pub cluster: String,
    /// The node.
    pub node: NodeId,
    /// How often the node's data began anew.
    pub incarnation: u16,
    /// The first sequence that the life after the last crash could use.
    pub first_seq: u64,
}

impl Identity {
    /// The replica that decides writes under this identity.
    pub fn replica(&self) -> ReplicaId {
        ReplicaId::new(self.node, self.incarnation)
    }

    /// Reads the identity of a data directory, or writes the first one; tells whether it is new.
    pub(crate) fn open(disk: &dyn Disk, cluster: &str, node: NodeId) -> Result<(Identity, bool), Error> {
        let fresh = Identity { cluster: cluster.to_owned(), node, incarnation: 0, first_seq: 1 };
        let names = disk.list().map_err(|source| Error::Disk { doing: "list the data directory", source })?;
        if !names.iter().any(|name| name == FILE) {
            fresh.write(disk)?;
            return Ok((fresh, true));
        }
        let bytes = disk.read(FILE).map_err(|source| Error::Disk { doing: "read identity", source })?;
        let found = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(version) = found.lines().next().and_then(|line| line.strip_prefix("lightcone "))
            && version != VERSION.to_string()
        {
            return Err(Error::Format { file: FILE, found: version.to_owned(), known: VERSION });
        }
        match Identity::parse(&found) {
            Some(identity) if identity.cluster == cluster && identity.node == node => Ok((identity, false)),
            Some(other) => Err(Error::Identity { found: other.spoken(), expected: fresh.spoken() }),
            None => Err(Error::Identity {
                found: format!("an unreadable identity ({:?})", found.trim()),
                expected: fresh.spoken(),
            }),
        }
    }

    /// Begins a life after a crash: skips every sequence that an earlier life may have used without its entry becoming
    /// durable, and remembers that before the first is used. A life may end before anything of it is durable, so the
    /// last life's beginning counts as much as the last durable sequence.
    pub(crate) fn begin_after_crash(&mut self, disk: &dyn Disk, last_seq: u64) -> Result<(), Error> {
        self.first_seq = self.first_seq.max(last_seq + 1) + SEQ_SKIP;
        self.write(disk)
    }

    /// Goes on as another replica: what the earlier one decided may be more than is here, so its sequence is never used
    /// again.
    pub(crate) fn begin_incarnation(&mut self, disk: &dyn Disk, incarnation: u16) -> Result<(), Error> {
        (self.incarnation, self.first_seq) = (incarnation, 1);
        self.write(disk)
    }

    pub(crate) fn write(&self, disk: &dyn Disk) -> Result<(), Error> {
        disk.write_atomic(FILE, self.text().as_bytes())
            .map_err(|source| Error::Disk { doing: "write identity", source })
    }

    fn text(&self) -> String {
        let Identity { cluster, node, incarnation, first_seq } = self;
        format!(
            "lightcone {VERSION}\ncluster {cluster}\nnode {}\nincarnation {incarnation}\nfirst-seq {first_seq}\n",
            node.0
        )
    }

    fn spoken(&self) -> String {
        format!("node {} of cluster {:?}", self.node.0, self.cluster)
    }

    fn parse(text: &str) -> Option<Identity> {
        let mut lines = text.lines();
        let mut next = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned);
        next("lightcone")?;
        let cluster = next("cluster")?;
        let node = NodeId(next("node")?.parse().ok()?);
        let incarnation = next("incarnation")?.parse().ok()?;
        Some(Identity { cluster, node, incarnation, first_seq: next("first-seq")?.parse().ok()? })
    }
}

const FILE: &str = "identity";
/// Of the file, and so of the directory around it.
const VERSION: u32 = 1;
/// More entries than can wait to become durable: a journal record takes at least 32 bytes of at most 64 MiB.
const SEQ_SKIP: u64 = 1 << 22;

#[cfg(test)]
mod tests {
    use lc_core::NodeId;
    use lc_env::{Disk, MemoryDisk};

    use super::{FILE, Identity};
    use crate::Error;

    /// As earlier releases wrote it, byte for byte.
    const GOLDEN_1: &str = "lightcone 1\ncluster shop\nnode 3\nincarnation 2\nfirst-seq 4194339\n";

    fn opened(text: &str) -> Result<(Identity, bool), Error> {
        let disk = MemoryDisk::new();
        disk.write_atomic(FILE, text.as_bytes()).expect("room for it");
        Identity::open(&disk, "shop", NodeId(3))
    }

    #[test]
    fn the_file_of_an_earlier_release_is_read_and_written_alike() {
        let (identity, fresh) = opened(GOLDEN_1).expect("this release reads version 1");
        let right = Identity { cluster: "shop".to_owned(), node: NodeId(3), incarnation: 2, first_seq: 4_194_339 };
        assert_eq!((&identity, fresh), (&right, false));
        assert_eq!(identity.text(), GOLDEN_1);
    }

    #[test]
    fn the_file_of_a_later_release_is_called_by_its_version() {
        let said = opened(&GOLDEN_1.replace("lightcone 1", "lightcone 2")).expect_err("a later one").to_string();
        assert!(said.starts_with("identity in the data directory has format \"2\"; this release reads 1"), "{said}");
        assert!(matches!(opened("something else"), Err(Error::Identity { .. })));
    }
}
