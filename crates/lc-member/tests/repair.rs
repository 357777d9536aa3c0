//! Records that rotted, or became others than those of the other regions: they are noticed, what differs is found, and a
//! repair puts it right while everybody goes on writing.

#[path = "repair/cluster.rs"]
mod cluster;

use std::sync::Arc;

use cluster::{Cluster, alter, node, rotten};
use lc_crdt::{Kind, Number, element_row, head_row};
use lc_db::Expiry;
use lc_member::{Member, Repair, RepairRefused, RepairState};
use lc_policy::{Placement, Policy, Table, Tables};

/// Three regions with a thousand strings and a few of everything else, all equal.
fn filled() -> Cluster {
    let mut cluster = Cluster::of(3);
    cluster.pass(500);
    for number in 0..1000 {
        cluster.set(number % 3, &format!("item:{number}"), &format!("value-{number}"));
    }
    for number in 0..50 {
        cluster.write(number % 3, &mut |txn| {
            let field = format!("field-{number}");
            txn.put_element(b"large", Kind::Hash, field.as_bytes(), b"old")?;
            txn.set_score(b"scores", field.as_bytes(), number as f64)?;
            txn.put_element(format!("set:{}", number % 7).as_bytes(), Kind::Set, field.as_bytes(), b"").map(drop)
        });
    }
    cluster.pass_until("all are equal", Cluster::is_settled);
    cluster
}

fn has_ended(cluster: &Cluster, at: usize) -> bool {
    cluster.members[at].repair().is_some_and(|repair| !repair.is_under_way())
}

/// Repairs one from another, and gives what became of it.
fn repair(cluster: &mut Cluster, at: usize, from: usize) -> Repair {
    let now = cluster.now();
    cluster.members[at].begin_repair(now, node(from)).unwrap();
    cluster.pass_until("the repair has ended", |cluster| has_ended(cluster, at));
    cluster.members[at].repair().unwrap().clone()
}

fn is_done(repair: &Repair) -> bool {
    matches!(repair.state, RepairState::Done(_))
}

fn nobody_complains(cluster: &Cluster) {
    for member in &cluster.members {
        let health = member.health();
        assert_eq!(member.diverged().count(), 0);
        assert_eq!((health.last_alarm(), health.rotten(), health.decides()), (None, None, Ok(())));
    }
}

#[test]
fn a_byte_that_rots_is_noticed_found_and_mended_and_the_alarm_ends() {
    let mut cluster = filled();
    cluster.restart(1, |store| alter(store, head_row(b"item:77"), |row| rotten(row, "value-77")));
    assert_eq!(cluster.get(1, "item:77").as_deref(), Some("value-73"));
    cluster.pass_until("two see that one differs", |cluster| {
        let found = |at: usize| cluster.members[at].diverged().filter(|it| it.found.is_some()).count();
        found(0) == 1 && found(1) == 2 && found(2) == 1
    });
    let rotten = &cluster.members[1];
    assert!(rotten.health().rotten().unwrap().contains("are not what was written"));
    assert_eq!(rotten.snapshot().counters.recounts_differed, 1);
    for (member, peer) in [(&cluster.members[0], 2), (rotten, 1), (rotten, 3), (&cluster.members[2], 2)] {
        let divergence = member.diverged().find(|it| it.peer.0 == peer).unwrap();
        let found = divergence.found.as_ref().unwrap();
        assert_eq!((found.stretches, found.records, found.rows, found.more), (1, 1, 1, false));
        assert_eq!(found.examples, ["item:77"]);
        assert_eq!(
            found.tables.iter().map(|(name, keys)| (name.as_str(), *keys)).collect::<Vec<_>>(),
            [("default", 1)]
        );
    }
    assert_eq!(cluster.get(1, "item:77").as_deref(), Some("value-73"), "looking changes nothing");
    let repair = repair(&mut cluster, 1, 2);
    assert!(is_done(&repair), "{repair:?}");
    assert_eq!((repair.replaced.stretches, repair.replaced.records, repair.replaced.rows), (1, 1, 1));
    assert!(repair.bytes > 0, "{repair:?}");
    assert_eq!(cluster.get(1, "item:77").as_deref(), Some("value-77"));
    cluster.pass(1000);
    assert!(cluster.is_settled());
    nobody_complains(&cluster);
    let told: Vec<u64> = cluster.members.iter().map(|member| member.snapshot().counters.divergences).collect();
    assert_eq!(told, [1, 2, 1], "each is told once, however often peers say it");
    cluster.restart(1, |_| {});
    cluster.pass(3000);
    nobody_complains(&cluster);
}

