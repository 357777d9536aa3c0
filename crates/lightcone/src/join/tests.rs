use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use clap::Parser;
use lc_net::{Authority, Fingerprint, Identity, NodeName};
use serde_json::{Value, json};

use super::join;
use crate::cli::{Cli, Command, JoinOptions};
use crate::config;
use crate::invitation::Invitation;
use crate::test_door::{TestDoor, problem};

fn invited_by(authority: &Authority) -> String {
    let fingerprint = Fingerprint::of_certificate(&authority.certificate_pem()).expect("a certificate");
    Invitation::new(&fingerprint, [7; 32]).text()
}

fn options(to: &str, token: &str, data: &Path, more: &[&str]) -> JoinOptions {
    let data = data.display().to_string();
    let words =
        ["lightcone", "join", "--to", to, "--token", token, "--data", &data, "--link-address", "127.0.0.1:47379"];
    match Cli::try_parse_from(words.iter().chain(more)).expect("right options").command {
        Command::Join(options) => options,
        other => panic!("{other:?}"),
    }
}

/// A cluster that admits node 4 in Oslo.
fn admission(authority: &Authority, body: &Value) -> Value {
    let csr = body["csr"].as_str().expect("a request");
    let certificate = authority.sign(csr, &NodeName::new("oslo", 4).expect("a name")).expect("a good request");
    json!({
        "node_id": 4, "region": "oslo", "cluster": "shop",
        "certificate": certificate, "authority": authority.certificate_pem(),
        "peers": [{ "node_id": 1, "region": "us-east", "address": "127.0.0.1:7379" }],
    })
}

/// A door that admits, after `change` had its way with the answer.
async fn admitting(authority: &Arc<Authority>, change: impl Fn(&mut Value) + Send + Sync + 'static) -> TestDoor {
    let authority = authority.clone();
    TestDoor::open(move |_, body| {
        let mut answer = admission(&authority, body);
        change(&mut answer);
        (200, answer)
    })
    .await
}

fn entries(path: &Path) -> usize {
    fs::read_dir(path).expect("a directory").count()
}

