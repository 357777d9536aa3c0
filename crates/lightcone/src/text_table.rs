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
        let widths: Vec<usize> = (0..self.rows[0].len()).map(|column| self.width(column)).collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
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

    /// Whether every cell below the heading starts like a number, or says that there is none.
    fn is_numeric(&self, column: usize) -> bool {
        let numeric = |cell: &String| cell == "-" || cell.starts_with(|c: char| c.is_ascii_digit());
        self.rows.len() > 1 && self.rows[1..].iter().all(|row| numeric(&row[column]))
    }
}

#[cfg(test)]
mod tests {
    use super::TextTable;

    #[test]
    fn columns_are_aligned_and_numbers_stand_to_the_right() {
        let mut table = TextTable::new(["region", "RESP", "place"]);
        table.row(["us-east", "7001", "East US"]);
        table.row(["eu", "80", "West Europe"]);
        assert_eq!(table.text(false), "region   RESP  place\nus-east  7001  East US\neu         80  West Europe\n");
    }
}
