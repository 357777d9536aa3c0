use lc_core::NodeId;

use crate::catalogue::Catalogue;
use crate::catalogue::testing::{HOUR_MS, alter, apply, claim, consume, create, genesis, invite, three_regions};
use crate::{Change, Coordinates, NodeState, Outcome, Refused};

fn remove(node: u16) -> Change {
    Change::RemoveNode { node: NodeId(node) }
}

fn remove_region(region: &str) -> Change {
    Change::RemoveRegion { region: region.to_owned() }
}

#[test]
fn a_node_that_says_the_same_again_changes_nothing() {
    let mut catalogue = three_regions();
    let before = catalogue.clone();
    let answer = apply(&mut catalogue, 20, Change::RegisterNode(claim(2, "oslo"))).expect("known");
    assert_eq!((answer.version, answer.changed, answer.outcome), (1, false, Outcome::Registered { node: NodeId(2) }));
    assert_eq!(catalogue, before);
}

#[test]
fn a_node_that_moved_to_another_address_is_followed() {
    let mut catalogue = three_regions();
    let mut moved = claim(2, "oslo");
    moved.address = "10.9.9.9:1".to_owned();
    let answer = apply(&mut catalogue, 20, Change::RegisterNode(moved)).expect("the same directory");
    assert_eq!((answer.version, answer.changed), (2, true));
    assert_eq!(catalogue.node(NodeId(2)).expect("there").address, "10.9.9.9:1");
}

/// Peers dialled the one in the other's place, and each found a certificate that it did not expect.
#[test]
fn two_nodes_cannot_be_at_one_address_until_one_of_them_left() {
    let mut catalogue = three_regions();
    let before = catalogue.clone();
    let taken = Refused::AddressTaken { address: "10.0.0.2:7379".to_owned(), node: 2, region: "oslo".to_owned() };
    for (node, region) in [(3, "kyiv"), (7, "rome")] {
        let mut there = claim(node, region);
        there.address = "10.0.0.2:7379".to_owned();
        assert_eq!(apply(&mut catalogue, 20, Change::RegisterNode(there)), Err(taken.clone()));
    }
    assert_eq!(catalogue, before);
    apply(&mut catalogue, 21, Change::RemoveNode { node: NodeId(2) }).expect("two are left");
    let mut there = claim(3, "kyiv");
    there.address = "10.0.0.2:7379".to_owned();
    apply(&mut catalogue, 22, Change::RegisterNode(there)).expect("nobody is there any more");
}

#[test]
fn nodes_that_listen_everywhere_and_say_no_address_do_not_stand_in_each_other_s_way() {
    let mut catalogue = three_regions();
    for (node, region) in [(2, "oslo"), (3, "kyiv")] {
        let mut everywhere = claim(node, region);
        everywhere.address = "0.0.0.0:7379".to_owned();
        apply(&mut catalogue, 20, Change::RegisterNode(everywhere)).expect("others' files say where it is");
    }
}

#[test]
fn two_data_directories_cannot_have_one_node_id() {
    let mut catalogue = three_regions();
    let before = catalogue.clone();
    let mut other = claim(2, "oslo");
    other.instance = Some(0xbad);
    let refused = apply(&mut catalogue, 20, Change::RegisterNode(other)).expect_err("another directory");
    assert_eq!(refused, Refused::TwoDirectories { node: 2, known: 1002, claimed: 0xbad });
    assert!(refused.to_string().starts_with("node id 2 is claimed by two data directories"), "{refused}");
    assert_eq!(catalogue, before);
}

#[test]
fn a_node_that_its_peers_spoke_for_gets_the_id_with_its_first_directory() {
    let mut catalogue = Catalogue::default();
    let mut spoken_for = claim(2, "oslo");
    spoken_for.instance = None;
    apply(&mut catalogue, 10, genesis(vec![claim(1, "paris"), spoken_for.clone()])).expect("begun");
    assert!(apply(&mut catalogue, 20, Change::RegisterNode(claim(2, "oslo"))).expect("first").changed);
    // A peer that speaks for it later does not take its directory's name away.
    assert!(!apply(&mut catalogue, 21, Change::RegisterNode(spoken_for)).expect("known").changed);
    let mut other = claim(2, "oslo");
    other.instance = Some(7);
    let refused = apply(&mut catalogue, 22, Change::RegisterNode(other)).expect_err("second");
    assert_eq!(refused, Refused::TwoDirectories { node: 2, known: 1002, claimed: 7 });
}

