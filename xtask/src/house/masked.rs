//! A Rust source with its comments and literals blanked, line breaks kept, so that rules see code only.

/// Every character inside a comment, string or character literal becomes a space.
pub fn code_only(text: &str) -> String {
    let source: Vec<char> = text.chars().collect();
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    while at < source.len() {
        let end = literal_end(&source, at);
        if end == at {
            masked.push(source[at]);
            at += 1;
        } else {
            masked.extend(source[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    masked
}

/// Where the comment or literal that begins at `at` ends; `at` itself if none begins there.
fn literal_end(source: &[char], at: usize) -> usize {
    let next = source.get(at + 1).copied();
    let in_a_word = at > 0 && (source[at - 1].is_alphanumeric() || source[at - 1] == '_');
    match source[at] {
        '/' if next == Some('/') => find(source, at, |c| c == '\n'),
        '/' if next == Some('*') => block_comment_end(source, at),
        '"' => string_end(source, at),
        'r' if !in_a_word => raw_string_end(source, at, at + 1),
        'b' if !in_a_word && next == Some('r') => raw_string_end(source, at, at + 2),
        '\'' => char_end(source, at),
        _ => at,
    }
}

fn find(source: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    source[from..].iter().position(|&c| stop(c)).map_or(source.len(), |offset| from + offset)
}

fn block_comment_end(source: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at + 1 < source.len() {
        match (source[at], source[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') if depth == 1 => return at + 2,
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    source.len()
}

fn string_end(source: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < source.len() && source[at] != '"' {
        at += if source[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(source.len())
}

/// `hashes_from` is where the hashes or the quote should begin; otherwise it is a word that happens to start with r.
fn raw_string_end(source: &[char], at: usize, hashes_from: usize) -> usize {
    let quote = find(source, hashes_from.min(source.len()), |c| c != '#');
    if source.get(quote) != Some(&'"') {
        return at;
    }
    let hashes = quote - hashes_from;
    let closes = |end: usize| source[end] == '"' && (1..=hashes).all(|k| source.get(end + k) == Some(&'#'));
    (quote + 1..source.len()).find(|&end| closes(end)).map_or(source.len(), |end| end + 1 + hashes)
}

/// A lifetime has no second quote where a character would have it.
fn char_end(source: &[char], at: usize) -> usize {
    if source.get(at + 1) == Some(&'\\') {
        return (find(source, (at + 3).min(source.len()), |c| c == '\'') + 1).min(source.len());
    }
    if source.get(at + 2) == Some(&'\'') { at + 3 } else { at }
}

#[cfg(test)]
mod tests {
    use super::code_only;

    #[test]
    fn comments_strings_and_characters_are_blanked_and_lines_stay() {
        let source = "a(\"x{\\\"\"); // {\nb('{', '\\'', 'l); /* { /* } */ \n */ c(r#\"{\"#, br\"}\");";
        let code = code_only(source);
        assert_eq!(code.lines().count(), source.lines().count());
        assert!(!code.contains(['{', '}', '"']), "{code}");
        assert!(code.contains("'l"), "a lifetime is code: {code}");
        assert!(code.contains("c("), "{code}");
    }

    #[test]
    fn words_that_start_with_r_are_code() {
        assert_eq!(code_only("return r; for_each"), "return r; for_each");
    }
}
