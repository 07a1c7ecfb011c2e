//! The generated code around a position: V8 says where a function starts, its text says where it
//! got its name.

/// Walks through a script from line to line, column to column.
pub struct Cursor<'a> {
    text: &'a str,
    line_start: usize,
    at: usize,
    line: u32,
    column: u32,
}

/// The code at a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place<'a> {
    /// From the start of the line.
    pub before: &'a str,
    /// To the end of the script.
    pub after: &'a str,
}

const LINE_ENDS: [char; 4] = ['\n', '\r', '\u{2028}', '\u{2029}'];

impl<'a> Cursor<'a> {
    /// At the start of the text.
    pub fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, line_start: 0, at: 0, line: 0, column: 0 }
    }

    /// Moves to a position, 0-based, columns in UTF-16 code units. None where the text has no such
    /// position, or when it lies before an earlier one.
    pub fn seek(&mut self, line: u32, column: u32) -> Option<Place<'a>> {
        while self.line < line {
            self.next_line()?;
        }
        while self.line == line && self.column < column {
            let next = self.text[self.at..].chars().next()?;
            if LINE_ENDS.contains(&next) {
                return None;
            }
            self.at += next.len_utf8();
            self.column += next.len_utf16() as u32;
        }
        let (before, after) = (&self.text[self.line_start..self.at], &self.text[self.at..]);
        ((self.line, self.column) == (line, column)).then_some(Place { before, after })
    }

    fn next_line(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let (end, terminator) = rest.match_indices(LINE_ENDS).next()?;
        let bytes = if rest[end..].starts_with("\r\n") { 2 } else { terminator.len() };
        self.at += end + bytes;
        self.line_start = self.at;
        self.line += 1;
        self.column = 0;
        Some(())
    }
}

/// How far before a function what maps it is searched, UTF-16 code units: no head is longer, and a line
/// may have all of a program.
const HEAD_WINDOW: u32 = 4 << 10;

impl<'a> Place<'a> {
    /// Whether what maps the code `units` UTF-16 code units before also maps the function that
    /// starts here. It does not if a statement, a block or a body begins or ends in between, as where
    /// a bundler wraps a module into a function that nobody wrote.
    pub fn belongs_to(&self, units: u32) -> bool {
        if units > HEAD_WINDOW {
            return false;
        }
        let mut left = i64::from(units);
        for character in self.before.chars().rev() {
            if left <= 0 {
                break;
            }
            if matches!(character, '{' | '}' | ';') {
                return false;
            }
            left -= character.len_utf16() as i64;
        }
        true
    }

    /// How many UTF-16 code units after this place (if negative: before) the identifier is that gave
    /// the function its `name`. None unless that is certain.
    pub fn name_offset(&self, name: &str) -> Option<i64> {
        if !is_identifier(name) {
            return None;
        }
        if let Some(start) = self.declaration(name).or_else(|| enclosing_class(self.before, name)) {
            return Some(-units(&self.before[start..]));
        }
        // `class name` without a constructor starts at `class`.
        let rest = self.after.strip_prefix("class")?;
        let spaces = rest.len() - rest.trim_start_matches(' ').len();
        let class = starts_with_identifier(&rest[spaces..], name) && spaces > 0;
        class.then_some(("class".len() + spaces) as i64)
    }

    /// Where in `before` the name is, if the function's head is there: `function name(`, the method
    /// `name(`, `name = function(`, `name = async () =>`, `name = class`. Not `name: function(`: where
    /// a minifier made properties of assignments, maps call the key by the object's name.
    fn declaration(&self, name: &str) -> Option<usize> {
        let before = self.before.trim_end();
        if self.after.starts_with('(')
            && let Some(start) = ends_with_identifier(before, name)
        {
            return Some(start);
        }
        let head = without_suffix(before, "*");
        let head = without_suffix(without_suffix(head, "function"), "async");
        ends_with_identifier(head.strip_suffix('=')?.trim_end(), name)
    }
}

/// How far before a constructor its class is searched, bytes.
const CLASS_WINDOW: usize = 16 << 10;

/// Where the name of the class is whose body `before` ends in: `class name {`, `name = class {`.
fn enclosing_class(before: &str, name: &str) -> Option<usize> {
    let from = before.len().saturating_sub(CLASS_WINDOW);
    let from = (from..).find(|&at| before.is_char_boundary(at))?;
    let (mut depth, mut end) = (0, before.len());
    for (start, keyword) in before[from..].rmatch_indices("class") {
        let start = from + start;
        depth += net_braces(&before[start..end]);
        end = start;
        let head = before[start + keyword.len()..].trim_start_matches(' ');
        let is_named = starts_with_identifier(head, name);
        let is_nameless = head.starts_with('{') || starts_with_identifier(head, "extends");
        if depth != 1 || before[..start].ends_with(is_identifier_part) {
            continue;
        }
        if is_named {
            return Some(before.len() - head.len());
        }
        let assigned = before[..start].trim_end().strip_suffix('=');
        if is_nameless && let Some(assigned) = assigned {
            return ends_with_identifier(assigned.trim_end(), name);
        }
    }
    None
}