#[test]
fn rows_that_are_gone_that_nobody_wrote_or_that_cannot_be_read_are_put_right() {
    let mut cluster = filled();
    cluster.restart(0, |store| {
        alter(store, head_row(b"item:1"), |_| None);
        alter(store, head_row(b"item:2"), |_| Some(b"\xff\xff no head at all".to_vec()));
        let mut strange = None;
        alter(store, head_row(b"item:3"), |row| {
            strange = Some(row.clone());
            Some(row)
        });
        alter(store, head_row(b"nobody:wrote"), |_| strange);
        alter(store, element_row(b"large", Kind::Hash, b"field-9"), |row| rotten(row, "old"));
        alter(store, element_row(b"scores", Kind::Sorted, b"field-4"), |_| None);
    });
    cluster.pass_until("it is found", |cluster| cluster.members[0].diverged().any(|it| it.found.is_some()));
    let repair = repair(&mut cluster, 0, 1);
    assert!(is_done(&repair), "{repair:?}");
    let mut keys = repair.replaced.examples.clone();
    keys.sort();
    assert_eq!(keys, ["item:1", "item:2", "large", "nobody:wrote", "scores"]);
    cluster.pass(1000);
    assert!(cluster.is_settled());
    nobody_complains(&cluster);
    assert_eq!(cluster.get(0, "item:2").as_deref(), Some("value-2"));
    assert_eq!(cluster.get(0, "nobody:wrote"), None);
}

#[test]
fn a_repair_that_finds_nothing_replaces_nothing() {
    let mut cluster = filled();
    let repair = repair(&mut cluster, 2, 0);
    assert!(is_done(&repair), "{repair:?}");
    assert_eq!((repair.replaced.records, repair.bytes), (0, 0));
    cluster.pass(500);
    nobody_complains(&cluster);
}

#[test]
fn everybody_writes_during_a_repair_and_nothing_of_it_is_lost() {
    let mut cluster = filled();
    cluster.restart(1, |store| {
        for number in (0..1000).step_by(10) {
            alter(store, head_row(format!("item:{number}").as_bytes()), |row| rotten(row, &format!("value-{number}")));
        }
        alter(store, element_row(b"large", Kind::Hash, b"field-9"), |_| None);
    });
    cluster.pass(300);
    let now = cluster.now();
    cluster.members[1].begin_repair(now, node(0)).unwrap();
    let mut round = 0;
    cluster.pass_with(1500, |cluster| {
        round += 1;
        for at in 0..3 {
            let number = (round * 7 + at * 331) % 1000;
            cluster.set(at, &format!("item:{number}"), &format!("written-{at}-{round}"));
            cluster.write(at, &mut |txn| txn.add_string(b"sum", Number::Int(1)));
            cluster.write(at, &mut |txn| {
                let field = format!("field-{}", (round + at) % 60);
                txn.put_element(b"large", Kind::Hash, field.as_bytes(), format!("new-{at}-{round}").as_bytes())
                    .map(drop)
            });
        }
    });
    cluster.pass_until("the repair has ended", |cluster| has_ended(cluster, 1));
    assert!(is_done(cluster.members[1].repair().unwrap()));
    cluster.pass_until("all are equal", Cluster::is_settled);
    cluster.pass(500);
    nobody_complains(&cluster);
    for at in 0..3 {
        assert_eq!(cluster.get(at, "sum"), Some((3 * round).to_string()));
    }
}

