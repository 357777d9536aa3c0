use lc_core::{Fault, NodeId};
use lc_policy::DEFAULT_TABLE;

use super::Catalogue;
use super::testing::{alter, apply, claim, command, consume, create, genesis, invite, policy, three_regions};
use crate::{Change, ClusterId, Command, Coordinates, Outcome, Refused, Secret, decode_answer, encode_command};

#[test]
fn nothing_is_there_before_the_beginning() {
    let mut catalogue = Catalogue::default();
    for change in [Change::RegisterNode(claim(1, "paris")), create("carts", &[])] {
        let refused = apply(&mut catalogue, 1, change).expect_err("too early");
        assert_eq!((&refused, refused.fault()), (&Refused::NotFounded, Fault::Retry));
    }
    assert_eq!(catalogue, Catalogue::default());
    assert_eq!((catalogue.version(), catalogue.tables().version, catalogue.session_keys().len()), (0, 0, 0));
    assert!(catalogue.tables().all_plain());
}

#[test]
fn the_first_beginning_wins_and_may_be_told_again() {
    let mut catalogue = three_regions();
    let before = catalogue.clone();
    assert_eq!(catalogue.version(), 1);
    let again = apply(&mut catalogue, 99, genesis(vec![claim(1, "paris")])).expect("the same id");
    assert_eq!((again.changed, again.version), (false, 1));
    let other = Change::Genesis {
        cluster: "shop".to_owned(),
        cluster_id: ClusterId([8; 16]),
        session_key: Secret::new([2; 32]),
        nodes: vec![claim(7, "rome")],
    };
    let refused = apply(&mut catalogue, 99, other).expect_err("second");
    assert_eq!(refused, Refused::Founded { cluster: "shop".to_owned(), cluster_id: ClusterId([9; 16]) });
    assert_eq!(catalogue, before);
}

#[test]
fn a_beginning_that_makes_no_sense_leaves_no_trace() {
    let mut bad_coordinates = claim(1, "paris");
    bad_coordinates.coordinates =
        serde_json::from_str::<Coordinates>(r#"{"latitude_udeg":90000001,"longitude_udeg":0}"#).ok();
    assert!(bad_coordinates.coordinates.is_some());
    for nodes in [
        vec![],
        vec![claim(0, "paris")],
        vec![claim(64, "paris")],
        vec![claim(1, "paris"), claim(1, "oslo")],
        vec![claim(1, "Paris")],
        vec![bad_coordinates],
    ] {
        let mut catalogue = Catalogue::default();
        apply(&mut catalogue, 1, genesis(nodes)).expect_err("no sense");
        assert_eq!(catalogue, Catalogue::default());
    }
}

#[test]
fn the_data_path_sees_the_tables_of_this_version() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("ack", "regions(2)")])).expect("kept by three");
    let tables = catalogue.tables();
    assert_eq!((tables.version, tables.all_plain()), (2, false));
    assert_eq!(tables.of_key(b"carts:7").policy, policy(&[("ack", "regions(2)")]));
    assert_eq!((tables.of_key(b"users:7").name.as_str(), tables.of_key(b"users:7").version), (DEFAULT_TABLE, 1));
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["default", "carts"]);
}

#[test]
fn regions_are_told_to_policies_by_name_with_where_they_are() {
    let mut catalogue = three_regions();
    let mut oslo = claim(2, "oslo");
    oslo.coordinates = Coordinates::of_degrees(59.91, 10.75);
    oslo.jurisdictions = ["no".to_owned(), "eea".to_owned()].into();
    apply(&mut catalogue, 20, Change::RegisterNode(oslo)).expect("known");
    let topology = catalogue.topology();
    assert_eq!(topology.names(), "kyiv, oslo, paris");
    let oslo = topology.region("oslo").expect("there");
    assert_eq!((oslo.latitude, oslo.longitude), (Some(59.91), Some(10.75)));
    assert_eq!(oslo.jurisdictions, ["eea", "no"]);
    assert_eq!(topology.region("paris").expect("there").latitude, None);
}