#[test]
fn a_node_never_changes_its_region() {
    let mut catalogue = three_regions();
    let refused = apply(&mut catalogue, 20, Change::RegisterNode(claim(2, "rome"))).expect_err("moved");
    let expected = Refused::WrongRegion { node: 2, known: "oslo".to_owned(), claimed: "rome".to_owned() };
    assert_eq!(refused, expected);
    assert!(catalogue.region("rome").is_none());
}

#[test]
fn a_region_is_where_its_node_last_said_and_stays_there_if_it_says_nothing() {
    let mut catalogue = three_regions();
    let mut there = claim(2, "oslo");
    there.coordinates = Coordinates::of_degrees(59.91, 10.75);
    there.jurisdictions = ["no".to_owned()].into();
    assert!(apply(&mut catalogue, 20, Change::RegisterNode(there.clone())).expect("known").changed);
    assert!(!apply(&mut catalogue, 21, Change::RegisterNode(claim(2, "oslo"))).expect("known").changed);
    let oslo = catalogue.region("oslo").expect("there");
    assert_eq!((oslo.coordinates, &oslo.jurisdictions), (there.coordinates, &there.jurisdictions));
}

#[test]
fn a_second_node_of_a_region_is_not_a_region_more() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, Change::RegisterNode(claim(4, "oslo"))).expect("new");
    assert_eq!((catalogue.regions().len(), catalogue.active_nodes().count()), (3, 4));
    // With one of its two nodes the region is still there.
    apply(&mut catalogue, 21, remove(2)).expect("node 4 stays");
    assert!(catalogue.region("oslo").is_some());
    apply(&mut catalogue, 22, remove(4)).expect("two regions stay");
    assert!(catalogue.region("oslo").is_none());
}

#[test]
fn an_id_is_never_used_again() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, remove(2)).expect("two are left");
    assert_eq!(catalogue.node(NodeId(2)).expect("remembered").state, NodeState::Left(20));
    let again = apply(&mut catalogue, 21, remove(2)).expect("it has left");
    assert!(!again.changed);
    let back = apply(&mut catalogue, 22, Change::RegisterNode(claim(2, "oslo")));
    assert_eq!(back, Err(Refused::Left { node: 2 }));
    let invited = apply(&mut catalogue, 23, invite(1, "oslo", Some(2), HOUR_MS));
    assert_eq!(invited, Err(Refused::Left { node: 2 }));
    let next = apply(&mut catalogue, 24, invite(1, "oslo", None, HOUR_MS)).expect("another id");
    assert!(matches!(next.outcome, Outcome::Invited { node: NodeId(4), .. }), "{next:?}");
}

#[test]
fn the_last_one_cannot_leave() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, remove(2)).expect("two are left");
    apply(&mut catalogue, 21, remove_region("kyiv")).expect("one is left");
    for change in [remove(1), remove_region("paris")] {
        let refused = apply(&mut catalogue, 22, change).expect_err("the last");
        assert!(matches!(refused, Refused::Last { .. }), "{refused:?}");
    }
    assert_eq!(apply(&mut catalogue, 23, remove(9)), Err(Refused::NoSuchNode { node: 9 }));
    let refused = apply(&mut catalogue, 24, remove_region("oslo")).expect_err("gone");
    assert_eq!(refused.to_string(), "no region is called \"oslo\"; there are paris");
}

#[test]
fn a_region_cannot_leave_while_a_table_counts_on_it() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("ack", "regions(3)")])).expect("kept by three");
    let before = catalogue.clone();
    for change in [remove_region("oslo"), remove(2)] {
        let refused = apply(&mut catalogue, 21, change).expect_err("two cannot be three");
        let text = refused.to_string();
        assert!(text.starts_with("with region \"oslo\" gone, table \"carts\" could not keep its dials"), "{text}");
        assert!(text.contains("regions(3)"), "{text}");
    }
    assert_eq!(catalogue, before);
    apply(&mut catalogue, 22, alter("carts", &[("ack", "majority")], None)).expect("two are a majority of two");
    apply(&mut catalogue, 23, remove_region("oslo")).expect("nobody counts on it");
}