#[test]
fn writes_that_the_peer_has_not_got_yet_are_waited_for_and_stay() {
    let mut cluster = filled();
    cluster.restart(1, |store| alter(store, head_row(b"item:5"), |row| rotten(row, "value-5")));
    cluster.pass(300);
    // What it writes from here on does not arrive at the peer, whose answers do.
    cluster.lose(1, 0);
    cluster.lose(1, 2);
    cluster.set(1, "item:5", "written anew");
    cluster.set(1, "own", "not there yet");
    let now = cluster.now();
    cluster.members[1].begin_repair(now, node(0)).unwrap();
    cluster.pass(2000);
    assert!(cluster.members[1].repair().unwrap().is_under_way());
    cluster.heal();
    cluster.pass_until("the repair has ended", |cluster| has_ended(cluster, 1));
    assert!(is_done(cluster.members[1].repair().unwrap()));
    cluster.pass(1000);
    assert!(cluster.is_settled());
    nobody_complains(&cluster);
    for at in 0..3 {
        assert_eq!(cluster.get(at, "own").as_deref(), Some("not there yet"));
        assert_eq!(cluster.get(at, "item:5").as_deref(), Some("written anew"));
    }
}

#[test]
fn a_repair_whose_peer_leaves_in_the_middle_says_so_and_another_peer_does_it() {
    let mut cluster = filled();
    cluster.restart(1, |store| alter(store, head_row(b"item:5"), |row| rotten(row, "value-5")));
    cluster.pass(300);
    let now = cluster.now();
    cluster.members[1].begin_repair(now, node(0)).unwrap();
    cluster.pass(20);
    cluster.cut(0, 1);
    cluster.pass_until("the repair has ended", |cluster| has_ended(cluster, 1));
    let RepairState::GivenUp(_, why) = &cluster.members[1].repair().unwrap().state else { panic!("it went on") };
    assert_eq!(why, "region-0 cannot be reached any more");
    assert_eq!(cluster.get(1, "item:5").as_deref(), Some("value-1"));
    let repair = repair(&mut cluster, 1, 2);
    assert!(is_done(&repair), "{repair:?}");
    cluster.heal();
    cluster.pass_until("all are equal", Cluster::is_settled);
    cluster.pass(500);
    nobody_complains(&cluster);
    // Silent, though its link is up.
    let now = cluster.now();
    cluster.lose(0, 1);
    cluster.members[1].begin_repair(now, node(0)).unwrap();
    cluster.pass_until("the repair has ended", |cluster| has_ended(cluster, 1));
    let RepairState::GivenUp(_, why) = &cluster.members[1].repair().unwrap().state else { panic!("it went on") };
    assert!(why.contains("has not sent anything for 30 s"), "{why}");
}

#[test]
fn what_cannot_be_repaired_now_is_refused() {
    let mut cluster = filled();
    let now = cluster.now();
    let begin = |member: &mut Member, from: u16| member.begin_repair(now, lc_core::NodeId(from));
    assert_eq!(begin(&mut cluster.members[1], 9), Err(RepairRefused::Unreachable));
    assert_eq!(begin(&mut cluster.members[1], 2), Err(RepairRefused::Unreachable), "itself");
    assert_eq!(begin(&mut cluster.members[1], 1), Ok(()));
    assert_eq!(begin(&mut cluster.members[1], 3), Err(RepairRefused::UnderWay));
    cluster.cut(0, 2);
    let now = cluster.now();
    assert_eq!(cluster.members[2].begin_repair(now, node(0)), Err(RepairRefused::Unreachable));
    assert_eq!(cluster.members[2].nearest_holder(), Some(node(1)));
}

#[test]
fn what_rots_under_a_member_that_still_has_it_in_memory_is_mended_on_the_disk() {
    let mut cluster = filled();
    cluster.alter_alive(1, |store| alter(store, head_row(b"item:5"), |row| rotten(row, "value-5")));
    assert_eq!(cluster.get(1, "item:5").as_deref(), Some("value-5"), "as it is in memory");
    let repair = repair(&mut cluster, 1, 0);
    assert!(is_done(&repair), "{repair:?}");
    assert_eq!((repair.replaced.records, repair.replaced.examples), (1, vec!["item:5".into()]));
    cluster.restart(1, |_| {});
    assert_eq!(cluster.get(1, "item:5").as_deref(), Some("value-5"));
    cluster.pass(2000);
    assert!(cluster.is_settled());
    nobody_complains(&cluster);
}

