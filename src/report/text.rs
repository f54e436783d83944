//! Text from logs is hostile: it is made harmless here before a person's screen, page or spreadsheet sees it.
//!
//! Control characters could move the cursor or set the clipboard, bidirectional overrides could reverse what is read, and
//! invisible characters could hide something. All become visible escapes; nothing is dropped in silence.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// One line of harmless text: escapes for what is not printable, blanks for tabs and line ends.
#[must_use]
pub fn sanitised(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' => out.push(' '),
            c if is_hostile(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Control characters, bidirectional overrides and isolates, zero-width and tag characters, and private use.
pub(super) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{e000}'..='\u{f8ff}')
}

/// The text in at most `width` columns of a terminal, with `…` where it was cut.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut columns = 0;
    let kept: String = text
        .chars()
        .take_while(|c| {
            columns += c.width().unwrap_or(0);
            columns < width
        })
        .collect();
    format!("{kept}…")
}

/// The text in lines of at most `width` columns, broken between words; a longer word has a line of its own.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Only ASCII: spark bars become digits of a scale, other characters their nearest plain form.
#[must_use]
pub fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{2009}' | '\u{a0}' => ' ',
            'µ' => 'u',
            '–' => '-',
            '·' => '|',
            '≤' => '<',
            '…' => '~',
            '×' => 'x',
            '▁'..='█' => char::from_digit(u32::from(c) - u32::from('▁') + 1, 10).unwrap_or('8'),
            c if c.is_ascii() => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_or_hides_survives() {
        for hostile in ["\u{1b}[2J", "\u{7}", "\u{202e}abc", "a\u{200b}b", "\u{9b}31m", "\u{e0041}", "\0", "\u{7f}"] {
            let shown = sanitised(hostile);
            assert!(shown.chars().all(|c| !is_hostile(c)), "{shown:?}");
            assert!(shown.contains("\\u{"), "{shown:?}");
        }
        assert_eq!(sanitised("a\n\tb"), "a  b");
    }

    #[test]
    fn wide_characters_are_cut_by_columns() {
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("read users once for all rows", 10), ["read users", "once for", "all rows"]);
        assert_eq!(wrapped("a unbreakable b", 5), ["a", "unbreakable", "b"]);
    }

    #[test]
    fn bars_become_digits() {
        assert_eq!(ascii("▁█ 1\u{2009}304 µs"), "18 1 304 us");
    }
}
