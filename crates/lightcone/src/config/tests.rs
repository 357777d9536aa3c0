use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::settings::{Absent, SECTIONS, SETTINGS};
use super::{Config, page, parse, reading};

const LEAST: &str = r#"
node_id = 1
region = "us-east"
cluster = "shop"
data_dir = "data"
[link]
listen = "127.0.0.1:7379"
certificate_file = "node.pem"
key_file = "/keys/node.key"
authority_file = "ca.pem"
"#;

fn read(text: &str) -> Result<Config, String> {
    parse(Path::new("/etc/lightcone/node.toml"), text).map_err(|error| error.to_string())
}

/// The least configuration with something added.
fn with(more: &str) -> Result<Config, String> {
    read(&format!("{LEAST}{more}"))
}

#[track_caller]
fn refused(more: &str, said: &str) {
    let error = with(more).expect_err("a wrong configuration");
    assert_eq!(error, format!("/etc/lightcone/node.toml: {said}"));
}

#[test]
fn the_least_configuration_gets_defaults_and_paths_beside_its_file() {
    let config = read(LEAST).expect("a right configuration");
    assert_eq!(config.node.node_id, 1);
    assert_eq!(config.node.data_dir, Path::new("/etc/lightcone/data"));
    assert_eq!(config.node.link.key_file, Path::new("/keys/node.key"));
    assert_eq!(config.resp.listen.to_string(), "127.0.0.1:6379");
    assert_eq!((config.resp.clients_max, config.resp.idle_timeout), (10_000, None));
    assert!(!config.node.emulation && config.node.password.is_none() && config.http.token.is_none());
}

#[test]
fn the_example_is_a_right_configuration() {
    let config = read(&page::example()).expect("the example is right");
    assert_eq!((config.node.region.as_str(), config.node.peers.len()), ("us-east", 1));
}

#[test]
fn every_setting_of_the_example_can_be_uncommented() {
    let example = page::example();
    let setting = |line: &str| line.split_once(" = ").is_some_and(|(name, _)| SETTINGS.iter().any(|s| s.name == name));
    let lines = example.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if setting(rest) || rest.starts_with('[') => rest,
        _ => line,
    });
    let text = lines.collect::<Vec<_>>().join("\n").replace("emulation_allowed = false", "emulation_allowed = true");
    // All that is left to say against it is that the secret's file is not there.
    let error = read(&text).expect_err("a file that is not there");
    assert!(error.contains("resp.password_file = \"/etc/lightcone/password\": cannot be read"), "{error}");
}

#[test]
fn every_default_and_example_fits_its_setting() {
    for setting in SETTINGS {
        assert!(SECTIONS.iter().any(|section| section.name == setting.section), "{}", setting.name);
        assert!(reading::fits(&reading::literal(setting.example), setting.kind), "{}", setting.name);
        if let Absent::Default(text) = setting.absent {
            assert!(reading::fits(&reading::literal(text), setting.kind), "{}", setting.name);
        }
    }
}

#[test]
fn the_page_in_docs_is_what_the_list_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, page::document()).expect("docs/ can be written");
    }
    let written = fs::read_to_string(&path).expect("the page is there");
    assert_eq!(written, page::document(), "run this test with UPDATE=1 and look at the difference");
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_right_name() {
    let top = read(&format!("regoin = \"x\"\n{LEAST}")).expect_err("a slip");
    assert!(top.ends_with("unknown setting 'regoin'; did you mean 'region'?"), "{top}");
    refused("[resp]\nlisten_port = 1", "unknown setting 'resp.listen_port'; did you mean 'listen'?");
    refused("[resp]\nclient_max = 1", "unknown setting 'resp.client_max'; did you mean 'clients_max'?");
    refused("[respp]\nlisten = 1", "unknown setting 'respp'; did you mean 'resp'?");
    refused("[http]\nclients_max = 1", "unknown setting 'http.clients_max'; it belongs to [resp]");
    refused("[[peers]]\nnode = 1", "unknown setting 'peers.node'; did you mean 'node_id'?");
}

