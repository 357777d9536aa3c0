//! Records that came as state, in pieces, in any order, with entries and own writes in between, end as the journal
//! would have left them.
//!
//! `PROPTEST_CASES=20000 cargo nextest run -p lc-crdt --test catch_up` looks longer.

mod receiver;
mod stories;
#[allow(dead_code, reason = "shared with the tests of joining")]
#[path = "../join/world.rs"]
mod world;

use lc_crdt::SpanRows;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

use receiver::{Happening, Way, World, happenings};
use world::{hearing, steps};

/// A failure is printed whole, shrunk; nothing is kept beside the tests.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn installed_pieces_end_as_the_journal_would_have_left_them(
        steps in steps(),
        known in hearing(),
        happenings in vec(happenings(), 0..60),
        picks in vec(any::<u16>(), 1..20),
    ) {
        let mut world = World::new(&steps, &known);
        happenings.iter().for_each(|happening| world.happen(happening, Way::Installed));
        world.catch_up(&picks, Way::Installed);
        world.check();
    }

    #[test]
    fn merged_pieces_end_as_the_journal_would_have_left_them_once_doubtful_cells_are_written_anew(
        steps in steps(),
        known in hearing(),
        happenings in vec(happenings(), 0..60),
        picks in vec(any::<u16>(), 1..20),
    ) {
        let mut world = World::new(&steps, &known);
        happenings.iter().for_each(|happening| world.happen(happening, Way::Merged));
        world.catch_up(&picks, Way::Merged);
        world.check();
    }

    #[test]
    fn pieces_of_which_some_are_installed_and_some_merged_end_as_the_journal_would_have_left_them(
        steps in steps(),
        known in hearing(),
        happenings in vec(happenings(), 0..60),
        picks in vec(any::<u16>(), 1..20),
    ) {
        let mut world = World::new(&steps, &known);
        happenings.iter().for_each(|happening| world.happen(happening, Way::Either));
        world.catch_up(&picks, Way::Either);
        world.check();
    }

    #[test]
    fn bytes_of_a_stretch_are_never_a_reason_to_stop(bytes in vec(any::<u8>(), 0..200)) {
        drop(SpanRows::decode(bytes.into()));
    }

    #[test]
    fn damaged_records_of_a_stretch_are_refused_or_can_be_installed(steps in steps(), known in hearing(), at in any::<usize>(), byte in any::<u8>()) {
        let mut world = World::new(&steps, &known);
        world.happen(&Happening::Damaged { at, byte }, Way::Installed);
    }
}
