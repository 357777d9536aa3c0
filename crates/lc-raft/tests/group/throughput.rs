//! Far apart, and still not one batch a round trip.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::post::{CALM, Weather, now};
use crate::world::{World, simulate};

/// Commands decided in four simulated seconds by `proposers` that each wait for their answer.
async fn decided(world: &World, me: u16, proposers: u64) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    let end = now() + Duration::from_secs(4);
    let tasks: Vec<_> = (0..proposers)
        .map(|number| {
            let (group, count) = (world.groups[&me].clone(), Arc::clone(&count));
            tokio::spawn(async move {
                // Spread over a round trip, as clients are.
                tokio::time::sleep(Duration::from_millis(number * 7 % 150)).await;
                while now() < end {
                    group.propose(vec![7; 100]).await.unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    count.load(Ordering::Relaxed)
}

#[test]
fn appends_follow_each_other_without_waiting_for_answers() {
    simulate(async {
        let world = World::with_members(1, Weather { one_way_ms: 75, ..CALM }, 3, |_| {}).await;
        let leader = world.leader().unwrap();
        let at_leader = decided(&world, leader, 300).await;
        let at_follower = decided(&world, world.follower(), 300).await;
        println!(
            "150 ms there and back: {} a second at the leader, {} through a follower",
            at_leader / 4,
            at_follower / 4
        );
        // One batch a round trip would be 6.7 batches a second; 300 that wait 150 ms each can be 2,000 a second.
        assert!(at_leader / 4 > 1800, "{at_leader} in 4 s");
        assert!(at_follower / 4 > 900, "{at_follower} in 4 s");
    });
}

#[test]
fn each_command_takes_one_round_trip_although_others_are_under_way() {
    simulate(async {
        let mut world = World::with_members(2, Weather { one_way_ms: 75, ..CALM }, 3, |_| {}).await;
        // A new leader first finds out how far its followers are.
        world.pass(Duration::from_secs(1)).await;
        let group = world.groups[&world.leader().unwrap()].clone();
        let mut took = Vec::new();
        for number in 0..100u64 {
            let group = group.clone();
            took.push(tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(number * 3)).await;
                let begun = now();
                group.propose(vec![1]).await.unwrap();
                begun.elapsed()
            }));
        }
        for took in took {
            let took = took.await.unwrap();
            assert!(took <= Duration::from_millis(155), "{took:?}");
        }
    });
}

#[test]
fn a_change_is_visible_everywhere_within_two_of_the_largest_round_trips_and_a_tenth_of_a_second() {
    simulate(async {
        let mut world = World::with_members(3, Weather { one_way_ms: 75, ..CALM }, 5, |_| {}).await;
        for (a, b, one_way_ms) in [(1, 2, 40), (1, 3, 150), (2, 3, 110), (4, 5, 15), (1, 5, 140)] {
            world.post.set_distance(a, b, one_way_ms);
        }
        world.pass(Duration::from_secs(5)).await;
        let mut worst = Duration::ZERO;
        for round in 0..40u64 {
            let me = u16::try_from(round % 5).unwrap() + 1;
            let command = round.to_le_bytes().to_vec();
            let begun = now();
            world.groups[&me].propose(command.clone()).await.unwrap();
            world
                .until("the change everywhere", Duration::from_secs(5), |world| {
                    (1..=5).all(|me| world.story(me).last().is_some_and(|(_, last)| *last == command))
                })
                .await;
            worst = worst.max(begun.elapsed());
            world.pass(Duration::from_millis(37)).await;
        }
        println!("largest round trip 300 ms: visible everywhere after {} ms at worst", worst.as_millis());
        assert!(worst <= Duration::from_millis(2 * 300 + 100), "{worst:?}");
    });
}
