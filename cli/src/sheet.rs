//! Sheets: plain tables for people, without lines, so that they can be cut and searched.

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};

/// How tables are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether they are fitted to the width of a terminal.
    pub(crate) is_terminal: bool,
    /// Whether their header is bold.
    pub(crate) is_coloured: bool,
}

/// The head of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// To the left.
    Text(&'static str),
    /// To the right.
    Number(&'static str),
}

/// A table that is being filled.
pub(crate) struct Sheet {
    table: Table,
    columns: Vec<Column>,
}

impl Sheet {
    /// An empty table; without columns it has no head, and everything stands to the left.
    pub(crate) fn new(style: Style, columns: &[Column]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if style.is_terminal {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        } else {
            table.force_no_tty();
        }
        if style.is_coloured {
            table.enforce_styling();
        }
        let head = |column: &Column| {
            let (Column::Text(name) | Column::Number(name)) = *column;
            let cell = Cell::new(name);
            if style.is_coloured { cell.add_attribute(Attribute::Bold) } else { cell }
        };
        if !columns.is_empty() {
            table.set_header(columns.iter().map(head));
        }
        Self { table, columns: columns.to_vec() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.table.add_row(cells.into_iter().map(|text| Cell::new(printable(&text))));
    }

    /// The text of the table, without the end of its last line.
    pub(crate) fn render(mut self) -> String {
        for (index, column) in self.table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if matches!(self.columns.get(index), Some(Column::Number(_))) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self.table.trim_fmt()
    }
}

/// A text that cannot move the cursor of a terminal, whoever wrote it into the store.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// What may be missing, as a dash.
pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_aligned_and_cannot_move_the_cursor() {
        let columns = [Column::Text("user"), Column::Number("calls")];
        let mut sheet = Sheet::new(Style::default(), &columns);
        sheet.row(["u\u{1b}[2J".to_owned(), "12".to_owned()]);
        sheet.row(["somebody".to_owned(), "7".to_owned()]);
        assert_eq!(sheet.render(), "user      calls\nu\u{fffd}[2J        12\nsomebody      7",);
    }

    #[test]
    fn colour_is_only_for_a_terminal() {
        let render = |is_coloured| {
            let style = Style { is_terminal: false, is_coloured };
            let mut sheet = Sheet::new(style, &[Column::Text("user")]);
            sheet.row(["u1".to_owned()]);
            sheet.render()
        };
        assert!(render(true).contains("\u{1b}["));
        assert_eq!(render(false), "user\nu1");
    }
}