#[test]
fn of_two_rotations_at_once_one_wins_and_the_last_two_keys_count() {
    let mut catalogue = three_regions();
    let rotate = |byte: u8, replaces: u64| Change::RotateSessionKey { secret: Secret::new([byte; 32]), replaces };
    let first = apply(&mut catalogue, 20, rotate(2, 1)).expect("first");
    assert_eq!((first.changed, first.outcome), (true, Outcome::Rotated { key_id: 2 }));
    let retried = apply(&mut catalogue, 21, rotate(2, 1)).expect("asked again");
    assert_eq!((retried.changed, retried.version), (false, 2));
    let second = apply(&mut catalogue, 22, rotate(3, 1)).expect_err("second");
    assert_eq!(second, Refused::KeyChanged { current: 2, replaces: 1 });
    assert_eq!(apply(&mut catalogue, 23, rotate(1, 2)), Err(Refused::KeyReused));
    apply(&mut catalogue, 24, rotate(3, 2)).expect("looked again");
    let keys: Vec<u64> = catalogue.session_keys().iter().map(|key| key.id).collect();
    assert_eq!(keys, [3, 2]);
}

#[test]
fn nothing_that_is_printed_shows_a_session_key() {
    let mut catalogue = three_regions();
    let rotation = command(20, Change::RotateSessionKey { secret: Secret::new([0xab; 32]), replaces: 1 });
    catalogue.apply(&rotation).expect("rotated");
    let answer = catalogue.apply_bytes(&encode_command(&rotation));
    for text in [
        format!("{catalogue:?}"),
        format!("{rotation:?}"),
        format!("{:?}", catalogue.session_keys()),
        String::from_utf8(answer[1..].to_vec()).expect("JSON"),
    ] {
        assert!(!text.contains("abab") && !text.contains("171, 171"), "{text}");
    }
}

#[test]
fn a_preview_answers_as_the_command_would_and_changes_nothing() {
    let mut catalogue = three_regions();
    let before = catalogue.clone();
    let right = command(20, create("carts", &[]));
    let foreseen = catalogue.preview(&right);
    assert_eq!(catalogue, before);
    assert_eq!(foreseen, catalogue.apply(&right));
    let wrong = command(21, alter("carts", &[("ack", "regions(4)")], None));
    let foreseen = catalogue.preview(&wrong);
    assert!(matches!(foreseen, Err(Refused::Policy { not_yet: false, .. })), "{foreseen:?}");
    assert_eq!(foreseen, catalogue.apply(&wrong));
}

#[test]
fn distances_count_for_the_proposer_and_not_for_what_all_must_decide_alike() {
    let mut catalogue = Catalogue::default();
    let mut nodes = vec![claim(1, "oslo"), claim(2, "sydney")];
    nodes[0].coordinates = Coordinates::of_degrees(59.91, 10.75);
    nodes[1].coordinates = Coordinates::of_degrees(-33.87, 151.21);
    apply(&mut catalogue, 10, genesis(nodes)).expect("begun");
    let hasty = command(20, create("carts", &[("ack", "all"), ("ack_timeout_ms", "1")]));
    let foreseen = catalogue.preview(&hasty);
    assert!(matches!(foreseen, Err(Refused::Policy { .. })), "{foreseen:?}");
    catalogue.apply(&hasty).expect("proposed all the same");
}

#[test]
fn bytes_are_applied_and_answered() {
    let mut catalogue = three_regions();
    let bytes = encode_command(&command(20, create("carts", &[])));
    let answer = decode_answer(&catalogue.apply_bytes(&bytes)).expect("an answer").expect("accepted");
    assert_eq!((answer.version, answer.changed), (2, true));
    let refused = decode_answer(&catalogue.apply_bytes(b"\x04{}")).expect("an answer").expect_err("of a later release");
    assert!(matches!(refused, Refused::Newer { version: 4, .. }), "{refused:?}");
    assert_eq!(catalogue.version(), 2);
}

