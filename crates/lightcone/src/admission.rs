//! The cluster's side of joining: making an invitation, and signing in who shows one.

use std::collections::BTreeSet;
use std::sync::Arc;

use lc_env::{Random, RealRandom};
use lc_http::Problem;
use lc_net::{Authority, Fingerprint, NodeName};
use lc_node::Node;
use lc_node::control::Newcomer;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::invitation::Invitation;
use crate::refusal::problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invite {
    region: String,
    #[serde(default = "a_day")]
    expires_s: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Join {
    token: String,
    csr: String,
    link_address: std::net::SocketAddr,
    instance: String,
    latitude: Option<f64>,
    longitude: Option<f64>,
    #[serde(default)]
    jurisdictions: BTreeSet<String>,
}

/// Makes a one-time token for a node of a region.
pub async fn invite(node: &Arc<Node>, body: &Value) -> Result<Value, Problem> {
    let Invite { region, expires_s } =
        Invite::deserialize(body).map_err(|error| Problem::invalid(error.to_string()))?;
    let (_, certificate) = authority(node)?;
    let fingerprint =
        Fingerprint::of_certificate(&certificate).map_err(|error| Problem::unavailable(error.to_string()))?;
    let mut secret = [0; 32];
    RealRandom.fill(&mut secret);
    let invitation = Invitation::new(&fingerprint, secret);
    let invited =
        node.invite(invitation.hash(), region.clone(), expires_s.saturating_mul(1000)).await.map_err(problem)?;
    Ok(json!({
        "token": invitation.text(),
        "id": invited.id,
        "region": region,
        "node_id": invited.node_id,
        "expires_s": expires_s,
        "expires_ms": invited.expires_ms,
    }))
}

/// Signs a newcomer in: its certificate is made before its invitation is used up, so that nothing is half-done.
pub async fn join(node: &Arc<Node>, body: &Value) -> Result<Value, Problem> {
    let join = Join::deserialize(body).map_err(|error| Problem::invalid(error.to_string()))?;
    let (authority, certificate) = authority(node)?;
    let fingerprint =
        Fingerprint::of_certificate(&certificate).map_err(|error| Problem::unavailable(error.to_string()))?;
    let invitation = Invitation::parse(&join.token).map_err(|error| Problem::bad_token(error.to_string()))?;
    if !invitation.is_of(&fingerprint) {
        return Err(Problem::bad_token("this token is for another cluster: its authority is a different one"));
    }
    let (place, instance) = (join.latitude.zip(join.longitude), instance(&join.instance)?);
    let newcomer = Newcomer {
        token_hash: invitation.hash(),
        instance,
        link_address: join.link_address.to_string(),
        place,
        jurisdictions: join.jurisdictions,
    };
    // Who has no invitation gets no further than this node's memory.
    node.may_join(&newcomer).map_err(problem)?;
    // Whatever is wrong with the request is found before the token is used.
    let trial = NodeName::new("trial", 1).and_then(|name| authority.sign(&join.csr, &name));
    trial.map_err(|error| Problem::invalid(format!("csr: {error}")))?;
    let admitted = node.admit(&newcomer).await.map_err(problem)?;
    let signed = NodeName::new(&admitted.region, admitted.node_id).and_then(|name| authority.sign(&join.csr, &name));
    let signed = signed.map_err(|error| Problem::unavailable(error.to_string()))?;
    let peers = node.nodes().into_iter().filter(|(id, ..)| *id != admitted.node_id);
    let peers: Vec<Value> = peers
        .map(|(node_id, region, address)| json!({ "node_id": node_id, "region": region, "address": address }))
        .collect();
    Ok(json!({
        "node_id": admitted.node_id,
        "region": admitted.region,
        "cluster": node.config().cluster,
        "certificate": signed,
        "authority": certificate,
        "peers": peers,
    }))
}

/// The authority and its certificate, on nodes that have its key.
fn authority(node: &Node) -> Result<(Authority, String), Problem> {
    let config = node.config();
    let Some(key_file) = &config.authority_key_file else {
        return Err(Problem::not_offered(
            "this node does not have the authority's key ([link] authority_key_file): ask one that has",
        ));
    };
    let read = |file: &std::path::Path| {
        std::fs::read_to_string(file).map_err(|error| Problem::unavailable(format!("read {}: {error}", file.display())))
    };
    let (certificate, key) = (read(&config.link.authority_file)?, read(key_file)?);
    let authority = Authority::load(&certificate, &key).map_err(|error| Problem::unavailable(error.to_string()))?;
    Ok((authority, certificate))
}

fn instance(text: &str) -> Result<u64, Problem> {
    let digits = text.get(..16).unwrap_or(text);
    u64::from_str_radix(digits, 16)
        .map_err(|_| Problem::invalid("instance: must be at least one and at most 32 hexadecimal digits"))
}

fn a_day() -> u64 {
    24 * 60 * 60
}
