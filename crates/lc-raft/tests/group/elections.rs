//! Leaders come and go; what was decided stays.

use std::time::Duration;

use lc_raft::Error;

use crate::post::{CALM, Weather, now};
use crate::world::{World, simulate};

#[test]
fn members_elect_one_leader_and_a_proposal_through_any_of_them_is_applied_everywhere() {
    simulate(async {
        let mut world = World::with_members(1, CALM, 3, |_| {}).await;
        for me in 1..=3u16 {
            let answer = world.groups[&me].propose(vec![u8::try_from(me).unwrap()]).await.unwrap();
            assert_eq!(answer, me.to_string().into_bytes(), "the machine's answer comes back");
        }
        world.until_equal().await;
        assert_eq!(world.story(2).iter().map(|(_, command)| command[0]).collect::<Vec<_>>(), [1, 2, 3]);
        let status = world.groups[&1].status();
        assert_eq!((status.voters.len(), status.learners.len(), status.is_voter), (3, 0, true));
        assert_eq!(status.applied, status.committed);
    });
}

#[test]
fn a_group_of_one_decides_alone() {
    simulate(async {
        let world = World::with_members(2, CALM, 1, |_| {}).await;
        assert_eq!(world.groups[&1].propose(b"x".to_vec()).await.unwrap(), b"1");
        world.groups[&1].read_barrier().await.unwrap();
    });
}

#[test]
fn a_leader_that_is_cut_off_cannot_say_what_becomes_of_proposals_and_the_others_go_on() {
    simulate(async {
        let mut world = World::with_members(3, CALM, 3, |_| {}).await;
        let old = world.leader().unwrap();
        world.groups[&old].propose(b"before".to_vec()).await.unwrap();
        world.isolate(old);
        let cut_at = now();
        let group = world.groups[&old].clone();
        let stranded = tokio::spawn(async move { group.propose(b"stranded".to_vec()).await });
        world
            .until("another leader", Duration::from_secs(20), |world| {
                let others = world.groups.iter().filter(|(me, _)| **me != old);
                others.into_iter().all(|(_, group)| group.status().leader.is_some_and(|leader| leader != old))
            })
            .await;
        println!("another leader {} ms after the cut", cut_at.elapsed().as_millis());
        assert!(matches!(stranded.await.unwrap(), Err(Error::OutcomeUnknown { .. })));
        let late = world.groups[&old].propose(b"late".to_vec()).await;
        assert!(matches!(late, Err(Error::NoQuorum { .. })), "its lease has run out: {late:?}");
        assert!(matches!(world.groups[&old].read_barrier().await, Err(Error::NoQuorum { .. })));
        let other = if old == 1 { 2 } else { 1 };
        world.groups[&other].propose(b"after".to_vec()).await.unwrap();
        world.post.heal_all();
        world.until_equal().await;
        let commands: Vec<_> = world.story(old).into_iter().map(|(_, command)| command).collect();
        assert_eq!(
            commands,
            [b"before".to_vec(), b"after".to_vec()],
            "the stranded one lost, and nobody was told otherwise"
        );
    });
}

#[test]
fn a_follower_that_was_cut_off_comes_back_without_an_election() {
    simulate(async {
        let mut world = World::with_members(4, CALM, 3, |_| {}).await;
        let follower = world.follower();
        let term = world.groups[&follower].status().term;
        world.isolate(follower);
        world.pass(Duration::from_secs(60)).await;
        let leader = world.leader().unwrap();
        world.groups[&leader].propose(b"meanwhile".to_vec()).await.unwrap();
        world.post.heal_all();
        world.until_equal().await;
        world.pass(Duration::from_secs(20)).await;
        assert_eq!(world.groups[&follower].status().term, term);
        assert_eq!(world.leader(), Some(leader));
    });
}

#[test]
fn a_read_barrier_shows_what_was_decided_elsewhere_before() {
    simulate(async {
        let world = World::with_members(5, Weather { one_way_ms: 150, ..CALM }, 3, |_| {}).await;
        for round in 0..10u8 {
            let writer = u16::from(round % 3) + 1;
            let reader = u16::from((round + 1) % 3) + 1;
            world.groups[&writer].propose(vec![round]).await.unwrap();
            let asked_at = now();
            world.groups[&reader].read_barrier().await.unwrap();
            assert!(asked_at.elapsed() <= Duration::from_millis(300 * 3 + 50), "{:?}", asked_at.elapsed());
            assert_eq!(world.story(reader).last().unwrap().1, [round]);
        }
    });
}

#[test]
fn before_the_first_members_are_named_there_is_no_leader_and_nothing_is_proposed() {
    simulate(async {
        let mut world = World::new(6, CALM);
        world.start(1).await;
        let proposed = world.groups[&1].propose(b"x".to_vec()).await;
        assert!(matches!(proposed, Err(Error::NoLeader { waited_ms: 5000 })), "{proposed:?}");
        let others = [2, 3].into();
        assert!(matches!(world.groups[&1].bootstrap(&others).await, Err(Error::Refused { .. })));
        let members = [1].into();
        world.groups[&1].bootstrap(&members).await.unwrap();
        world.groups[&1].bootstrap(&members).await.unwrap();
        world.groups[&1].propose(b"x".to_vec()).await.unwrap();
        world.groups[&1].bootstrap(&members).await.unwrap();
    });
}

#[test]
fn a_command_that_is_too_large_is_refused_before_it_goes_anywhere() {
    simulate(async {
        let world = World::with_members(7, CALM, 3, |settings| settings.command_bytes_max = 1000).await;
        let me = world.follower();
        let refused = world.groups[&me].propose(vec![0; 1001]).await;
        assert!(matches!(refused, Err(Error::TooLarge { bytes: 1001, bytes_max: 1000 })));
        world.groups[&me].propose(vec![0; 1000]).await.unwrap();
    });
}

#[test]
fn a_member_that_stopped_says_so() {
    simulate(async {
        let mut world = World::with_members(8, CALM, 3, |_| {}).await;
        let me = world.follower();
        let group = world.groups[&me].clone();
        world.stop(me).await;
        assert!(matches!(
            group.propose(b"x".to_vec()).await,
            Err(Error::Stopped { .. } | Error::OutcomeUnknown { .. })
        ));
        assert!(group.status().stopped.is_some());
        group.frame(1, bytes::Bytes::from_static(&[9, 6, 1, 10, 2]));
    });
}

#[test]
fn a_leader_that_dies_is_replaced_within_seconds() {
    let (mut replaced_ms, mut decided_ms) = (Vec::new(), Vec::new());
    for seed in 0..20 {
        simulate(async {
            let mut world = World::with_members(seed, Weather { one_way_ms: 75, ..CALM }, 3, |_| {}).await;
            world.pass(Duration::from_millis(2000 + seed * 37)).await;
            let old = world.leader().unwrap();
            let other = world.follower_of(old);
            world.crash(old);
            let died_at = now();
            let group = world.groups[&other].clone();
            let client = tokio::spawn(async move {
                while group.propose(b"x".to_vec()).await.is_err() {}
                died_at.elapsed().as_millis()
            });
            world.until("another leader", Duration::from_secs(10), |world| world.leader().is_some()).await;
            replaced_ms.push(died_at.elapsed().as_millis());
            decided_ms.push(client.await.unwrap());
        });
    }
    replaced_ms.sort_unstable();
    decided_ms.sort_unstable();
    println!(
        "150 ms there and back: after a leader's death, another one {replaced_ms:?} ms, a client's next answer {decided_ms:?} ms"
    );
    assert!(replaced_ms[10] < 4500, "half of the times");
}
