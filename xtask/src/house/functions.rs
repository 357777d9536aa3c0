//! How long functions are, counted from the line of `fn` to the line of the closing brace.

/// Functions longer than `limit` lines in masked code: first line (from 1), name, lines.
pub fn longer_than(limit: usize, code: &str) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    for (start, name) in declarations(code) {
        let Some(length) = body_length(&code[start..]) else { continue };
        let lines = code[start..start + length].lines().count();
        if lines > limit {
            found.push((code[..start].matches('\n').count() + 1, name, lines));
        }
    }
    found
}

/// Byte offsets just after each `fn` keyword, with the name that follows.
fn declarations(code: &str) -> Vec<(usize, String)> {
    let starts = code.match_indices("fn ").filter(|(at, _)| {
        code[..*at].chars().next_back().is_none_or(|before| !before.is_alphanumeric() && before != '_')
    });
    let named = starts.map(|(at, keyword)| {
        let rest = code[at + keyword.len()..].trim_start();
        (at, rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>())
    });
    named.filter(|(_, name)| !name.is_empty()).collect()
}

/// Bytes from the declaration to its closing brace; nothing for a signature without a body.
fn body_length(code: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut brackets = 0_usize;
    for (at, letter) in code.char_indices() {
        match letter {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if depth == 0 && brackets == 0 => return None,
            '{' => depth += 1,
            '}' if depth <= 1 => return (depth == 1).then_some(at + 1),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::longer_than;

    #[test]
    fn bodies_are_measured_and_signatures_are_not() {
        let code = "trait T {\n    fn sign(&self, a: [u8; 4]);\n    fn body(&self) {\n        {\n        }\n    }\n}\n";
        assert_eq!(longer_than(3, code), [(3, "body".to_owned(), 4)]);
    }
}
