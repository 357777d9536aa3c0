//! Every write whose client heard OK is applied in every region, and no counter fell behind what a client was told.

use lc_crdt::{Head, RowKind, Visible, head_of};

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

pub(crate) fn check(regions: &[Region], history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    for region in regions {
        let Some(member) = &region.member else {
            violations.push(Violation { checker: "acknowledged", what: format!("{} is down", region.node) });
            continue;
        };
        let applied = member.snapshot().applied;
        for dot in history.acknowledged.iter().filter(|dot| !applied.covers(**dot)) {
            violations.push(Violation { checker: "acknowledged", what: format!("{} never got {dot}", region.node) });
        }
        let (present, adopted) = (region.entries().unwrap_or_default(), region.adopted());
        let present: std::collections::BTreeSet<_> = present.iter().map(|entry| entry.dot).collect();
        for dot in history.acknowledged.iter().filter(|dot| applied.covers(**dot)) {
            if present.contains(dot) || adopted.covers(*dot) {
                continue;
            }
            violations.push(Violation {
                checker: "acknowledged",
                what: format!("{} covers {dot} but has no such entry", region.node),
            });
        }
        check_counters(region, history, &mut violations);
    }
    violations
}

fn check_counters(region: &Region, history: &History, violations: &mut Vec<Violation>) {
    let Some(member) = &region.member else { return };
    let mut values = std::collections::BTreeMap::new();
    let outcome = member.each_row(&mut |row, bytes| {
        if RowKind::of(row) == RowKind::Head
            && let Ok(head) = Head::decode(bytes.clone())
            && let Some(Visible::Number(lc_crdt::Number::Int(value))) = head.string.visible()
        {
            values.insert(head_of(row).to_vec(), value);
        }
    });
    if let Err(error) = outcome {
        violations.push(Violation { checker: "acknowledged", what: format!("{}: {error}", region.node) });
    }
    for (key, told) in history.counters_max.iter().filter(|_| !history.flushed) {
        let value = values.get(key).copied().unwrap_or(0);
        if value < *told {
            let what =
                format!("{}: {} is {value}, but a client was told {told}", region.node, String::from_utf8_lossy(key));
            violations.push(Violation { checker: "counters", what });
        }
    }
}
