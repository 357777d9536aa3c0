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
fn a_region_cannot_come_where_a_table_would_not_have_it() {
    // Every node holds every record, so a list of all regions is kept until one more comes.
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("placement", "kyiv,oslo,paris")])).expect("all there are");
    let before = catalogue.clone();
    for change in [invite(1, "rome", None, HOUR_MS), Change::RegisterNode(claim(4, "rome"))] {
        let refused = apply(&mut catalogue, 21, change).expect_err("a copy would lie in rome");
        assert!(matches!(&refused, Refused::TableInTheWay { table, .. } if table == "carts"), "{refused:?}");
    }
    assert_eq!(catalogue, before);
    apply(&mut catalogue, 22, invite(1, "oslo", None, HOUR_MS)).expect("a second node of a region that is named");
}

#[test]
fn the_table_is_asked_again_when_the_invited_node_comes() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, invite(1, "rome", None, HOUR_MS)).expect("nobody minds");
    apply(&mut catalogue, 21, create("carts", &[("placement", "kyiv,oslo,paris")])).expect("all there are");
    let refused = apply(&mut catalogue, 22, consume(1, 77)).expect_err("a copy would lie in rome");
    assert!(matches!(refused, Refused::TableInTheWay { .. }), "{refused:?}");
    apply(&mut catalogue, 23, alter("carts", &[("placement", "everywhere")], None)).expect("kept");
    apply(&mut catalogue, 24, consume(1, 77)).expect("the invitation was not used up");
}

#[test]
fn an_invitation_goes_with_its_region() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, invite(1, "oslo", None, HOUR_MS)).expect("invited");
    apply(&mut catalogue, 21, remove_region("oslo")).expect("two are left");
    assert_eq!(apply(&mut catalogue, 22, consume(1, 77)), Err(Refused::NoInvitation));
    assert!(catalogue.region("oslo").is_none());
}
