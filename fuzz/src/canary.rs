//! A mistake on purpose. If this is not found within seconds, nothing else that was not found means anything.

/// Believes a length behind a magic word, which is compared byte by byte: without a look at the coverage nobody guesses
/// it in a lifetime.
///
/// # Panics
/// On the inputs that the fuzzer is to find.
pub fn run(data: &[u8]) {
    let mut left = data;
    for expected in b"canary" {
        let Some((byte, rest)) = left.split_first() else { return };
        if byte != expected {
            return;
        }
        left = rest;
    }
    let [length, bytes @ ..] = left else { return };
    if *length > 4 && usize::from(*length) > bytes.len() {
        panic!("planted: a length was believed");
    }
}
