//! A parsed source map and what it says of a position.

use std::fmt::Display;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sourcemap::{DecodedMap, SourceMap, Token};
use url::Url;

use super::code::{Cursor, Place};
use super::script::Script;
use super::{Function, Original, Originals};

/// A map has about as many tokens as separators, and a token takes 28 bytes. Real maps have a
/// million for 5 MB of code.
const MAX_SEPARATORS: usize = 1 << 24;

/// Longer names and sources are nobody's: answers are kept, and must stay small.
const MAX_NAME_BYTES: usize = 1 << 10;
const MAX_SOURCE_BYTES: usize = 1 << 12;

/// The source map of one script.
pub struct Map<'a> {
    decoded: DecodedMap,
    script: &'a Script,
    /// What relative sources are relative to.
    base: Url,
    /// Sources as the map has them and as we name them.
    sources: FxHashMap<String, Option<Arc<str>>>,
}

/// What maps a position.
struct Mapping<'a> {
    token: Token<'a>,
    /// Where in the generated line it begins.
    column: u32,
}

impl<'a> Map<'a> {
    /// Parses a map that was read from `base`.
    pub fn decode(bytes: &[u8], base: Url, script: &'a Script) -> Result<Map<'a>, String> {
        let broken = |why: &dyn Display| format!("its source map is broken: {why}");
        if bytes.iter().filter(|byte| matches!(byte, b',' | b';')).count() > MAX_SEPARATORS {
            return Err(broken(&"it has too many mappings"));
        }
        let decoded = sourcemap::decode_slice(bytes).map_err(|error| broken(&error))?;
        Ok(Map { decoded, script, base, sources: FxHashMap::default() })
    }

    /// Where the functions of a script with this text were written.
    pub fn originals(&mut self, text: &str, functions: Vec<Function>) -> Originals {
        let mut functions = functions;
        functions.sort_unstable();
        let mut cursor = Cursor::new(text);
        let answer = |function: Function| {
            let place = cursor.seek(function.line, function.column);
            let original = place.and_then(|place| self.original(&function, place));
            (function, original)
        };
        functions.into_iter().map(answer).collect()
    }

    fn original(&mut self, function: &Function, place: Place) -> Option<Original> {
        if (function.line, function.column, &*function.name) == (0, 0, "") {
            return self.original_of_script();
        }
        let mapping = find(&self.decoded, function.line, function.column)?;
        if !place.belongs_to(function.column - mapping.column) {
            return None;
        }
        let (line, column) = mapping.token.get_src();
        let name = self.original_name(function, place);
        let source = mapping.token.get_source()?.to_owned();
        let root = mapping.token.sourcemap().get_source_root().unwrap_or_default().to_owned();
        Some(Original {
            source: self.source(&source, &root)?,
            line: one_based(line)?,
            column: one_based(column)?,
            name,
        })
    }

    /// The top level of a script is that of its source, if it was made of one only.
    fn original_of_script(&mut self) -> Option<Original> {
        let DecodedMap::Regular(map) = &self.decoded else { return None };
        let (source, 1) = (map.get_source(0)?.to_owned(), map.get_source_count()) else {
            return None;
        };
        let root = map.get_source_root().unwrap_or_default().to_owned();
        Some(Original { source: self.source(&source, &root)?, line: 1, column: 1, name: None })
    }

    /// What the map calls the identifier that gave the function its name. Of a name like `a.b`, which
    /// V8 infers from an assignment, that is the last part.
    fn original_name(&self, function: &Function, place: Place) -> Option<Box<str>> {
        let dot = function.name.rfind('.').map_or(0, |dot| dot + 1);
        let (owner, name) = function.name.split_at(dot);
        let column = i64::from(function.column) + place.name_offset(name)?;
        let column = u32::try_from(column).ok()?;
        let mapping = find(&self.decoded, function.line, column)?;
        let original = mapping.token.get_name()?;
        let is_exact = mapping.column == column;
        let is_sane = !original.is_empty() && original.len() <= MAX_NAME_BYTES;
        (is_exact && is_sane).then(|| format!("{owner}{original}").into())
    }

    fn source(&mut self, source: &str, root: &str) -> Option<Arc<str>> {
        if let Some(known) = self.sources.get(source) {
            return known.clone();
        }
        let name = resolve(self.script, &self.base, without_root(source, root));
        let name = name.filter(|name| name.len() <= MAX_SOURCE_BYTES).map(Arc::from);
        self.sources.insert(source.to_owned(), name.clone());
        name
    }
}

/// The last mapping of a line that begins at the column or before.
fn find(map: &DecodedMap, mut line: u32, mut column: u32) -> Option<Mapping<'_>> {
    let (mut map, mut section_column) = (map, 0);
    loop {
        match map {
            DecodedMap::Regular(regular) => {
                return find_token(regular, line, column, section_column);
            }
            DecodedMap::Hermes(hermes) => return find_token(hermes, line, column, section_column),
            DecodedMap::Index(index) => {
                let offset = |at| index.get_section(at).map(|section| section.get_offset());
                let at = last_up_to((line, column), index.get_section_count(), offset)?;
                let section = index.get_section(at)?;
                let (first_line, first_column) = section.get_offset();
                if line == first_line {
                    column -= first_column;
                    section_column += first_column;
                }
                line -= first_line;
                map = section.get_sourcemap()?;
            }
        }
    }
}

