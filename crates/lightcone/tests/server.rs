//! One real node: what it refuses to start with, and its doors over TLS.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use lc_net::{Authority, NodeName, VisitorTls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIGHTCONE: &str = env!("CARGO_BIN_EXE_lightcone");

/// A directory with certificates, a password and a token.
struct Place {
    dir: tempfile::TempDir,
    resp: u16,
    http: u16,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().expect("a directory");
        let authority = Authority::generate("test").expect("an authority");
        authority.write(&dir.path().join("ca.pem"), &dir.path().join("ca.key")).expect("written");
        let issued = authority.issue(&NodeName::new("oslo", 1).expect("a name")).expect("a certificate");
        issued.write(&dir.path().join("node.pem"), &dir.path().join("node.key")).expect("written");
        for secret in ["password", "token"] {
            let file = dir.path().join(secret);
            fs::write(&file, format!("the {secret}\n")).expect("written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("owned");
        }
        let port =
            || TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        Place { dir, resp: port(), http: port() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write_config(&self, resp: &str, http: &str) -> PathBuf {
        let link = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let text = format!(
            "node_id = 1\nregion = \"oslo\"\ncluster = \"test\"\ndata_dir = \"data\"\n\
             [link]\nlisten = \"127.0.0.1:{link}\"\ncertificate_file = \"node.pem\"\nkey_file = \"node.key\"\nauthority_file = \"ca.pem\"\nauthority_key_file = \"ca.key\"\n\
             [resp]\n{resp}\n[http]\n{http}\n",
        );
        let path = self.file("node.toml");
        fs::write(&path, text).expect("written");
        path
    }

    /// Doors on loopback, the HTTP one with a token.
    fn plain(&self) -> PathBuf {
        self.write_config(
            &format!("listen = \"127.0.0.1:{}\"", self.resp),
            &format!("listen = \"127.0.0.1:{}\"\ntoken_file = \"token\"", self.http),
        )
    }

    /// An operator's command, with the node's token.
    fn operate(&self, words: &[&str]) -> Output {
        let (url, token) = (format!("http://127.0.0.1:{}", self.http), self.file("token"));
        run(&[words, &["--at", &url, "--token-file", &token.to_string_lossy(), "--json"]].concat())
    }

    /// What such a command answers.
    #[track_caller]
    fn done(&self, words: &[&str]) -> serde_json::Value {
        let output = self.operate(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Why such a command does not do it.
    #[track_caller]
    fn refused(&self, words: &[&str]) -> String {
        let output = self.operate(words);
        assert!(!output.status.success(), "{words:?} was done");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Joins with an invitation and nothing else.
    fn join(&self, token: &str, home: &str) -> Output {
        let link = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
        self.join_at(token, home, &link.to_string())
    }

    fn join_at(&self, token: &str, home: &str, link: &str) -> Output {
        let (url, home) = (format!("http://127.0.0.1:{}", self.http), self.file(home));
        run(&["join", "--to", &url, "--token", token, "--data", &home.to_string_lossy(), "--link-address", link])
    }

    fn with_tls(&self) -> PathBuf {
        let tls = "certificate_file = \"node.pem\"\nkey_file = \"node.key\"";
        self.write_config(
            &format!("listen = \"0.0.0.0:{}\"\npassword_file = \"password\"\n{tls}", self.resp),
            &format!("listen = \"0.0.0.0:{}\"\ntoken_file = \"token\"\n{tls}", self.http),
        )
    }
}

struct Server(Child);

impl Server {
    fn start(config: &Path) -> Server {
        Server(
            Command::new(LIGHTCONE)
                .args(["server", "--config"])
                .arg(config)
                .stderr(Stdio::null())
                .spawn()
                .expect("the binary starts"),
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(words: &[&str]) -> Output {
    Command::new(LIGHTCONE).args(words).output().expect("the binary runs")
}

async fn connect(port: u16) -> TcpStream {
    for _ in 0..200 {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the node does not listen on {port}");
}

#[tokio::test]
async fn doors_beyond_loopback_speak_tls_and_know_their_clients() {
    let place = Place::new();
    let _server = Server::start(&place.with_tls());
    let tls = VisitorTls::load(&place.file("ca.pem")).expect("the authority");
    let mut stream = tls.connect("oslo", connect(place.resp).await).await.expect("a handshake");
    stream
        .write_all(b"GET k\r\nAUTH wrong\r\nAUTH \"the password\"\r\nSET k v\r\nGET k\r\nQUIT\r\n")
        .await
        .expect("the door reads");
    let mut answer = String::new();
    // Without a closing alert the end may come as an error; what was said before it counts.
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("-NOAUTH") && answer.contains("\r\n-WRONGPASS"), "{answer}");
    assert!(answer.ends_with("\r\n+OK\r\n+OK\r\n$1\r\nv\r\n+OK\r\n"), "{answer}");

    // Plain RESP gets no further than the handshake.
    let mut plain = connect(place.resp).await;
    plain.write_all(b"*1\r\n$4\r\nPING\r\n").await.expect("sent");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"+") && !answer.starts_with(b"-"), "{answer:?}");

    let url = format!("https://oslo:{}", place.http);
    let unknown = run(&["status", "--at", &url]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("--authority"), "{unknown:?}");
}

#[tokio::test]
async fn the_http_door_beyond_loopback_wants_its_token() {
    let place = Place::new();
    let _server = Server::start(&place.with_tls());
    let tls = VisitorTls::load(&place.file("ca.pem")).expect("the authority");
    for (token, status) in [("", "401"), ("Authorization: Bearer the token\r\n", "200")] {
        let mut stream = tls.connect("oslo", connect(place.http).await).await.expect("a handshake");
        stream
            .write_all(format!("GET /status HTTP/1.1\r\nHost: oslo\r\nConnection: close\r\n{token}\r\n").as_bytes())
            .await
            .expect("the door reads");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(!answer.contains("the password") && !answer.contains("the token"), "{answer}");
    }
}

#[test]
fn an_open_door_beyond_loopback_is_refused_with_what_to_add() {
    let place = Place::new();
    let config = place.write_config(&format!("listen = \"0.0.0.0:{}\"", place.resp), "");
    let output = run(&["server", "--config", &config.to_string_lossy()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("add certificate_file and key_file, and password_file or client_authority_file to [resp]"),
        "{said}"
    );
    assert!(!place.file("data").exists(), "nothing was started");
}

#[test]
fn a_taken_port_is_named_before_data_is_opened() {
    let place = Place::new();
    let taken = TcpListener::bind(("127.0.0.1", place.resp)).expect("free");
    let config = place.write_config(&format!("listen = \"127.0.0.1:{}\"", place.resp), "");
    let output = run(&["server", "--config", &config.to_string_lossy()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("127.0.0.1:{}", place.resp)) && said.contains("change resp.listen"), "{said}");
    assert!(!place.file("data").exists(), "data was opened");
    drop(taken);
}

#[test]
fn a_configuration_can_be_checked_without_starting() {
    let place = Place::new();
    let config = place.with_tls();
    let output = run(&["config", "check", &config.to_string_lossy()]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.ends_with("is right: node 1 in oslo\n"), "{output:?}");
}

/// Waits until the catalogue has begun.
async fn begun(place: &Place) {
    connect(place.http).await;
    for _ in 0..200 {
        if place.operate(&["region", "list"]).stdout.windows(6).any(|text| text == b"active") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the cluster does not begin");
}

#[tokio::test]
async fn an_invitation_alone_lets_a_node_in_and_each_wrong_one_says_why_at_once() {
    let place = Place::new();
    let _server = Server::start(&place.plain());
    begun(&place).await;
    let invite = |more: &[&str]| place.done(&[&["region", "invite", "kyiv"], more].concat());
    let text = |value: &serde_json::Value, name: &str| value[name].as_str().expect("text").to_owned();
    let (short, back, good) = (invite(&["--expires-s", "1"]), invite(&[]), invite(&[]));
    place.done(&["region", "uninvite", &text(&back, "id")]);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let good_token = text(&good, "token");
    let mut forged = good_token.clone();
    let other = if forged.ends_with('0') { "1" } else { "0" };
    forged.replace_range(forged.len() - 1.., other);
    for (token, said) in [
        (text(&short, "token"), "the invitation ran out"),
        (text(&back, "token"), "the invitation was taken back"),
        (forged, "no such invitation"),
    ] {
        let output = place.join(&token, "kyiv");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(said) && error.contains("ask for a new token"), "{error}");
        assert!(!place.file("kyiv").exists());
    }
    let config = fs::read_to_string(place.file("node.toml")).expect("text");
    let link = config.lines().find_map(|line| line.strip_prefix("listen = ")).expect("the link").trim_matches('"');
    let output = place.join_at(&good_token, "kyiv", link);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("listen there"), "its own machine finds that out first: {error}");
    let output = place.join(&good_token, "kyiv");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(place.file("kyiv").join("node.key").exists());
    let output = place.join(&good_token, "kyiv-again");
    assert!(String::from_utf8_lossy(&output.stderr).contains("was used already, by who is now node"), "{output:?}");

    let listed = place.done(&["region", "invitations"]);
    let listed = listed["invitations"].as_array().expect("a list");
    let mut states: Vec<String> = listed.iter().map(|one| text(one, "state")).collect();
    states.sort_unstable();
    assert_eq!(states, ["expired", "taken_back", "used"]);
    assert!(!serde_json::Value::from(listed.clone()).to_string().contains(&good_token[34..]), "tokens are not shown");
    assert!(place.refused(&["region", "uninvite", &text(&good, "id")]).contains("it cannot be taken back"));
    assert!(place.refused(&["region", "uninvite", "0123456789abcdef"]).contains("no invitation"));
    let node = good["node_id"].to_string();
    assert_eq!(place.done(&["region", "remove-node", &node])["region"], "kyiv");
    assert!(place.refused(&["region", "remove-node", "1"]).contains("all that is left of the cluster"));
    assert!(place.refused(&["region", "remove-node", "60"]).contains("no node has the id 60"));
}

/// Sends inline commands and gives the lines of all answers.
async fn ask(port: u16, commands: &str) -> Vec<String> {
    let mut stream = connect(port).await;
    stream.write_all(format!("{commands}\r\nQUIT\r\n").as_bytes()).await.expect("the door reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answers");
    answer.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn session_tokens_outlive_one_rotation_of_their_key_and_not_two() {
    let place = Place::new();
    let _server = Server::start(&place.plain());
    begun(&place).await;
    let token = ask(place.resp, "SET k v\r\nSESSION TOKEN").await[2].clone();
    let resume = format!("SESSION RESUME {token}\r\nGET k");
    assert_eq!(place.done(&["session", "rotate-key"])["key_id"], 2);
    assert_eq!(ask(place.resp, &resume).await[..3], ["+OK", "$1", "v"]);
    let newer = ask(place.resp, "SESSION TOKEN").await[1].clone();
    assert_eq!(place.done(&["session", "rotate-key"])["key_id"], 3);
    let refused = ask(place.resp, &resume).await[0].clone();
    assert!(refused.starts_with("-TOKEN"), "{refused}");
    assert_eq!(ask(place.resp, &format!("SESSION RESUME {newer}")).await[0], "+OK");
}