#[test]
fn a_wrong_value_is_refused_with_what_would_be_right() {
    refused("[resp]\nclients_max = 0", "resp.clients_max = 0: must be a whole number from 1 to 1000000");
    refused("[resp]\nclients_max = -1", "resp.clients_max = -1: must be a whole number from 1 to 1000000");
    refused("[resp]\nclients_max = \"many\"", "resp.clients_max = \"many\": must be a whole number from 1 to 1000000");
    refused(
        "[resp]\nlisten = \"localhost\"",
        "resp.listen = \"localhost\": must be an IP address and a port, in quotes, such as \"127.0.0.1:7001\"",
    );
    refused(
        "[[peers]]\nnode_id = 64\nregion = \"eu\"\naddress = \"127.0.0.1:1\"",
        "peers[0].node_id = 64: must be a whole number from 1 to 63",
    );
    refused("[[resp]]\nlisten = 1", "resp = [{ listen = 1 }]: must be a section [resp]");
    refused("[peers]\nnode_id = 2", "peers = { node_id = 2 }: must be sections [[peers]]");
    let region = read(&LEAST.replace("us-east", "US East")).expect_err("no label");
    assert!(region.contains("region = \"US East\": must be 1 to 40 of a-z"), "{region}");
}

#[test]
fn a_missing_setting_is_named_with_a_line_that_would_do() {
    let error = read(&LEAST.replace("node_id = 1", "")).expect_err("no node_id");
    assert!(error.ends_with("node_id is missing: add node_id = 1"), "{error}");
    let error = read(&LEAST.replace("key_file", "# key_file")).expect_err("no key");
    assert!(error.ends_with("link.key_file is missing: add key_file = \"node.key\" to [link]"), "{error}");
    assert!(read("node_id =").expect_err("no TOML").contains("not TOML"));
}

#[test]
fn two_nodes_cannot_share_a_number_or_an_address() {
    let peer =
        |id: u16, port: u16| format!("[[peers]]\nnode_id = {id}\nregion = \"eu\"\naddress = \"127.0.0.1:{port}\"\n");
    refused(&peer(1, 1), "peers[0].node_id = 1: another node has this number; each needs its own");
    refused(&(peer(2, 1) + &peer(2, 2)), "peers[1].node_id = 2: another node has this number; each needs its own");
    refused(&(peer(2, 1) + &peer(3, 1)), "peers[1].address = \"127.0.0.1:1\": another peer has this address");
}

#[test]
fn beyond_loopback_a_door_needs_certificates_and_must_know_its_clients() {
    let end = "or listen on 127.0.0.1";
    refused(
        "[resp]\nlisten = \"0.0.0.0:6379\"",
        &format!(
            "resp.listen = \"0.0.0.0:6379\": others than this machine could connect; \
        add certificate_file and key_file, and password_file or client_authority_file to [resp], {end}"
        ),
    );
    let tls = "certificate_file = \"a\"\nkey_file = \"b\"\n";
    refused(
        &format!("[resp]\nlisten = \"[::]:6379\"\n{tls}"),
        &format!(
            "resp.listen = \"[::]:6379\": others than this machine could connect; \
        add password_file or client_authority_file to [resp], {end}"
        ),
    );
    refused(
        &format!("[http]\nlisten = \"10.0.0.1:80\"\n{tls}"),
        &format!(
            "http.listen = \"10.0.0.1:80\": others than this machine could connect; \
        add token_file to [http], {end}"
        ),
    );
    assert!(with(&format!("[resp]\nlisten = \"0.0.0.0:6379\"\nclient_authority_file = \"c\"\n{tls}")).is_ok());
    refused("[resp]\ncertificate_file = \"a\"", "resp.certificate_file = \"a\": needs key_file beside it");
    refused(
        "[resp]\nclient_authority_file = \"a\"",
        "resp.client_authority_file = \"a\": needs certificate_file and key_file beside it",
    );
}

#[test]
fn a_secret_comes_from_a_file_that_only_its_owner_can_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("password");
    fs::write(&file, "s3cret\n").expect("written");
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("owned");
    let more = format!("[resp]\npassword_file = \"{}\"", file.display());
    mode(0o640);
    let error = with(&more).expect_err("too open");
    assert!(error.contains("others can read this file (mode 0640); run: chmod 600"), "{error}");
    mode(0o600);
    assert_eq!(with(&more).expect("right").node.password.as_deref(), Some("s3cret"));
    fs::write(&file, "\n").expect("written");
    assert!(with(&more).expect_err("empty").contains("first line is empty"));
}

