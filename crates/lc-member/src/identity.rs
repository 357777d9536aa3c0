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
}

impl Identity {
    /// The replica that decides writes under this identity.
    pub fn replica(&self) -> ReplicaId {
        ReplicaId::new(self.node, self.incarnation)
    }

    /// Reads the identity of a data directory, or writes the first one.
    pub(crate) fn open(disk: &dyn Disk, cluster: &str, node: NodeId) -> Result<Identity, Error> {
        let fresh = Identity { cluster: cluster.to_owned(), node, incarnation: 0 };
        let names = disk.list().map_err(|source| Error::Disk { doing: "list the data directory", source })?;
        if !names.iter().any(|name| name == FILE) {
            disk.write_atomic(FILE, fresh.text().as_bytes()).map_err(|source| Error::Disk { doing: "write identity", source })?;
            return Ok(fresh);
        }
        let bytes = disk.read(FILE).map_err(|source| Error::Disk { doing: "read identity", source })?;
        let found = String::from_utf8_lossy(&bytes).into_owned();
        match Identity::parse(&found) {
            Some(identity) if identity.cluster == cluster && identity.node == node => Ok(identity),
            Some(other) => Err(Error::Identity { found: other.spoken(), expected: fresh.spoken() }),
            None => Err(Error::Identity { found: format!("an unreadable identity ({:?})", found.trim()), expected: fresh.spoken() }),
        }
    }

    fn text(&self) -> String {
        format!("lightcone 1\ncluster {}\nnode {}\nincarnation {}\n", self.cluster, self.node.0, self.incarnation)
    }

    fn spoken(&self) -> String {
        format!("node {} of cluster {:?}", self.node.0, self.cluster)
    }

    fn parse(text: &str) -> Option<Identity> {
        let mut lines = text.lines();
        let mut next = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned);
        if next("lightcone")? != "1" {
            return None;
        }
        let cluster = next("cluster")?;
        let node = NodeId(next("node")?.parse().ok()?);
        Some(Identity { cluster, node, incarnation: next("incarnation")?.parse().ok()? })
    }
}

const FILE: &str = "identity";