#[tokio::test]
async fn a_node_that_joins_has_everything_to_start_with_and_its_key_never_left() {
    let authority = Arc::new(Authority::generate("test").expect("made"));
    let door = admitting(&authority, |_| {}).await;
    let world = tempfile::tempdir().expect("a directory");
    let data = world.path().join("oslo");
    let more = ["--resp", "127.0.0.1:7011", "--latitude", "59.9", "--longitude", "-10.7", "--jurisdictions", "no, eu"];
    let token = invited_by(&authority);
    let text = join(&options(&door.url(), &token, &data, &more)).await.expect("admitted");
    let command =
        format!("    lightcone server --config {}/node.toml\n", data.canonicalize().expect("there").display());
    assert!(text.starts_with("node 4 of cluster shop, in region oslo\n") && text.ends_with(&command), "{text}");

    let config = config::load(&data.join("node.toml")).expect("a right configuration");
    assert_eq!((config.node.node_id, config.node.region.as_str(), config.node.cluster.as_str()), (4, "oslo", "shop"));
    assert_eq!(config.node.link.listen.to_string(), "127.0.0.1:47379");
    assert_eq!((config.resp.listen.port(), config.node.peers.len()), (7011, 1));
    assert_eq!((config.node.latitude, config.node.longitude), (Some(59.9), Some(-10.7)));
    assert_eq!(config.node.jurisdictions, ["eu", "no"]);
    let link = &config.node.link;
    let identity = Identity::load(&link.certificate_file, &link.key_file, &link.authority_file).expect("readable");
    assert_eq!(identity.name().to_string(), "node 4 in oslo");
    let mode = |name: &str| fs::metadata(data.join(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode("node.key"), 0o600);

    let (question, body) = door.asked().remove(0);
    assert_eq!((question.as_str(), door.asked().len()), ("POST /v1/join", 1));
    assert_eq!((&body["link_address"], &body["token"]), (&json!("127.0.0.1:47379"), &json!(token)));
    assert_eq!((&body["latitude"], body["instance"].as_str().map(str::len)), (&json!(59.9), Some(32)));
    assert!(!body.to_string().contains("PRIVATE"));
    assert_eq!(entries(world.path()), 1);
}

#[tokio::test]
async fn an_answer_that_is_not_of_the_cluster_that_invited_is_not_believed() {
    let authority = Arc::new(Authority::generate("test").expect("made"));
    let stranger = Authority::generate("test").expect("made");
    let (strange, other_name) = (stranger.certificate_pem(), "node 4 in oslo, but this is to be node 5 in oslo");
    let set = |name: &'static str, to: Value| move |answer: &mut Value| answer[name] = to.clone();
    let world = tempfile::tempdir().expect("a directory");
    let data = world.path().join("oslo");
    let token = invited_by(&authority);
    for (door, said) in [
        (admitting(&authority, set("authority", json!(strange))).await, "another cluster, or somebody in between"),
        (admitting(&authority, set("node_id", json!(5))).await, other_name),
        (admitting(&authority, set("cluster", json!("x\"\ndata_dir = \"/"))).await, "which is no name"),
        (admitting(&authority, set("certificate", json!("junk"))).await, "read the node's certificate"),
        (
            admitting(&authority, set("peers", json!([{ "node_id": 4, "region": "a", "address": "1.2.3.4:5" }]))).await,
            "another node has this number",
        ),
        (admitting(&authority, set("peers", json!(3))).await, "is it of another version?"),
    ] {
        let error = join(&options(&door.url(), &token, &data, &[])).await.expect_err(said).to_string();
        assert!(error.contains(said) && error.contains("nothing was written here"), "{error}");
        assert_eq!(entries(world.path()), 0, "{said}");
    }
    // A certificate of the right name for somebody else's key.
    let swapped = TestDoor::open({
        let authority = authority.clone();
        move |_, _| {
            let other = lc_net::SigningRequest::generate().expect("made");
            (200, admission(&authority, &json!({ "csr": other.request_pem() })))
        }
    });
    let error = join(&options(&swapped.await.url(), &token, &data, &[])).await.expect_err("another key").to_string();
    assert!(error.contains("use certificate and key together"), "{error}");
    assert_eq!(entries(world.path()), 0);
}

#[tokio::test]
async fn a_token_that_is_used_expired_or_foreign_says_so_and_leaves_nothing() {
    let authority = Authority::generate("test").expect("made");
    let world = tempfile::tempdir().expect("a directory");
    let token = invited_by(&authority);
    for (status, code, detail) in [
        (400, "bad_token", "this token was used by node 4"),
        (400, "bad_token", "this token has expired"),
        (404, "not_found", "this cluster made no such token"),
    ] {
        let door = TestDoor::open(move |_, _| problem(status, code, detail)).await;
        let data = world.path().join("oslo");
        let error = join(&options(&door.url(), &token, &data, &[])).await.expect_err(detail).to_string();
        assert_eq!(
            error,
            format!("{detail}\nask for a new token: `lightcone region invite REGION`, on a node of the cluster")
        );
        assert_eq!(entries(world.path()), 0);
    }
}

#[tokio::test]
async fn what_this_machine_can_refuse_does_not_cost_the_token() {
    let authority = Arc::new(Authority::generate("test").expect("made"));
    let door = admitting(&authority, |_| {}).await;
    let world = tempfile::tempdir().expect("a directory");
    let (data, taken) = (world.path().join("oslo"), world.path().join("taken"));
    fs::create_dir(&taken).expect("made");
    fs::write(taken.join("precious"), "data").expect("written");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let busy = socket.local_addr().expect("bound").to_string();
    let token = invited_by(&authority);
    let with = |data: &Path, token: &str, more: &[&str]| options(&door.url(), token, data, more);
    let address =
        |address: &str| JoinOptions { link_address: address.parse().expect("one"), ..with(&data, &token, &[]) };
    for (options, said) in [
        (with(&taken, &token, &[]), "there is something in this directory"),
        (with(&data, &token[2..], &[]), "96 characters, a token has 98"),
        (with(&data, "@/nowhere/token", &[]), "read /nowhere/token"),
        (with(&data, &token, &["--http", "0.0.0.0:8001"]), "others than this machine could connect"),
        (with(&data, &token, &["--jurisdictions", "EU"]), "'EU' is no name"),
        (with(&data, &token, &["--latitude", "95", "--longitude", "0"]), "must be a number from -90 to 90"),
        (with(&data, &token, &["--link-listen", &busy]), "cannot listen there"),
        (address("0.0.0.0:7379"), "other nodes cannot reach that"),
        (address("192.0.2.1:7379"), "cannot listen there"),
    ] {
        let error = join(&options).await.expect_err(said).to_string();
        assert!(error.contains(said), "{error}");
    }
    let nobody = options("http://127.0.0.1:1", &token, &data, &[]);
    let error = join(&nobody).await.expect_err("nobody there").to_string();
    assert!(
        error.contains("POST http://127.0.0.1:1/v1/join: ") && error.contains("--to names another node"),
        "{error}"
    );
    assert!(door.asked().is_empty() && entries(world.path()) == 1 && entries(&taken) == 1);
}

#[tokio::test]
async fn a_token_may_come_from_a_file_and_the_answer_be_json() {
    let authority = Arc::new(Authority::generate("test").expect("made"));
    let door = admitting(&authority, |_| {}).await;
    let world = tempfile::tempdir().expect("a directory");
    let (file, data) = (world.path().join("token"), world.path().join("oslo"));
    fs::write(&file, format!("{}\n", invited_by(&authority))).expect("written");
    let options = options(&door.url(), &format!("@{}", file.display()), &data, &["--json"]);
    let said: Value = serde_json::from_str(&join(&options).await.expect("admitted")).expect("JSON");
    assert_eq!((&said["node_id"], &said["cluster"]), (&json!(4), &json!("shop")));
    assert!(said["config"].as_str().expect("a path").ends_with("/oslo/node.toml"));
}
