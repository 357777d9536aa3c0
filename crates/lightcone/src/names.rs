//! The nearest right name for a wrong one.

/// The candidate that is a typing slip or two away from `wrong`, or begins like it, if there is one.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_ascii_lowercase();
    let slips_max = 1 + wrong.chars().count() / 3;
    let nearest = candidates.into_iter().map(|name| (slips(&wrong, name), name)).min()?;
    let begins_alike = wrong.len() >= 3 && (nearest.1.starts_with(&wrong) || wrong.starts_with(nearest.1));
    (nearest.0 <= slips_max || begins_alike).then_some(nearest.1)
}

/// `; did you mean 'NAME'?`, or nothing.
pub fn suggestion<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, candidates).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

/// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
fn slips(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut best = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::{nearest, slips, suggestion};

    #[test]
    fn a_slip_is_one_key_wrong_missing_added_or_swapped() {
        for (wrong, count) in [("listen", 0), ("listn", 1), ("lisTen", 1), ("litsen", 1), ("listens", 1), ("lstn", 2)] {
            assert_eq!(slips(wrong, "listen"), count, "{wrong}");
        }
    }

    #[test]
    fn the_nearest_name_is_found_unless_all_are_far() {
        let names = ["us-east", "eu-west", "ap-northeast"];
        assert_eq!(nearest("eu-wset", names), Some("eu-west"));
        assert_eq!(nearest("US-EAST", names), Some("us-east"));
        assert_eq!(nearest("ap-north", names), Some("ap-northeast"));
        assert_eq!(nearest("mars", names), None);
        assert_eq!(suggestion("ap-northeats", names), "; did you mean 'ap-northeast'?");
        assert_eq!(suggestion("mars", names), "");
    }
}