#[test]
fn links_are_shaped_only_where_that_is_allowed() {
    let peer = "[[peers]]\nnode_id = 2\nregion = \"eu\"\naddress = \"127.0.0.1:1\"\n";
    let shape = "[[emulation]]\npeer = 2\none_way_ms = 41.5\ncut = true\n";
    refused(
        &format!("{peer}{shape}"),
        "emulation_allowed = false: [[emulation]] is for development; set this to true or leave it out",
    );
    let allowed = format!("emulation_allowed = true\n{LEAST}");
    let config = read(&format!("{allowed}{peer}{shape}")).expect("right");
    let (peer_id, shape) = config.node.shapes[0];
    assert_eq!((peer_id, shape.one_way, shape.cut), (2, Duration::from_micros(41_500), true));
    let error = read(&format!("{allowed}[[emulation]]\npeer = 2\n")).expect_err("no such peer");
    assert!(error.contains("emulation[0].peer = 2: no [[peers]] has this node_id"), "{error}");
}

#[test]
fn a_region_stands_somewhere_under_some_law_or_nobody_says_where() {
    let config = read(LEAST).expect("right");
    assert_eq!((config.node.latitude, config.node.longitude), (None, None));
    assert!(config.node.jurisdictions.is_empty() && config.node.authority_key_file.is_none());
    let top = |more: &str| read(&format!("{more}\n{LEAST}"));
    let config = top("latitude = 52.4\nlongitude = 5\njurisdictions = \"nl, eu,nl\"").expect("right");
    assert_eq!((config.node.latitude, config.node.longitude), (Some(52.4), Some(5.0)));
    assert_eq!(config.node.jurisdictions, ["eu", "nl"]);
    for (wrong, said) in [
        ("latitude = 52.4", "latitude = 52.4: needs longitude beside it"),
        ("longitude = 5.0", "longitude = 5.0: needs latitude beside it"),
        ("latitude = 91\nlongitude = 5", "latitude = 91: must be a number from -90 to 90"),
        ("jurisdictions = \"eu,,nl\"", "jurisdictions = \"eu,,nl\": '' is no name"),
        ("jurisdictions = \"EU\"", "'EU' is no name; write names between commas"),
    ] {
        let error = top(wrong).expect_err(wrong).to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn an_authority_key_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("ca.key");
    fs::write(&file, "secret").expect("written");
    let text = LEAST.replace("authority_file", &format!("authority_key_file = \"{}\"\nauthority_file", file.display()));
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("owned");
    mode(0o644);
    let error = read(&text).expect_err("too open");
    assert!(error.contains("link.authority_key_file") && error.contains("mode 0644"), "{error}");
    mode(0o600);
    assert_eq!(read(&text).expect("right").node.authority_key_file.as_deref(), Some(file.as_path()));
}

#[test]
fn limits_have_defaults_and_may_be_lowered_but_not_raised_beyond_what_records_hold() {
    let config = read(LEAST).expect("a right configuration");
    assert_eq!(config.node.bounds, lc_db::Bounds::default());
    assert_eq!(config.node.queues.journal_wait, Duration::from_secs(5));
    assert_eq!(config.resp.stall_timeout, Some(Duration::from_secs(60)));
    let config = with("[limits]\nvalue_bytes_max = 65536\n[resp]\nstall_timeout_ms = 0\n").expect("right");
    assert_eq!((config.node.bounds.value_bytes_max, config.resp.stall_timeout), (65536, None));
    refused(
        "[limits]\nvalue_bytes_max = 8388609\n",
        "limits.value_bytes_max = 8388609: must be a whole number from 1024 to 8388608",
    );
}

#[test]
fn the_largest_request_and_reply_fit_into_the_room_for_all() {
    refused(
        "[resp]\nbuffers_bytes_max = 67108864\n",
        "resp.buffers_bytes_max = 67108864: request_bytes_max, limits.reply_bytes_max and 4 MiB must fit; set it to 138412032 or more",
    );
    let small =
        "[resp]\nbuffers_bytes_max = 67108864\nrequest_bytes_max = 16777216\n[limits]\nreply_bytes_max = 16777216\n";
    assert_eq!(with(small).expect("they fit").node.client_buffers_bytes_max, 64 << 20);
}
