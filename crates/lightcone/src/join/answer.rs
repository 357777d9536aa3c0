//! What a cluster answers to a node that it admits, and whether to believe it.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

use lc_net::{Fingerprint, Identity, NodeName, SigningRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Error;
use crate::invitation::Invitation;

/// The answer to `POST /v1/join`.
#[derive(Debug, Deserialize)]
pub struct Admitted {
    /// The node's number.
    pub node_id: u16,
    /// Its region.
    pub region: String,
    /// The cluster's name.
    pub cluster: String,
    /// The node's certificate, PEM.
    pub certificate: String,
    /// The authority that signed it, PEM.
    pub authority: String,
    /// The nodes that are there already.
    pub peers: Vec<Peer>,
}

/// One node that is there already.
#[derive(Debug, Deserialize)]
pub struct Peer {
    /// Its number.
    pub node_id: u16,
    /// Its region.
    pub region: String,
    /// UDP address of its links.
    pub address: SocketAddr,
}

impl Admitted {
    /// Reads the answer of the node at `from`.
    pub fn read(answer: &Value, from: &str) -> Result<Admitted, Error> {
        Admitted::deserialize(answer).map_err(|error| {
            Error::Asked(format!(
                "{from} did not answer as a node that admits another ({error}); is it of another version?"
            ))
        })
    }

    /// Whether it is the cluster that the token names, and the certificate is for this node's key and name.
    pub fn check(&self, invitation: &Invitation, request: &SigningRequest, now_ms: u64) -> Result<(), Error> {
        let authority = Fingerprint::of_certificate(&self.authority)?;
        if !invitation.is_of(&authority) {
            return Err(Error::Asked(format!(
                "who answers shows the authority {authority}, the token is for {}...: \
                 it is another cluster, or somebody in between; nothing it said was believed",
                invitation.authority()
            )));
        }
        let identity = Identity::from_pem(&self.certificate, &request.key_pem(), &self.authority)?;
        let name = NodeName::new(&self.region, self.node_id)?;
        if *identity.name() != name {
            return Err(Error::Asked(format!("the certificate is for {}, but this is to be {name}", identity.name())));
        }
        identity.check(now_ms)?;
        Ok(())
    }

    /// For people: who this node is now, and how to start it.
    pub fn text(&self, path: &Path) -> String {
        let mut text = format!("node {} of cluster {}, in region {}\n", self.node_id, self.cluster, self.region);
        for peer in &self.peers {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  peer {} in {} at {}", peer.node_id, peer.region, peer.address);
        }
        let path = path.display();
        let _ = write!(
            text,
            "Its configuration, certificate and key lie in {path}; look at node.toml, then start it:\n\n    \
             lightcone server --config {path}/node.toml\n"
        );
        text
    }

    /// The same for programs.
    pub fn json(&self, path: &Path) -> String {
        let config = path.join("node.toml").display().to_string();
        let said = json!({ "node_id": self.node_id, "region": self.region, "cluster": self.cluster, "config": config });
        format!("{said}\n")
    }
}
