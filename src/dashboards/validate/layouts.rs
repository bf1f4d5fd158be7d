//! Layouts: grids of 24 columns whose items point to panels.

use std::collections::BTreeSet;

use super::Problem;
use super::pieces::At;

/// Columns of a Perses grid.
const COLUMNS: u64 = 24;
/// Items in one grid.
const MOST_ITEMS: usize = 500;

pub(super) fn check(problems: &mut Vec<Problem>, layouts: &[At<'_>], panels: &[&str]) {
    let panels: BTreeSet<&str> = panels.iter().copied().collect();
    for layout in layouts {
        if let Some(kind) = layout.text(problems, "kind").filter(|kind| *kind != "Grid") {
            problems.push(Problem::new(layout.below("kind"), format!("{kind:?} is not \"Grid\"")));
        }
        let Some(spec) = layout.object(problems, "spec") else { continue };
        for item in spec.items(problems, "items", MOST_ITEMS) {
            let x = item.number(problems, "x", 0);
            item.number(problems, "y", 0);
            let width = item.number(problems, "width", 1);
            item.number(problems, "height", 1);
            if let (Some(x), Some(width)) = (x, width)
                && x + width > COLUMNS
            {
                problems.push(Problem::new(&item.pointer, format!("it reaches column {}, a grid has {COLUMNS}", x + width)));
            }
            check_content(problems, &item, &panels);
        }
    }
}

fn check_content(problems: &mut Vec<Problem>, item: &At<'_>, panels: &BTreeSet<&str>) {
    let Some(content) = item.object(problems, "content") else { return };
    let Some(target) = content.text(problems, "$ref") else { return };
    match target.strip_prefix("#/spec/panels/") {
        Some(panel) if panels.contains(panel) => {}
        Some(panel) => problems.push(Problem::new(content.below("$ref"), format!("there is no panel {panel:?} in /spec/panels"))),
        None => problems.push(Problem::new(content.below("$ref"), format!("{target:?} points to no panel: write #/spec/panels/NAME"))),
    }
}
