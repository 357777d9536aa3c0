//! The algebra behind every command: whatever three regions did, and in whatever causal order it arrived, they end equal.
//!
//! `PROPTEST_CASES=20000 cargo nextest run -p lc-db --test laws` looks longer.

mod history;
mod intents;
mod recount;

use history::{Step, World, commands, steps};
use intents::{Intents, plain_commands};
use lc_crdt::apply;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

/// A failure is printed whole, shrunk; nothing is kept beside the tests.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_causal_order_ends_in_equal_rows(steps in steps(commands()), picks in vec(any::<u16>(), 1..40)) {
        let mut world = World::new();
        world.carry_out(&steps);
        world.replicas.iter().for_each(|replica| recount::check(&replica.rows));
        world.finish(&picks);
        // Two that only listen: one hears the oldest first, the other always the newest that it may.
        let (oldest_first, newest_first) = (world.listener(|_| 0), world.listener(|ready| ready - 1));
        let rows = recount::all_rows(&oldest_first.rows);
        recount::check(&oldest_first.rows);
        for replica in world.replicas.iter().chain([&newest_first]) {
            assert_eq!(recount::all_rows(&replica.rows), rows);
            assert_eq!(replica.rows.digest(), oldest_first.rows.digest());
        }
    }

    #[test]
    fn applying_the_latest_entries_again_changes_nothing(steps in steps(commands()), picks in vec(any::<u16>(), 1..40), from in any::<u16>()) {
        let mut world = World::new();
        world.carry_out(&steps);
        world.finish(&picks);
        let mut listener = world.listener(|_| 0);
        let rows = recount::all_rows(&listener.rows);
        let again = usize::from(from) % (world.entries.len() + 1);
        // What a node does after a crash: its store is ahead of where it knows to go on.
        for entry in &world.entries[again..] {
            apply(&mut listener.rows, entry).expect("map rows do not fail");
        }
        assert_eq!(recount::all_rows(&listener.rows), rows);
        recount::check(&listener.rows);
    }

    #[test]
    fn no_write_is_lost_but_to_one_that_saw_it_or_is_later(steps in steps(plain_commands()), picks in vec(any::<u16>(), 1..40)) {
        let mut world = World::new();
        let mut intents = Intents::default();
        for step in &steps {
            let before = world.entries.len();
            world.step(step);
            if let (Step::Run { lines, .. }, [entry]) = (step, &world.entries[before..]) {
                intents.note(&lines[0], entry);
            }
        }
        world.finish(&picks);
        for (read, expected) in intents.expected() {
            for replica in &mut world.replicas {
                assert_eq!(replica.run(&read), expected, "{read}");
            }
        }
    }
}
