//! Sheets: plain tables for people, without lines, so that they can be cut and searched.

use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets,
};

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
    /// To the left, and wrapped where a terminal is too narrow for the row.
    Prose(&'static str),
}

/// What is between two columns.
const GAP: u16 = 2;
/// The narrowest column that prose is wrapped into.
const PROSE_MIN: u16 = 24;

/// A table that is being filled.
pub(crate) struct Sheet {
    table: Table,
    columns: Vec<Column>,
    style: Style,
}

impl Sheet {
    /// An empty table. It has a head when a column has a name; columns that are not given stand to
    /// the left.
    pub(crate) fn new(style: Style, columns: &[Column]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if !style.is_terminal {
            table.force_no_tty();
        }
        if style.is_coloured {
            table.enforce_styling();
        }
        let head = |column: &Column| {
            let cell = Cell::new(column.name());
            if style.is_coloured { cell.add_attribute(Attribute::Bold) } else { cell }
        };
        if columns.iter().any(|column| !column.name().is_empty()) {
            table.set_header(columns.iter().map(head));
        }
        Self { table, columns: columns.to_vec(), style }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.table.add_row(cells.into_iter().map(|text| Cell::new(printable(&text))));
    }

    /// The text of the table, without the end of its last line.
    pub(crate) fn render(mut self) -> String {
        for (index, column) in self.table.column_iter_mut().enumerate() {
            column.set_padding((0, GAP));
            if matches!(self.columns.get(index), Some(Column::Number(_))) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        if self.style.is_terminal {
            self.wrap();
        }
        self.table.trim_fmt()
    }

    /// Wraps prose into what the other columns leave of a terminal. Where that is too little, and
    /// in tables without prose, rows are longer than the terminal: a torn number helps nobody.
    fn wrap(&mut self) {
        let widths = self.table.column_max_content_widths();
        let columns = &self.columns;
        let is_prose = |index: usize| matches!(columns.get(index), Some(Column::Prose(_)));
        let needed = widths.iter().enumerate().map(|(index, width)| {
            let width = if is_prose(index) { PROSE_MIN.min(*width) } else { *width };
            width.saturating_add(GAP)
        });
        let needed = needed.fold(0_u16, u16::saturating_add);
        if self.table.width().is_none_or(|width| width < needed) {
            return;
        }
        self.table.set_content_arrangement(ContentArrangement::Dynamic);
        for (index, column) in self.table.column_iter_mut().enumerate() {
            if !is_prose(index) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
}

impl Column {
    const fn name(self) -> &'static str {
        let (Self::Text(name) | Self::Number(name) | Self::Prose(name)) = self;
        name
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
    fn prose_is_wrapped_where_a_terminal_leaves_room_and_numbers_are_never_torn() {
        let render = |width| {
            let style = Style { is_terminal: true, is_coloured: false };
            let mut sheet = Sheet::new(style, &[Column::Number("cost"), Column::Prose("hint")]);
            let cells = ["$9.000000000001", "one two three four five six seven"];
            sheet.row(cells.map(str::to_owned));
            sheet.table.set_width(width);
            sheet.render()
        };
        assert_eq!(
            render(43),
            "           cost  hint\n$9.000000000001  one two three four five\n\
             \u{20}                six seven",
        );
        for width in [0, 20, 200] {
            assert_eq!(
                render(width),
                "           cost  hint\n$9.000000000001  one two three four five six seven",
            );
        }
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
