//! What we call the sources of a map.

use std::sync::Arc;

use foldhash::HashMap;
use sourcemap::SourceMap;
use url::Url;

use super::script::Script;

/// Longer names are nobody's: answers are kept, and must stay small.
const MAX_BYTES: usize = 1 << 12;

/// The sources of a script's map.
pub struct Sources<'a> {
    script: &'a Script,
    /// What relative sources are relative to.
    base: Url,
    /// By what the map calls them.
    names: HashMap<String, Option<Arc<str>>>,
}

impl<'a> Sources<'a> {
    /// Those of the script's map, which was read from `base`.
    pub fn new(script: &'a Script, base: Url) -> Sources<'a> {
        Sources { script, base, names: HashMap::default() }
    }

    /// The name of a source, by its id in a map or in a section of it. None if that has no name.
    pub fn name(&mut self, map: &SourceMap, id: u32) -> Option<Arc<str>> {
        let source = map.get_source(id)?;
        if let Some(known) = self.names.get(source) {
            return known.clone();
        }
        let relative = without_root(source, map.get_source_root().unwrap_or_default());
        let name = resolve(self.script, &self.base, relative);
        let name = name.filter(|name| name.len() <= MAX_BYTES).map(Arc::from);
        self.names.insert(source.to_owned(), name.clone());
        name
    }
}

/// The crate puts the source root before all sources but absolute paths and web addresses; it does
/// not belong before other URLs either.
fn without_root<'a>(source: &'a str, root: &str) -> &'a str {
    let rest = source.strip_prefix(root.strip_suffix('/').unwrap_or(root));
    let rest = rest.and_then(|rest| rest.strip_prefix('/'));
    rest.filter(|rest| !root.is_empty() && scheme(rest).is_some()).unwrap_or(source)
}

/// A path or URL in the style of the script's name, `webpack:` and other URLs
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