#[test]
fn a_snapshot_that_no_catalogue_gave_is_refused() {
    let catalogue = three_regions();
    let json = String::from_utf8(catalogue.snapshot()[1..].to_vec()).expect("JSON");
    let restore = |json: &str| Catalogue::restore(&[&[2], json.as_bytes()].concat());
    assert_eq!(restore(&json), Ok(catalogue.clone()));
    for (from, to) in [
        (r#""version":1,"cluster""#, r#""version":18446744073709551615,"cluster""#),
        (r#""version":1,"cluster""#, r#""version":0,"cluster""#),
        (r#""forgotten_version":0"#, r#""forgotten_version":2"#),
        (r#""1":{"id":1"#, r#""1":{"id":2"#),
        (r#""1":{"id":1"#, r#""99":{"id":99"#),
        (r#""name":"default""#, r#""name":"carts""#),
        (r#""forgotten":0"#, r#""forgotten":18446744073709551615"#),
        (r#""forgotten":0"#, r#""forgotten":1"#),
        (r#""region":"oslo""#, r#""region":"rome""#),
        (r#""placement":"everywhere""#, r#""placement":["rome"]"#),
        (r#""placement_version":0"#, r#""placement_version":2"#),
        (r#""invitations":{}"#, r#""invitations":{},"secrets":[]"#),
    ] {
        let changed = json.replacen(from, to, 1);
        assert_ne!(changed, json, "{from}");
        let refused = restore(&changed).expect_err(to);
        assert!(matches!(refused, Refused::Malformed { .. }), "{refused:?}");
    }
    let mut later = catalogue.snapshot();
    later[0] = 4;
    assert!(matches!(Catalogue::restore(&later), Err(Refused::Newer { .. })));
}

#[test]
fn everyone_links_to_everyone_else_who_is_still_there() {
    let mut catalogue = three_regions();
    let peers = |catalogue: &Catalogue| catalogue.peers_of(NodeId(1)).map(|peer| peer.id.0).collect::<Vec<_>>();
    assert_eq!(peers(&catalogue), [2, 3]);
    apply(&mut catalogue, 20, Change::RemoveNode { node: NodeId(2) }).expect("two are left");
    assert_eq!(peers(&catalogue), [3]);
}

/// The blocks of JSON on the page that draws the bytes.
fn page_blocks() -> Vec<String> {
    let page = include_str!("../../../../docs/formats/catalogue.md");
    let blocks = page.split("```json\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("split gives a part").to_owned()).collect()
}

fn with_everything() -> (Catalogue, Vec<Command>) {
    let mut paris = claim(1, "paris");
    paris.coordinates = Coordinates::of_degrees(48.8575, 2.3514);
    paris.jurisdictions = ["fr".to_owned(), "eea".to_owned()].into();
    let commands = vec![
        command(1000, genesis(vec![paris])),
        command(2000, create("carts", &[("merge", "siblings"), ("placement", "paris")])),
        command(3000, invite(7, "oslo", None, 9000)),
        command(4000, consume(7, 77)),
    ];
    let mut catalogue = Catalogue::default();
    for command in &commands {
        catalogue.apply(command).expect("right");
    }
    (catalogue, commands)
}

#[test]
fn the_page_of_the_format_shows_what_is_written() {
    let (catalogue, commands) = with_everything();
    let of_bytes = |bytes: Vec<u8>, version: u8| {
        assert_eq!(bytes[0], version);
        serde_json::from_slice::<serde_json::Value>(&bytes[1..]).expect("JSON")
    };
    let written = [of_bytes(encode_command(&commands[1]), 1), of_bytes(catalogue.snapshot(), 2)];
    let shown: Vec<serde_json::Value> =
        page_blocks().iter().map(|block| serde_json::from_str(block).expect("JSON")).collect();
    assert_eq!(shown, written);
}

#[test]
fn a_snapshot_of_format_2_is_read_for_ever() {
    let block = page_blocks().pop().expect("the snapshot stands last");
    let restored = Catalogue::restore(&[&[2], block.as_bytes()].concat()).expect("format 2");
    assert_eq!(restored, with_everything().0);
}

#[test]
fn a_snapshot_of_format_1_is_read_for_ever() {
    let mut catalogue = Catalogue::default();
    apply(&mut catalogue, 1000, genesis(vec![claim(1, "paris")])).expect("begun");
    let json = String::from_utf8(catalogue.snapshot()[1..].to_vec()).expect("JSON");
    let json = json.replace(r#""placement_version":0,"#, "");
    assert!(!json.contains("placement_version"), "{json}");
    assert_eq!(Catalogue::restore(&[&[1], json.as_bytes()].concat()), Ok(catalogue));
}