#[test]
fn a_table_that_not_everybody_has_is_compared_and_repaired_among_those_who_have_it() {
    let placement = Placement::Regions(vec!["region-0".to_owned(), "region-1".to_owned()]);
    let policy = Policy { placement, ..Policy::default() };
    let table = Table { name: "eu".to_owned(), version: 1, policy, placement_version: 1, target: None };
    let mut cluster = Cluster::under(3, Arc::new(Tables::new(1, vec![table])));
    cluster.pass(500);
    for number in 0..200 {
        cluster.set(number % 2, &format!("eu:{number}"), &format!("value-{number}"));
        cluster.set(number % 3, &format!("item:{number}"), &format!("value-{number}"));
    }
    cluster.pass(2000);
    nobody_complains(&cluster);
    cluster.restart(1, |store| {
        alter(store, head_row(b"eu:70"), |row| rotten(row, "value-70"));
        alter(store, head_row(b"item:71"), |row| rotten(row, "value-71"));
    });
    let found = |cluster: &Cluster, at: usize, peer: u16| -> Option<u64> {
        let of_peer = cluster.members[at].diverged().find(|it| it.peer.0 == peer)?;
        of_peer.found.as_ref().map(|found| found.records)
    };
    cluster.pass_until("it is found", |cluster| found(cluster, 1, 1).is_some() && found(cluster, 1, 3).is_some());
    assert_eq!((found(&cluster, 1, 1), found(&cluster, 1, 3)), (Some(2), Some(1)), "one has both tables, one has one");
    let of_one = repair(&mut cluster, 1, 2);
    assert_eq!((is_done(&of_one), of_one.replaced.examples), (true, vec!["item:71".into()]));
    cluster.pass_until("one still differs", |cluster| {
        cluster.members[1].diverged().map(|it| it.peer.0).collect::<Vec<_>>() == [1]
    });
    assert_eq!(cluster.members[1].nearest_holder(), Some(node(0)), "the one that has every table");
    let of_both = repair(&mut cluster, 1, 0);
    assert_eq!((is_done(&of_both), of_both.replaced.examples), (true, vec!["eu:70".into()]));
    cluster.pass(2000);
    nobody_complains(&cluster);
    assert_eq!(cluster.get(1, "eu:70").as_deref(), Some("value-70"));
}

#[test]
fn both_sides_can_be_repaired_from_each_other_at_once() {
    let mut cluster = filled();
    cluster.restart(1, |store| alter(store, head_row(b"item:5"), |row| rotten(row, "value-5")));
    cluster.restart(0, |store| alter(store, head_row(b"item:6"), |row| rotten(row, "value-6")));
    cluster.pass(300);
    let now = cluster.now();
    cluster.members[1].begin_repair(now, node(2)).unwrap();
    cluster.members[0].begin_repair(now, node(2)).unwrap();
    cluster.pass_until("both have ended", |cluster| has_ended(cluster, 0) && has_ended(cluster, 1));
    cluster.pass(1000);
    assert!(cluster.is_settled());
    nobody_complains(&cluster);
}

#[test]
fn keys_that_expire_make_nobody_differ() {
    let mut cluster = Cluster::of(3);
    cluster.pass(500);
    let mut number = 0;
    cluster.pass_with(20_000, |cluster| {
        number += 1;
        let key = format!("short:{}", number % 50);
        match number % 5 {
            0 => cluster.set_for(number % 3, &key, "lives", 300 + 100 * (number as u64 % 7)),
            1 => cluster.set(number % 3, &key, "stays for now"),
            2 => cluster
                .write(number % 3, &mut |txn| txn.put_element(key.as_bytes(), Kind::Hash, b"field", b"x").map(drop)),
            3 => cluster.set_for((number + 1) % 3, &key, "ends elsewhere", 50),
            _ => cluster.write(number % 3, &mut |txn| txn.set_string(key.as_bytes(), b"now", Expiry::At(1))),
        }
    });
    cluster.pass_until("all are equal", Cluster::is_settled);
    cluster.pass(2000);
    nobody_complains(&cluster);
    for member in &cluster.members {
        let counters = member.snapshot().counters;
        assert_eq!((counters.divergences, counters.recounts_differed), (0, 0));
    }
    assert!(cluster.members.iter().map(|member| member.snapshot().counters.keys_expired).sum::<u64>() > 100);
}
