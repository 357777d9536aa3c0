//! The first frame each way: which protocol, which cluster, which node.

use prost::Message;

use crate::certificate::NodeName;
use crate::error::Error;

/// What a node says about itself before anything else. Unknown fields are ignored, so it can grow.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Hello {
    /// The oldest protocol version spoken.
    #[prost(uint32, tag = "1")]
    pub(crate) version_min: u32,
    /// The newest protocol version spoken.
    #[prost(uint32, tag = "2")]
    pub(crate) version_max: u32,
    /// Two clusters under one authority must not mix.
    #[prost(string, tag = "3")]
    pub(crate) cluster_id: String,
    /// Must be what the certificate says.
    #[prost(uint32, tag = "4")]
    pub(crate) node_id: u32,
    /// Must be what the certificate says.
    #[prost(string, tag = "5")]
    pub(crate) region: String,
    /// Drawn anew by each process, so that two under one node id can be told apart. 0: a release that does not say.
    #[prost(fixed64, tag = "6")]
    pub(crate) process: u64,
}

impl Hello {
    /// What this build says.
    pub(crate) fn new(cluster_id: &str, name: &NodeName, process: u64) -> Hello {
        Hello {
            version_min: VERSION_MIN,
            version_max: VERSION_MAX,
            cluster_id: cluster_id.to_owned(),
            node_id: u32::from(name.node_id()),
            region: name.region().to_owned(),
            process,
        }
    }

    /// Length (4 bytes, little-endian) and message.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let body = self.encode_to_vec();
        let length = u32::try_from(body.len()).expect("cluster and region names are bounded");
        [&length.to_le_bytes()[..], &body].concat()
    }

    /// The protocol version both speak, the newest.
    ///
    /// # Errors
    /// `Refused` saying what does not fit. Both ends come to the same answer.
    pub(crate) fn agree(&self, theirs: &Hello, certified: &NodeName) -> Result<u32, Error> {
        let refused = |reason: String| Err(Error::Refused { reason });
        if theirs.cluster_id != self.cluster_id {
            return refused(format!(
                "{certified} is of cluster {:?}, this node of {:?}",
                theirs.cluster_id, self.cluster_id
            ));
        }
        if theirs.node_id != u32::from(certified.node_id()) || theirs.region != certified.region() {
            return refused(format!(
                "says it is node {} in {:?}, but the certificate is of {certified}",
                theirs.node_id, theirs.region
            ));
        }
        let newest = self.version_max.min(theirs.version_max);
        if newest < self.version_min.max(theirs.version_min) {
            return refused(format!(
                "{certified} speaks link protocol {} to {}, this node {} to {}",
                theirs.version_min, theirs.version_max, self.version_min, self.version_max
            ));
        }
        Ok(newest)
    }
}

/// Most bytes of a hello that are read from anyone.
pub(crate) const HELLO_BYTES_MAX: usize = 4096;
/// Longest cluster id that fits a hello with room to grow.
pub(crate) const CLUSTER_ID_BYTES_MAX: usize = 128;
const VERSION_MIN: u32 = 1;
/// 2: whoever speaks it also knows of tables on their way to regions. The link itself is as in 1.
/// 3: what follows the hello comes in pieces.
const VERSION_MAX: u32 = 3;
/// From this version on.
pub(crate) const VERSION_WITH_PIECES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::{Error, Hello, NodeName};

    fn oslo() -> NodeName {
        NodeName::new("oslo", 2).unwrap()
    }

    fn ours() -> Hello {
        Hello::new("world", &NodeName::new("paris", 1).unwrap(), 7)
    }

    #[test]
    fn two_releases_agree_on_the_newest_version_that_both_speak() {
        let mut ours = ours();
        let mut theirs = Hello::new("world", &oslo(), 8);
        (ours.version_min, ours.version_max) = (2, 4);
        (theirs.version_min, theirs.version_max) = (1, 3);
        assert_eq!(ours.agree(&theirs, &oslo()).unwrap(), 3);
    }

    #[test]
    fn releases_too_far_apart_are_refused_by_both() {
        let mut ours = ours();
        let theirs = Hello::new("world", &oslo(), 8);
        (ours.version_min, ours.version_max) = (4, 5);
        let error = ours.agree(&theirs, &oslo()).unwrap_err().to_string();
        assert!(error.contains("protocol 1 to 3, this node 4 to 5"), "{error}");
        assert!(theirs.agree(&ours, &NodeName::new("paris", 1).unwrap()).is_err());
    }

    /// As each release said it, with the fields that it had.
    #[test]
    fn hellos_of_earlier_releases_are_read() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/hello_1");
        if std::env::var_os("UPDATE").is_some() && !path.exists() {
            std::fs::write(&path, ours().frame()).unwrap();
        }
        let stored = std::fs::read(&path).unwrap();
        let theirs: Hello = prost::Message::decode(&stored[4..]).unwrap();
        assert_eq!(u32::from_le_bytes(stored[..4].try_into().unwrap()) as usize, stored.len() - 4);
        assert_eq!((theirs.version_min, theirs.version_max), (1, 1));
        let said = (theirs.cluster_id.as_str(), theirs.node_id, theirs.region.as_str(), theirs.process);
        assert_eq!(said, ("world", 1, "paris", 7));
        let ours = Hello::new("world", &oslo(), 8);
        assert_eq!(ours.agree(&theirs, &NodeName::new("paris", 1).unwrap()).unwrap(), 1);
    }

    #[test]
    fn another_cluster_is_refused_by_name() {
        let theirs = Hello::new("moon", &oslo(), 8);
        let error = ours().agree(&theirs, &oslo()).unwrap_err().to_string();
        assert!(error.contains("moon") && error.contains("world"), "{error}");
    }

    #[test]
    fn a_claim_that_the_certificate_does_not_back_is_refused() {
        let theirs = Hello::new("world", &NodeName::new("oslo", 3).unwrap(), 8);
        assert!(matches!(ours().agree(&theirs, &oslo()), Err(Error::Refused { .. })));
    }
}
