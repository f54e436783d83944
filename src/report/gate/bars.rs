//! Before and after, a bar each, for the statements that take the most time.

use crate::units::Micros;

use super::super::Style;
use super::super::text::{cut, sanitised};
use super::{ChangeLine, GateReport, short};

/// So many statements are drawn.
const MOST: usize = 12;
/// Cells of the longest bar.
const LENGTH: usize = 30;

/// The lines, with a heading; none if no latency is known on both sides.
pub(super) fn bars(report: &GateReport, style: &Style) -> Vec<String> {
    let mut known: Vec<(&ChangeLine, f64, f64)> = report
        .changes
        .iter()
        .filter(|change| change.metric == "latency")
        .filter_map(|change| Some((change, change.baseline?, change.candidate?)))
        .collect();
    // Most time first: what a call takes, times how often it is called.
    known.sort_by(|(a, _, x), (b, _, y)| (y * b.calls[1] as f64).total_cmp(&(x * a.calls[1] as f64)));
    known.truncate(MOST);
    let longest = known.iter().map(|(_, before, after)| before.max(*after)).fold(0.0, f64::max);
    if longest <= 0.0 {
        return Vec::new();
    }
    let mut lines = vec![String::new(), "latency before and after".to_owned()];
    for (change, before, after) in known {
        let id = change.statement.as_deref().map(short).unwrap_or_default();
        let ratio = change.ratio.map(|ratio| format!("{ratio:.2}×")).unwrap_or_default();
        let text = change.text.as_deref().map(|text| cut(&sanitised(text), 60)).unwrap_or_default();
        lines.push(format!("  {id:<8}  {:>8}  {}  {text}", Micros::floor(before).to_string(), bar(before / longest, style)));
        lines.push(format!(
            "  {:<8}  {:>8}  {}  {ratio} {}",
            "",
            Micros::floor(after).to_string(),
            bar(after / longest, style),
            change.verdict
        ));
    }
    lines
}

/// A bar in eighths of a cell, or of `#` alone.
fn bar(share: f64, style: &Style) -> String {
    const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = usize::try_from(Micros::floor(share.clamp(0.0, 1.0) * (LENGTH * 8) as f64).0).unwrap_or(0).max(1);
    let mut bar = if style.ascii { "#".repeat((eighths / 8).max(1)) } else { "█".repeat(eighths / 8) };
    if !style.ascii && !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8 - 1]);
    }
    let width = bar.chars().count();
    format!("{bar}{}", " ".repeat(LENGTH.saturating_sub(width)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        let plain = |share| bar(share, &Style::default()).trim_end().to_owned();
        assert_eq!((plain(1.0), plain(0.5)), ("█".repeat(30), "█".repeat(15)));
        assert_eq!(plain(0.0), "▏");
        assert_eq!(plain(1.5 / 30.0), "█▌");
        assert_eq!(bar(0.5, &Style { ascii: true, ..Style::default() }).trim_end(), "#".repeat(15));
    }
}
