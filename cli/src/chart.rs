//! Charts for a terminal: bars and sparklines of text.

/// A bar of that width, filled by a part of a whole, in eighths of a character. A little is never
/// nothing, and more than the whole is all of it.
pub(crate) fn bar(part: i64, whole: i64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let steps = width.saturating_mul(8);
    let (part, whole) = (i128::from(part.max(0)), i128::from(whole.max(1)));
    let filled = part.saturating_mul(i128::try_from(steps).unwrap_or(0)) / whole;
    let filled = usize::try_from(filled).unwrap_or(steps).min(steps);
    let filled = if part > 0 { filled.max(1) } else { filled };
    let (full, rest) = (filled / 8, EIGHTHS[filled % 8]);
    let empty = width.saturating_sub(full + usize::from(!rest.is_empty()));
    format!("{}{rest}{}", "█".repeat(full), "░".repeat(empty))
}

/// One character for each number, the higher the larger; a dot for none.
pub(crate) fn sparkline(numbers: &[i64]) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = i128::from(numbers.iter().copied().max().unwrap_or(0).max(1));
    let step = |number: &i64| match number {
        ..=0 => '·',
        number => {
            let place = usize::try_from((i128::from(*number) * 8 - 1) / most).unwrap_or(0);
            STEPS[place.min(7)]
        }
    };
    numbers.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_its_width_and_a_little_is_never_nothing() {
        let shown = |part| bar(part, 1000, 4);
        assert_eq!(shown(0), "░░░░");
        assert_eq!(shown(1), "▏░░░");
        assert_eq!(shown(500), "██░░");
        assert_eq!(shown(594), "██▍░");
        assert_eq!(shown(1000), "████");
        assert_eq!(shown(i64::MAX), "████");
        assert_eq!(bar(-5, 0, 4), "░░░░");
    }

    #[test]
    fn a_sparkline_has_a_character_for_each_number() {
        assert_eq!(sparkline(&[0, 1, 4, 8]), "·▁▄█");
        assert_eq!(sparkline(&[0, 0]), "··");
        assert_eq!(sparkline(&[7]), "█");
        assert_eq!(sparkline(&[]), "");
    }
}
