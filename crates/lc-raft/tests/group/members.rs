//! Members come, go, and fall behind.

use std::time::Duration;

use lc_env::Disk;
use lc_raft::{Error, Settings};

use crate::post::CALM;
use crate::world::{World, simulate};

fn short_log(settings: &mut Settings) {
    settings.snapshot_after_entries = 50;
    settings.keep_entries = 10;
    settings.segment_bytes = 16 << 10;
}

#[test]
fn a_newcomer_receives_everything_and_then_votes() {
    simulate(async {
        let mut world = World::with_members(1, CALM, 3, short_log).await;
        for number in 0..120u8 {
            world.groups[&2].propose(vec![number; 200]).await.unwrap();
        }
        world.start(4).await;
        let asked = world.follower();
        world.groups[&asked].add_member(4).await.unwrap();
        world.groups[&asked].add_member(4).await.unwrap();
        world.until_equal().await;
        assert_eq!(world.story(4).len(), 120);
        world
            .until("four voters", Duration::from_secs(5), |world| {
                world.groups.values().all(|group| group.status().voters.len() == 4)
            })
            .await;
        assert!(world.groups[&4].status().is_voter);
        world.groups[&4].propose(b"from the newcomer".to_vec()).await.unwrap();
        // It counts: of four, three are a majority.
        let gone = *world.groups.keys().find(|me| **me != 4 && Some(**me) != world.leader()).unwrap();
        world.crash(gone);
        world.groups[&4].propose(b"with three of four".to_vec()).await.unwrap();
    });
}

#[test]
fn a_removed_member_counts_no_more_even_if_it_led() {
    simulate(async {
        let mut world = World::with_members(2, CALM, 3, |_| {}).await;
        let old = world.leader().unwrap();
        let other = world.follower();
        world.groups[&other].remove_member(old).await.unwrap();
        world.groups[&other].remove_member(old).await.unwrap();
        world.stop(old).await;
        world
            .until("another leader", Duration::from_secs(20), |world| {
                world.leader().is_some_and(|leader| leader != old)
            })
            .await;
        assert_eq!(world.groups[&other].status().voters.len(), 2);
        world.groups[&other].propose(b"two are enough".to_vec()).await.unwrap();
        let last = *world.groups.keys().find(|me| **me != other).unwrap();
        world.groups[&other].remove_member(last).await.unwrap();
        world.stop(last).await;
        world.groups[&other].propose(b"one is enough".to_vec()).await.unwrap();
        assert!(matches!(world.groups[&other].remove_member(other).await, Err(Error::Refused { .. })));
    });
}

#[test]
fn a_dead_member_can_be_replaced_by_one_with_an_empty_disk() {
    simulate(async {
        let mut world = World::with_members(3, CALM, 3, short_log).await;
        for number in 0..80u8 {
            world.groups[&1].propose(vec![number]).await.unwrap();
        }
        let dead = world.follower();
        world.crash(dead);
        let alive = world.leader().unwrap();
        world.groups[&alive].remove_member(dead).await.unwrap();
        world.disks.remove(&dead);
        world.start(dead).await;
        world.groups[&alive].add_member(dead).await.unwrap();
        world.until_equal().await;
        assert_eq!(world.story(dead).len(), 80);
    });
}

#[test]
fn a_follower_that_was_away_for_longer_than_the_log_remembers_gets_a_snapshot() {
    simulate(async {
        let mut world = World::with_members(4, CALM, 3, short_log).await;
        let away = world.follower();
        let here = world.leader().unwrap();
        world.groups[&here].propose(b"seen".to_vec()).await.unwrap();
        world.until_equal().await;
        world.isolate(away);
        for number in 0..500u16 {
            world.groups[&here].propose(vec![number as u8; 300]).await.unwrap();
        }
        assert!(
            world.groups[&here].status().log_bytes < 120 * 400,
            "the log stays short: {}",
            world.groups[&here].status().log_bytes
        );
        let segments =
            world.disks[&here].reopen().list().unwrap().into_iter().filter(|name| name.ends_with(".journal")).count();
        assert!(segments <= 5, "{segments} segments of 16 KiB for 500 entries of 300 bytes");
        world.post.heal_all();
        world.until_equal().await;
        assert_eq!(world.story(away).len(), 501);
        // What it got survives in it alone.
        world.crash(away);
        world.isolate(away);
        world.start(away).await;
        assert_eq!(world.story(away).len(), 501);
    });
}

#[test]
fn large_commands_are_kept_short_by_their_bytes() {
    simulate(async {
        let world = World::with_members(5, CALM, 3, |settings| {
            settings.snapshot_after_bytes = 200 << 10;
            settings.snapshot_bytes_max = 8 << 20;
        })
        .await;
        let here = world.leader().unwrap();
        for number in 0..40u8 {
            world.groups[&here].propose(vec![number; 30 << 10]).await.unwrap();
        }
        let bytes = world.groups[&here].status().log_bytes;
        assert!(bytes < 500 << 10, "{bytes} of 1.2 MB are kept");
    });
}

#[test]
fn a_machine_too_large_for_a_snapshot_fills_the_log_and_then_commands_are_refused() {
    simulate(async {
        let world = World::with_members(6, CALM, 1, |settings| {
            settings.snapshot_after_entries = 20;
            settings.snapshot_bytes_max = 10 << 10;
            settings.log_bytes_max = 100 << 10;
        })
        .await;
        let mut accepted = 0;
        let refused = loop {
            match world.groups[&1].propose(vec![1; 1000]).await {
                Ok(_) => accepted += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, Error::Full { .. }), "{refused}");
        assert!((80..120).contains(&accepted), "{accepted}");
        assert!(world.groups[&1].status().stopped.is_none());
        world.groups[&1].read_barrier().await.unwrap();
    });
}
