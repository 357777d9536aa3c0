use lc_core::NodeId;

use crate::catalogue::Catalogue;
use crate::catalogue::testing::{HOUR_MS, apply, claim, consume, invite, revoke, three_regions};
use crate::{Answer, Change, Outcome, Refused, TokenHash, limits};

fn invited_id(answer: Answer) -> u16 {
    match answer.outcome {
        Outcome::Invited { node, .. } => node.0,
        other => panic!("{other:?}"),
    }
}

fn joined(node: u16, region: &str) -> Outcome {
    Outcome::Joined { node: NodeId(node), region: region.to_owned() }
}

#[test]
fn an_invited_node_joins_once_and_its_directory_takes_the_id() {
    let mut catalogue = three_regions();
    let node = invited_id(apply(&mut catalogue, 20, invite(1, "rome", None, HOUR_MS)).expect("invited"));
    assert_eq!(node, 4);
    assert!(catalogue.region("rome").is_none(), "an invitation is not yet a region");
    let answer = apply(&mut catalogue, 30, consume(1, 77)).expect("invited");
    assert_eq!((answer.version, answer.changed, answer.outcome), (3, true, joined(4, "rome")));
    assert_eq!(catalogue.node(NodeId(4)).map(|node| (node.region.as_str(), node.instance)), Some(("rome", None)));
    assert!(apply(&mut catalogue, 40, Change::RegisterNode(claim(4, "rome"))).expect("its own id").changed);
    assert_eq!(catalogue.node(NodeId(4)).expect("there").instance, Some(1004));
}

#[test]
fn a_lost_answer_can_be_asked_for_again_and_by_nobody_else() {
    let mut catalogue = three_regions();
    let first = apply(&mut catalogue, 20, invite(1, "rome", None, HOUR_MS)).expect("invited");
    let again = apply(&mut catalogue, 21, invite(1, "rome", None, HOUR_MS)).expect("invited already");
    assert_eq!((again.changed, again.outcome), (false, first.outcome));
    apply(&mut catalogue, 30, consume(1, 77)).expect("invited");
    // Even after the invitation would have run out: it was used in time.
    let again = apply(&mut catalogue, 2 * HOUR_MS, consume(1, 77)).expect("the same one");
    assert_eq!((again.changed, again.outcome), (false, joined(4, "rome")));
    assert_eq!(apply(&mut catalogue, 32, consume(1, 78)), Err(Refused::InvitationUsed { node: 4 }));
    apply(&mut catalogue, 33, Change::RemoveNode { node: NodeId(4) }).expect("three are left");
    assert_eq!(apply(&mut catalogue, 34, consume(1, 77)), Err(Refused::Left { node: 4 }));
}

#[test]
fn an_invitation_that_ran_out_is_not_one_that_never_was() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, invite(1, "rome", None, HOUR_MS)).expect("invited");
    let late = apply(&mut catalogue, HOUR_MS + 5_999, consume(1, 77)).expect_err("late");
    assert_eq!(late, Refused::InvitationExpired { ago_s: 5 });
    assert_eq!(apply(&mut catalogue, 30, consume(2, 77)), Err(Refused::NoInvitation));
    apply(&mut catalogue, HOUR_MS - 1, consume(1, 77)).expect("still open");
    let refused = apply(&mut catalogue, 50, invite(3, "rome", None, 50)).expect_err("over at once");
    assert!(matches!(refused, Refused::Bounds { .. }), "{refused:?}");
}

#[test]
fn an_id_is_promised_to_one_until_the_promise_runs_out() {
    let mut catalogue = three_regions();
    assert_eq!(invited_id(apply(&mut catalogue, 20, invite(1, "rome", None, HOUR_MS)).expect("lowest")), 4);
    assert_eq!(invited_id(apply(&mut catalogue, 20, invite(2, "rome", None, HOUR_MS)).expect("next")), 5);
    assert_eq!(invited_id(apply(&mut catalogue, 20, invite(3, "rome", Some(9), HOUR_MS)).expect("asked for")), 9);
    let reserved = Err(Refused::Reserved { node: 4, region: "rome".to_owned() });
    assert_eq!(apply(&mut catalogue, 21, invite(4, "rome", Some(4), HOUR_MS)), reserved);
    assert_eq!(apply(&mut catalogue, 21, Change::RegisterNode(claim(4, "rome"))), reserved);
    assert_eq!(apply(&mut catalogue, 21, invite(4, "rome", Some(2), HOUR_MS)), Err(Refused::NodeTaken { node: 2 }));
    let later = apply(&mut catalogue, HOUR_MS, invite(4, "rome", None, 2 * HOUR_MS)).expect("free again");
    assert_eq!(invited_id(later), 4);
    // The clock of who lets the first one in may be behind: the id has another promise by now, but nobody has it yet.
    apply(&mut catalogue, HOUR_MS - 1, consume(1, 77)).expect("open by that clock");
    assert_eq!(apply(&mut catalogue, HOUR_MS, consume(4, 78)), Err(Refused::NodeTaken { node: 4 }));
}

