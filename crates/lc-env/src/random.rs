//! Bytes that nobody can predict, or that a seed decides.

use parking_lot::Mutex;

/// A source of random bytes.
pub trait Random: Send + Sync + 'static {
    /// Fills `into`.
    fn fill(&self, into: &mut [u8]);

    /// A number, all 64 bits random.
    fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// The operating system's generator; fit for keys.
#[derive(Default)]
pub struct RealRandom;

impl Random for RealRandom {
    fn fill(&self, into: &mut [u8]) {
        getrandom::fill(into).expect("the operating system gives random bytes once it has booted");
    }
}

/// A generator that a seed decides (xoshiro256++, its state filled by SplitMix64). Not fit for keys.
pub struct SeededRandom {
    state: Mutex<[u64; 4]>,
}

impl SeededRandom {
    /// The same seed gives the same bytes on every machine.
    pub fn new(seed: u64) -> SeededRandom {
        let mut seed = seed;
        SeededRandom { state: Mutex::new([(); 4].map(|()| split_mix(&mut seed))) }
    }
}

impl Random for SeededRandom {
    fn fill(&self, into: &mut [u8]) {
        let mut state = self.state.lock();
        for chunk in into.chunks_mut(8) {
            let bytes = next(&mut state).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn u64(&self) -> u64 {
        next(&mut self.state.lock())
    }
}

fn split_mix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn next(state: &mut [u64; 4]) -> u64 {
    let result = state[0].wrapping_add(state[3]).rotate_left(23).wrapping_add(state[0]);
    let shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = state[3].rotate_left(45);
    result
}

#[cfg(test)]
mod tests {
    use super::{Random, RealRandom, SeededRandom, next, split_mix};

    #[test]
    fn one_seed_gives_the_same_bytes_and_another_seed_others() {
        let bytes = |seed| {
            let mut bytes = [0; 37];
            SeededRandom::new(seed).fill(&mut bytes);
            bytes
        };
        assert_eq!(bytes(7), bytes(7));
        assert_ne!(bytes(7), bytes(8));
    }

    #[test]
    fn the_generators_give_their_published_first_numbers() {
        let mut seed = 1_234_567;
        assert_eq!(split_mix(&mut seed), 6_457_827_717_110_365_317);
        let mut state = [1, 2, 3, 4];
        assert_eq!([next(&mut state), next(&mut state)], [41_943_041, 58_720_359]);
    }

    #[test]
    fn the_real_one_does_not_repeat_itself() {
        assert_ne!(RealRandom.u64(), RealRandom.u64());
    }
}