fn net_braces(code: &str) -> i32 {
    let brace = |byte| i32::from(byte == b'{') - i32::from(byte == b'}');
    code.bytes().map(brace).sum()
}

/// Without the suffix, if it is there, and the spaces before it.
fn without_suffix<'a>(code: &'a str, suffix: &str) -> &'a str {
    code.strip_suffix(suffix).unwrap_or(code).trim_end()
}

/// Where the identifier starts that the code ends with.
fn ends_with_identifier(code: &str, identifier: &str) -> Option<usize> {
    let rest = code.strip_suffix(identifier)?;
    (!rest.ends_with(is_identifier_part)).then_some(rest.len())
}

fn starts_with_identifier(code: &str, identifier: &str) -> bool {
    code.strip_prefix(identifier).is_some_and(|rest| !rest.starts_with(is_identifier_part))
}

/// Private names begin with `#`.
fn is_identifier(name: &str) -> bool {
    let name = name.strip_prefix('#').unwrap_or(name);
    !name.is_empty() && name.chars().all(is_identifier_part)
}

fn is_identifier_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$' | '\u{200c}' | '\u{200d}')
}

fn units(code: &str) -> i64 {
    code.encode_utf16().count() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place that `^` marks in a line.
    fn place(code: &str) -> Place<'_> {
        let (before, after) = code.split_once('^').unwrap();
        Place { before, after }
    }

    #[test]
    fn the_cursor_counts_as_v8_does() {
        let mut cursor = Cursor::new("ab\r\nc\rd\u{2028}💩e\n");
        let mut seek =
            |line, column| cursor.seek(line, column).map(|place| place.after.chars().next());
        assert_eq!(seek(0, 1), Some(Some('b')));
        assert_eq!(seek(0, 9), None);
        assert_eq!(seek(1, 0), Some(Some('c')));
        assert_eq!(seek(2, 0), Some(Some('d')));
        assert_eq!(seek(3, 1), None);
        assert_eq!(seek(3, 2), Some(Some('e')));
        assert_eq!(seek(3, 0), None);
        assert_eq!(seek(4, 0), Some(None));
        assert_eq!(seek(5, 0), None);
    }

    #[test]
    fn finds_the_name_of_each_kind_of_function() {
        for code in [
            "function name^(a)",
            "async function * name ^(a)",
            "{a(){},static async name^(a)",
            "const name=^(a)=>a",
            "const name = ^a=>a",
            "const name=^async a=>a",
            "let x=1,name=function^(a)",
            "name = async function *^(a)",
            "💩.name=function^()",
            "name=^class{}",
            "class name{constructor^()",
            "class name extends(x({})){a(){class name{}}constructor^()",
            "class name{a=1;^b=2}",
            "name=class{static{a()}constructor^()",
            "name = class extends B{constructor^()",
        ] {
            let Place { before, .. } = place(code);
            let offset = place(code).name_offset("name").map(|offset| -offset as usize);
            let start = offset.and_then(|units| before.len().checked_sub(units));
            assert_eq!(start.map(|start| &before[start..start + 4]), Some("name"), "{code}");
        }
        assert_eq!(place("x;^class  name{}").name_offset("name"), Some(7));
        assert_eq!(place("{#name^()").name_offset("#name"), Some(-5));
    }

    #[test]
    fn is_silent_where_the_name_is_not_certain() {
        for code in [
            "{name:^()=>1",
            "{name:function^()",
            "function rename^()",
            "rename=^()=>1",
            "name==^a=>a",
            "name(^a=>a",
            "name=(a,^()=>1)",
            "name^",
            "class name{}constructor^()",
            "class name{a(){constructor^()",
            "class names{constructor^()",
            "subclass name{constructor^()",
            "class name{a='}';constructor^()",
            "f(class{constructor^()",
            "^class{}",
            "^classname",
            "^class names{}",
        ] {
            assert_eq!(place(code).name_offset("name"), None, "{code}");
        }
        for name in ["", "#", "a.b", "get name", "<name>"] {
            assert_eq!(place(&format!("{name}^()")).name_offset(name), None, "{name}");
        }
    }

    #[test]
    fn a_function_belongs_to_what_maps_its_head() {
        assert!(place("x();function a^(").belongs_to(10));
        assert!(place("x();a=^(").belongs_to(2));
        assert!(place("a^(").belongs_to(1000));
        assert!(!place("a^(").belongs_to(HEAD_WINDOW + 1));
        assert!(!place("x()}},12:^(").belongs_to(9));
        assert!(!place("x();a=^(").belongs_to(3));
    }
}