#[test]
fn a_region_that_comes_is_in_no_list() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("placement", "kyiv,oslo,paris")])).expect("all there are");
    apply(&mut catalogue, 21, invite(1, "rome", None, HOUR_MS)).expect("nobody minds");
    apply(&mut catalogue, 22, consume(1, 77)).expect("invited");
    let tables = catalogue.tables();
    assert!(!tables.may_hold("rome", b"carts:1") && tables.may_hold("rome", b"users:1"));
    apply(&mut catalogue, 23, alter("carts", &[("placement", "everywhere")], None)).expect("rome will be given it");
    assert!(catalogue.tables().of_key(b"carts:1").is_arriving_in("rome"));
}

#[test]
fn a_region_that_leaves_is_taken_off_every_list_in_the_same_change() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("placement", "oslo,paris")])).expect("two of three");
    apply(&mut catalogue, 21, create("users", &[("placement", "oslo,kyiv")])).expect("two of three");
    apply(&mut catalogue, 22, create("bids", &[("placement", "paris")])).expect("one of three");
    let answer = apply(&mut catalogue, 23, remove_region("oslo")).expect("each has another region");
    assert_eq!(answer.version, 5, "one change of the catalogue");
    let placement =
        |table: &str| catalogue.history(table).and_then(|table| table.policy()).expect("there").placement.clone();
    assert_eq!(["carts", "users", "bids"].map(|name| placement(name).to_string()), ["[paris]", "[kyiv]", "[paris]"]);
    let carts = catalogue.history("carts").expect("there");
    let latest = carts.latest();
    assert_eq!((latest.version, latest.catalogue_version, latest.placement_version), (2, 5, 5));
    assert_eq!((latest.actor.as_str(), latest.note.as_str()), ("ann", "region oslo left the cluster"));
    assert_eq!(catalogue.history("bids").expect("there").version(), 1, "it did not name oslo");
    assert_eq!(Catalogue::restore(&catalogue.snapshot()), Ok(catalogue));
}

#[test]
fn the_only_region_of_a_table_cannot_leave() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("placement", "oslo")])).expect("one of three");
    apply(&mut catalogue, 21, create("also", &[("placement", "oslo,paris")])).expect("two of three");
    let before = catalogue.clone();
    for change in [remove_region("oslo"), remove(2)] {
        let refused = apply(&mut catalogue, 22, change).expect_err("its records would be gone");
        assert_eq!(
            refused.to_string(),
            "table \"carts\": region oslo alone holds its records: widen its placement first, and remove the region once \
             another one has arrived"
        );
    }
    assert_eq!(catalogue, before);
}

#[test]
fn a_region_cannot_leave_if_too_few_would_hold_a_table() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("placement", "oslo,paris"), ("ack", "regions(2)")])).expect("two");
    let refused = apply(&mut catalogue, 21, remove_region("oslo")).expect_err("one cannot be two");
    assert!(matches!(&refused, Refused::TableInTheWay { table, .. } if table == "carts"), "{refused:?}");
    apply(&mut catalogue, 22, remove_region("kyiv")).expect("it holds nothing of carts");
}

#[test]
fn an_invitation_goes_with_its_region() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, invite(1, "oslo", None, HOUR_MS)).expect("invited");
    apply(&mut catalogue, 21, remove_region("oslo")).expect("two are left");
    assert_eq!(apply(&mut catalogue, 22, consume(1, 77)), Err(Refused::NoInvitation));
    assert!(catalogue.region("oslo").is_none());
}

#[test]
fn a_nodes_data_begins_anew_once_however_often_it_is_asked() {
    let mut catalogue = three_regions();
    let renew = |replaces| Change::RenewNode { node: NodeId(2), replaces };
    let renewed = Outcome::Renewed { node: NodeId(2), incarnation: 1 };
    assert_eq!(apply(&mut catalogue, 20, renew(0)).expect("it is there").outcome, renewed);
    let version = catalogue.version();
    assert_eq!(apply(&mut catalogue, 21, renew(0)).expect("as before").outcome, renewed);
    assert_eq!(catalogue.version(), version);
    let node = catalogue.node(NodeId(2)).expect("it stays");
    assert_eq!((node.instance, node.incarnation), (None, 1));
    assert_eq!(Catalogue::restore(&catalogue.snapshot()), Ok(catalogue.clone()));
    assert_eq!(
        apply(&mut catalogue, 22, Change::RenewNode { node: NodeId(9), replaces: 0 }),
        Err(Refused::NoSuchNode { node: 9 })
    );
}
