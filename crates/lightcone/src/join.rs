//! `lightcone join`: a machine becomes a node of a cluster that invited it. All of it, or nothing.

mod answer;
mod directory;
mod settings;

use std::net::{SocketAddr, UdpSocket};

use lc_env::{Clock, RealClock};
use lc_net::SigningRequest;
use serde_json::{Value, json};

use self::answer::Admitted;
use self::directory::NewDirectory;
use self::settings::Settings;
use crate::cli::JoinOptions;
use crate::invitation::Invitation;
use crate::node_door::{NextSteps, NodeDoor, first_line};
use crate::{Error, terminal};

/// Joins and says what to do next.
pub async fn run(options: JoinOptions) -> Result<(), Error> {
    terminal::print(&join(&options).await?)
}

/// Joins. The private key is made here and never leaves; nothing is at the place of the node's directory before all of
/// it is there and was checked. Dropped half-way, the token may be used up, and nothing else is left.
async fn join(options: &JoinOptions) -> Result<String, Error> {
    let invitation = invitation(&options.token)?;
    let door = door(options)?;
    let settings = Settings::of(options)?;
    let directory = NewDirectory::prepare(&options.data)?;
    can_listen(options.link_listen.unwrap_or(options.link_address))?;
    let request = SigningRequest::generate()?;
    // Everything that this machine can refuse was refused by now: the token is used up by the next line.
    let body = asked(options, &invitation, &request);
    let answer = door.ask("POST", "/v1/join", Some(&body), NEXT_STEPS).await?.json()?;
    let admitted = Admitted::read(&answer, &door.shown())
        .and_then(|admitted| admitted.check(&invitation, &request, RealClock::default().wall_ms()).map(|()| admitted))
        .map_err(after_admission)?;
    let text = settings.node_toml(&admitted, &door.shown()).map_err(after_admission)?;
    let path = directory
        .fill(&[
            ("node.toml", &text),
            ("node.pem", &admitted.certificate),
            ("node.key", &request.key_pem()),
            ("authority.pem", &admitted.authority),
        ])
        .map_err(after_admission)?;
    Ok(if options.json { admitted.json(&path) } else { admitted.text(&path) })
}

fn invitation(token: &str) -> Result<Invitation, Error> {
    match token.strip_prefix('@') {
        Some(file) => Invitation::parse(&first_line(file.as_ref())?),
        None => Invitation::parse(token),
    }
}

fn door(options: &JoinOptions) -> Result<NodeDoor, Error> {
    let token = options.token_file.as_deref().map(first_line).transpose()?;
    NodeDoor::at("--to", &options.to, options.authority.as_deref(), token)
}

/// A taken address is found before the token is used. The socket is let go; the node takes it when it starts.
fn can_listen(address: SocketAddr) -> Result<(), Error> {
    UdpSocket::bind(address).map(drop).map_err(|error| {
        Error::Usage(format!(
            "--link-address {address}: this machine cannot listen there ({error}); \
             behind address translation, add --link-listen IP:PORT with an address of this machine"
        ))
    })
}

fn asked(options: &JoinOptions, invitation: &Invitation, request: &SigningRequest) -> Value {
    let mut body = json!({
        "token": invitation.text(),
        "csr": request.request_pem(),
        "link_address": options.link_address.to_string(),
        "instance": instance(request),
    });
    if let (Some(latitude), Some(longitude)) = (options.latitude, options.longitude) {
        body["latitude"] = json!(latitude);
        body["longitude"] = json!(longitude);
    }
    body
}

/// A name for this attempt: as random as its key, so that the cluster can tell two machines with one token apart.
fn instance(request: &SigningRequest) -> String {
    lc_net::sha256(request.request_pem().as_bytes())[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is wrong once the cluster has let the node in leaves a region without a node.
fn after_admission(error: Error) -> Error {
    Error::Asked(format!(
        "{error}\nthe cluster has admitted this node and the token is used up, but nothing was written here: \
         `lightcone region list` shows its id; take it out with `lightcone region remove-node ID`, then invite it again"
    ))
}

const NEXT_STEPS: NextSteps<'static> = &[
    ("bad_token", "ask for a new token: `lightcone region invite REGION`, on a node of the cluster"),
    ("invalid_request", "ask for a new token: `lightcone region invite REGION`, on a node of the cluster"),
    ("not_found", "ask for a new token: `lightcone region invite REGION`, on a node of the cluster"),
    ("conflict", "ask for a new token: `lightcone region invite REGION`, on a node of the cluster"),
    ("already_exists", "`lightcone region list` shows who is there; the token was not used"),
    ("too_many_tries", "somebody tries tokens there: wait a moment, or show the door's own token with --token-file"),
    ("timeout", "the node may have been admitted: `lightcone region list` tells; the token is then used up"),
    ("not_offered", "ask a node that has the authority's key ([link] authority_key_file)"),
];

#[cfg(test)]
mod tests;
