//! Patterns as `KEYS`, `SCAN` and `CONFIG GET` take them: `*`, `?`, `[abc]`, `[^a-z]`, and `\` before a byte that means itself.
//!
//! Cost: at most pattern times text. Only the last `*` is ever tried again: what an earlier one swallowed cannot help a
//! later part of the pattern to match, so there is no exponential case.

/// Whether all of `text` matches `pattern`.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut left) = (pattern, text);
    // After the latest `*`: the pattern behind it, and the text that it has not swallowed yet.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', behind @ ..] = at {
            if behind.is_empty() {
                return true;
            }
            retry = Some((behind, left));
            at = behind;
            continue;
        }
        if at.is_empty() && left.is_empty() {
            return true;
        }
        if let Some((behind_element, behind_byte)) = step(at, left) {
            (at, left) = (behind_element, behind_byte);
            continue;
        }
        let Some((behind_star, [_, behind_swallowed @ ..])) = retry else { return false };
        retry = Some((behind_star, behind_swallowed));
        (at, left) = (behind_star, behind_swallowed);
    }
}

/// What is left of pattern and text once the pattern's first element, no `*`, has matched the text's first byte.
fn step<'p, 't>(pattern: &'p [u8], text: &'t [u8]) -> Option<(&'p [u8], &'t [u8])> {
    let (&byte, behind_byte) = text.split_first()?;
    let (matched, behind_element) = match pattern {
        [] => return None,
        [b'?', behind @ ..] => (true, behind),
        [b'[', inside @ ..] => class(inside, byte),
        // A backslash at the very end means itself.
        [b'\\', literal, behind @ ..] | [literal, behind @ ..] => (*literal == byte, behind),
    };
    matched.then_some((behind_element, behind_byte))
}

/// Whether a class, given from behind its `[`, holds `byte`; and what follows its `]`. A class without `]` ends with
/// the pattern.
fn class(inside: &[u8], byte: u8) -> (bool, &[u8]) {
    let (negated, mut inside) = match inside {
        [b'^', behind @ ..] => (true, behind),
        all => (false, all),
    };
    let mut found = false;
    loop {
        let (low, high, behind) = match *inside {
            [] => return (found != negated, inside),
            [b']', ref behind @ ..] => return (found != negated, behind),
            [b'\\', literal, ref behind @ ..] => (literal, literal, behind),
            // A range the wrong way round means the same range.
            [from, b'-', to, ref behind @ ..] => (from.min(to), from.max(to), behind),
            [literal, ref behind @ ..] => (literal, literal, behind),
        };
        found |= (low..=high).contains(&byte);
        inside = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_mean_what_redis_says() {
        let cases: &[(&str, &str, bool)] = &[
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a", "", false),
            ("?", "", false),
            ("**", "abc", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h*llo", "heeeell", false),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hello", false),
            ("h[^e]llo", "hallo", true),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("h[a-c]llo", "hdllo", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a\\", "a\\", true),
            ("\\?", "?", true),
            ("[\\]]", "]", true),
            ("[]", "]", false),
            ("[^]", "x", true),
            ("[abc", "b", true),
            ("[abc", "bc", false),
            ("[a-", "-", true),
            ("*:[0-9]*:end", "user:7x:end", true),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "aab", false),
            ("user:*", "user", false),
        ];
        for &(pattern, text, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        let pattern = "*a".repeat(2_000) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(4_000).as_bytes()));
    }
}