#[test]
fn an_invitation_that_was_taken_back_lets_nobody_in_and_its_id_is_free_again() {
    let mut catalogue = three_regions();
    let node = invited_id(apply(&mut catalogue, 20, invite(1, "rome", None, HOUR_MS)).expect("invited"));
    let outcome = Outcome::Revoked { node: NodeId(node), region: "rome".to_owned() };
    let answer = apply(&mut catalogue, 30, revoke(1)).expect("not used");
    assert_eq!((answer.changed, &answer.outcome), (true, &outcome));
    let again = apply(&mut catalogue, 31, revoke(1)).expect("so already");
    assert_eq!((again.changed, again.version, again.outcome), (false, answer.version, outcome));
    assert_eq!(apply(&mut catalogue, 32, consume(1, 77)), Err(Refused::InvitationRevoked));
    // Not even by a clock for which it is still to be taken back.
    assert_eq!(apply(&mut catalogue, 25, consume(1, 77)), Err(Refused::InvitationRevoked));
    assert_eq!(invited_id(apply(&mut catalogue, 33, invite(2, "rome", None, HOUR_MS)).expect("invited")), node);
    let exists = Err(Refused::InvitationExists { node, region: "rome".to_owned() });
    assert_eq!(apply(&mut catalogue, 34, invite(1, "rome", None, HOUR_MS)), exists, "the token is spoilt");
    assert_eq!(Catalogue::restore(&catalogue.snapshot()), Ok(catalogue));
}

#[test]
fn what_was_used_or_never_made_cannot_be_taken_back() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, invite(1, "rome", None, HOUR_MS)).expect("invited");
    apply(&mut catalogue, 30, consume(1, 77)).expect("invited");
    let before = catalogue.clone();
    assert_eq!(apply(&mut catalogue, 40, revoke(1)), Err(Refused::InvitationSpent { node: 4 }));
    assert_eq!(apply(&mut catalogue, 40, revoke(2)), Err(Refused::NoInvitation));
    assert_eq!(catalogue, before);
}

#[test]
fn invitations_taken_back_are_forgotten_in_the_end() {
    let mut catalogue = three_regions();
    for token in 0..=200 {
        apply(&mut catalogue, 20, invite(token, "rome", None, 100 + u64::from(token))).expect("an id is free");
        apply(&mut catalogue, 20, revoke(token)).expect("not used");
    }
    assert_eq!(catalogue.invitations().len(), limits::EXPIRED_INVITATIONS_MAX);
}

#[test]
fn a_newcomer_at_an_address_that_a_node_has_is_refused_and_may_say_another() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, invite(1, "rome", None, HOUR_MS)).expect("invited");
    let at = |address: &str| Change::ConsumeInvitation {
        token_hash: TokenHash([1; 32]),
        instance: 77,
        address: address.to_owned(),
        coordinates: None,
        jurisdictions: Default::default(),
    };
    let refused = apply(&mut catalogue, 30, at("10.0.0.2:7379")).expect_err("node 2 is there");
    assert_eq!(
        refused.to_string(),
        "link address 10.0.0.2:7379 is that of node 2 in region \"oslo\": say another one, or remove node 2 first if it is gone"
    );
    apply(&mut catalogue, 31, at("10.0.0.2:7380")).expect("another port is another address");
}

#[test]
fn one_token_is_one_invitation() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, invite(1, "rome", None, HOUR_MS)).expect("invited");
    let refused = apply(&mut catalogue, 21, invite(1, "bern", None, HOUR_MS)).expect_err("the same token");
    assert_eq!(refused, Refused::InvitationExists { node: 4, region: "rome".to_owned() });
}

#[test]
fn ids_run_out_in_the_end_and_promises_are_forgotten() {
    let mut catalogue = three_regions();
    for token in 0..60 {
        apply(&mut catalogue, 20, invite(token, "rome", None, 100)).expect("an id is free");
    }
    let refused = apply(&mut catalogue, 20, invite(60, "rome", None, 100));
    assert_eq!(refused, Err(Refused::NoNodeIdLeft { max: 63 }));
    for round in 1..=3u64 {
        for token in 0..60 {
            let token = u8::try_from(round * 60 + token).expect("below 256");
            apply(&mut catalogue, 100 * round, invite(token, "rome", None, 100 * round + 100)).expect("free again");
        }
    }
    let open = catalogue.invitations().filter(|invitation| invitation.is_open(300)).count();
    assert_eq!((open, catalogue.invitations().len()), (60, 60 + limits::EXPIRED_INVITATIONS_MAX));
    // The ones that ran out last are those that are remembered.
    assert_eq!(apply(&mut catalogue, 500, consume(0, 1)), Err(Refused::NoInvitation));
    assert_eq!(apply(&mut catalogue, 1_300, consume(179, 1)), Err(Refused::InvitationExpired { ago_s: 1 }));
    assert_eq!(Catalogue::restore(&catalogue.snapshot()), Ok(catalogue));
}

#[test]
fn what_a_newcomer_says_wrongly_does_not_use_the_invitation_up() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, invite(1, "rome", None, HOUR_MS)).expect("invited");
    let before = catalogue.clone();
    let wrong = Change::ConsumeInvitation {
        token_hash: TokenHash([1; 32]),
        instance: 77,
        address: "nowhere".to_owned(),
        coordinates: None,
        jurisdictions: Default::default(),
    };
    let refused = apply(&mut catalogue, 21, wrong).expect_err("no port");
    assert_eq!(refused.to_string(), "link address \"nowhere\" cannot be one: host:port of at most 260 characters");
    assert_eq!(catalogue, before);
}