fn find_token(map: &SourceMap, line: u32, column: u32, section_column: u32) -> Option<Mapping<'_>> {
    let position = |at: u32| map.get_token(at as usize).map(|token| token.get_dst());
    let at = last_up_to((line, column), map.get_token_count(), position)?;
    let token = map.get_token(at as usize)?;
    let is_mapped = token.get_dst_line() == line && token.has_source();
    is_mapped.then(|| Mapping { token, column: token.get_dst_col() + section_column })
}

/// The last of `count` sorted positions that is not after `position`.
fn last_up_to(
    position: (u32, u32),
    count: u32,
    at: impl Fn(u32) -> Option<(u32, u32)>,
) -> Option<u32> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if at(middle)? <= position {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low.checked_sub(1)
}

fn one_based(position: u32) -> Option<i32> {
    i32::try_from(position).ok()?.checked_add(1)
}

/// The crate puts the source root before all sources but absolute paths and web addresses; it does
/// not belong before other URLs either.
fn without_root<'a>(source: &'a str, root: &str) -> &'a str {
    let rest = source.strip_prefix(root.strip_suffix('/').unwrap_or(root));
    let rest = rest.and_then(|rest| rest.strip_prefix('/'));
    rest.filter(|rest| !root.is_empty() && scheme(rest).is_some()).unwrap_or(source)
}

/// The name of a source: a path or URL in the style of the script's name, `webpack:` and other URLs
/// as they are.
fn resolve(script: &Script, base: &Url, source: &str) -> Option<String> {
    if source.is_empty() || source.ends_with('/') {
        return None;
    }
    if scheme(source).is_some_and(|scheme| scheme != "file") {
        return Some(normalize(source));
    }
    let mut url = base.join(source).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    script.name_of(&url)
}

/// The scheme of a URL; one letter is a drive.
fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    let is_scheme = scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_scheme.then_some(scheme)
}

/// `webpack://name/./src/../a.ts?1f2e` is `webpack://name/a.ts`. By hand, because bundlers put
/// names there that no URL parser takes for a host, such as `@scope/name`.
fn normalize(url: &str) -> String {
    let url = url.split('?').next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let mut segments = rest.split('/');
    let mut kept: Vec<&str> = segments.next().into_iter().collect();
    for segment in segments {
        match segment {
            "." => {}
            ".." => kept.truncate((kept.len() - 1).max(1)),
            _ => kept.push(segment),
        }
    }
    format!("{scheme}://{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(script: &str, base: &str, source: &str) -> Option<String> {
        let script = Script::named(script).unwrap();
        resolve(&script, &script.url.join(base).unwrap(), source)
    }

    #[test]
    fn sources_are_relative_to_the_map_in_the_style_of_the_script() {
        for (script, source, expected) in [
            ("/app/dist/a.js", "../src/a.ts", "/app/src/a.ts"),
            ("/app/dist/a.js", "a b%20c.ts", "/app/dist/maps/a b c.ts"),
            ("/app/dist/a.js", "/src/a.ts?v=1", "/src/a.ts"),
            ("/app/dist/a.js", "file:///src/a.ts", "/src/a.ts"),
            ("file:///app/dist/a.js", "../../src/a b.ts", "file:///app/src/a%20b.ts"),
            ("file:///app/dist/a.js", "/src/a.ts", "file:///src/a.ts"),
            ("/a.js", "webpack://name/./src/a.ts", "webpack://name/src/a.ts"),
            ("/a.js", "webpack:///./src/../a.ts?1f2e", "webpack:///a.ts"),
            ("/a.js", "webpack://@scope/name/../../a.ts", "webpack://@scope/a.ts"),
            ("/a.js", "webpack:a.ts", "webpack:a.ts"),
            ("/a.js", "https://example.org/a.ts", "https://example.org/a.ts"),
        ] {
            let base = if source == "../src/a.ts" { "a.js.map" } else { "maps/a.js.map" };
            assert_eq!(resolved(script, base, source).as_deref(), Some(expected), "{source}");
        }
        for source in ["", "src/", "file://host/a.ts"] {
            assert_eq!(resolved("/a.js", "a.js.map", source), None, "{source}");
        }
    }

    #[test]
    fn the_source_root_is_not_put_before_urls() {
        assert_eq!(without_root("/root/webpack://a/b.ts", "/root/"), "webpack://a/b.ts");
        assert_eq!(without_root("/root/file:///b.ts", "/root"), "file:///b.ts");
        assert_eq!(without_root("/root/b.ts", "/root"), "/root/b.ts");
        assert_eq!(without_root("webpack://a/b.ts", ""), "webpack://a/b.ts");
    }
}
