//! Which large frames are compressed, and which go as they are.

/// What compressing saved lately.
///
/// Compressing costs about 4 ns a byte here and another 0.5 ns at the reader, whether it saves anything or not: of a million records of random
/// bytes more than reading them did. So large frames are tried now and then, and as long as one saves little they go as they are. On a slow
/// line every byte that is saved is time: there all are compressed.
#[derive(Debug)]
pub(crate) struct Worth {
    saves: bool,
    left_alone: u32,
}

impl Worth {
    /// Nothing is known yet: compress.
    pub(crate) fn new() -> Worth {
        Worth { saves: true, left_alone: 0 }
    }

    /// Whether a frame of this size goes as it is, over a line that carries so many bytes a second. If not, and it is
    /// large, tell [`Worth::tried`] what became of it.
    pub(crate) fn leaves_alone(&mut self, frame_bytes: usize, line_bytes_per_s: u64) -> bool {
        let alone = is_large(frame_bytes)
            && !self.saves
            && line_bytes_per_s >= FAST_LINE_BYTES_PER_S
            && self.left_alone < TRY_AFTER;
        if alone {
            self.left_alone += 1;
        }
        alone
    }

    /// So many bytes became so many.
    pub(crate) fn tried(&mut self, frame_bytes: usize, compressed_bytes: usize) {
        self.left_alone = 0;
        self.saves = compressed_bytes + frame_bytes / SAVED_PART <= frame_bytes;
    }
}

/// Smaller ones are cheap, and what went before makes them small.
pub(crate) fn is_large(frame_bytes: usize) -> bool {
    frame_bytes >= LARGE_BYTES
}

const LARGE_BYTES: usize = 16 * 1024;
/// Less than an eighth is not worth it.
const SAVED_PART: usize = 8;
/// 64 Mbit/s: below it a byte takes more time on the line than all that is done with it at both ends.
const FAST_LINE_BYTES_PER_S: u64 = 8_000_000;
/// One in so many is tried; it costs less than 2 % of what trying all costs.
const TRY_AFTER: u32 = 63;

#[cfg(test)]
mod tests {
    use super::Worth;

    const FAST: u64 = 100_000_000;

    #[test]
    fn small_frames_are_always_compressed() {
        let mut worth = Worth::new();
        worth.tried(1 << 20, 1 << 20);
        assert!(!worth.leaves_alone(1000, FAST));
    }

    #[test]
    fn large_ones_go_as_they_are_once_one_saved_little_and_are_tried_again_now_and_then() {
        let mut worth = Worth::new();
        assert!(!worth.leaves_alone(1 << 18, FAST));
        worth.tried(1 << 18, (1 << 18) - 20_000);
        assert_eq!((0..200).filter(|_| !worth.leaves_alone(1 << 18, FAST)).count(), 200 - 63);
        worth.tried(1 << 18, 1 << 18);
        let mut tried = 0;
        for _ in 0..640 {
            if !worth.leaves_alone(1 << 18, FAST) {
                tried += 1;
                worth.tried(1 << 18, 1 << 18);
            }
        }
        assert_eq!(tried, 10);
        worth.tried(1 << 18, 200_000);
        assert!(!worth.leaves_alone(1 << 18, FAST), "it saves again");
    }

    #[test]
    fn on_a_slow_line_all_are_compressed() {
        let mut worth = Worth::new();
        worth.tried(1 << 18, 1 << 18);
        assert!(!worth.leaves_alone(1 << 18, 1_000_000));
        assert!(worth.leaves_alone(1 << 18, FAST));
    }
}
