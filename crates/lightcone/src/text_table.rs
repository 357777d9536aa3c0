//! Tables for people: columns aligned, numbers to the right.

use std::fmt::Write;

/// Rows of cells under headings.
pub struct TextTable {
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// A table with these headings.
    pub fn new<T: Into<String>>(headings: impl IntoIterator<Item = T>) -> TextTable {
        TextTable { rows: vec![headings.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row; as many cells as headings.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        assert_eq!(cells.len(), self.rows[0].len(), "a cell for each heading");
        self.rows.push(cells);
    }

    /// The table as text, each line ending with a line break. Headings are bold if asked.
    pub fn text(&self, bold: bool) -> String {
        self.text_below(&mut Vec::new(), bold)
    }

    /// The same below an earlier one of the same columns whose `widths` are handed on: without headings, and no column
    /// narrower than there.
    pub fn text_below(&self, widths: &mut Vec<usize>, bold: bool) -> String {
        let headings = usize::from(!widths.is_empty());
        widths.resize(self.rows[0].len(), 0);
        for (column, width) in widths.iter_mut().enumerate() {
            *width = self.width(column).max(*width);
        }
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate().skip(headings) {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let gap = if column == 0 { "" } else { "  " };
                // Writing to a String cannot fail.
                let _ = match self.is_numeric(column) {
                    true => write!(line, "{gap}{cell:>0$}", widths[column]),
                    false => write!(line, "{gap}{cell:<0$}", widths[column]),
                };
            }
            let line = line.trim_end();
            let _ = if bold && number == 0 { writeln!(text, "\x1b[1m{line}\x1b[0m") } else { writeln!(text, "{line}") };
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    }

    /// Whether every cell below the heading is a number, with its unit perhaps, or says that there is none.
    fn is_numeric(&self, column: usize) -> bool {
        self.rows.len() > 1 && self.rows[1..].iter().all(|row| row[column] == "-" || is_number(&row[column]))
    }
}

/// `12`, `-3 ms`, `82 (74)`; not `1-42-00ff`, `10.0.0.1` or `2026-11-21`.
fn is_number(cell: &str) -> bool {
    let word = cell.split(' ').next().unwrap_or_default();
    word.ends_with(|c: char| c.is_ascii_digit()) && word.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::{TextTable, is_number};

    #[test]
    fn columns_are_aligned_and_numbers_stand_to_the_right() {
        let mut table = TextTable::new(["region", "RESP", "place"]);
        table.row(["us-east", "7001", "East US"]);
        table.row(["eu", "80", "West Europe"]);
        assert_eq!(table.text(false), "region   RESP  place\nus-east  7001  East US\neu         80  West Europe\n");
    }

    #[test]
    fn ids_dates_and_addresses_are_no_numbers() {
        for number in ["12", "-3 ms", "82 (74)", "0.5"] {
            assert!(is_number(number), "{number}");
        }
        for text in ["1-42-00ff", "10.0.0.1", "2026-11-21 10:00", "127.0.0.1:80", "inf", "nan", "r1", ""] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn rows_that_come_later_stand_below_the_first_ones() {
        let mut first = TextTable::new(["region", "place"]);
        first.row(["us-east", "East US"]);
        let mut widths = Vec::new();
        assert_eq!(first.text_below(&mut widths, false), "region   place\nus-east  East US\n");
        let mut later = TextTable::new(["region", "place"]);
        later.row(["eu", "West Europe"]);
        assert_eq!(later.text_below(&mut widths, true), "eu       West Europe\n");
    }
}
