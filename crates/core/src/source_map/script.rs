//! A script: its file, and which source map it refers to.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use data_url::DataUrl;
use url::Url;

use super::file;

/// A script that is a file.
pub struct Script {
    /// As V8 names it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// The same as a URL.
    pub url: Url,
    /// Whether V8 names it by its URL, as it does for ES modules.
    pub is_named_by_url: bool,
}

impl Script {
    /// None for names that are no absolute path and no file: URL: `node:fs`, `evalmachine.<anonymous>`.
    pub fn named(name: &str) -> Option<Script> {
        if name.starts_with("file:") {
            let url = Url::parse(name).ok()?;
            let path = url.to_file_path().ok()?;
            return Some(Script { name: name.into(), path, url, is_named_by_url: true });
        }
        let url = Url::from_file_path(name).ok()?;
        Some(Script { name: name.into(), path: name.into(), url, is_named_by_url: false })
    }

    /// The name in the style of the script's own: a URL or, for files, a path.
    pub fn name_of(&self, url: &Url) -> Option<String> {
        if self.is_named_by_url || url.scheme() != "file" {
            return Some(url.to_string());
        }
        url.to_file_path().ok()?.into_os_string().into_string().ok()
    }

    /// Where `reference`, from the script's text, leads.
    pub fn locate(&self, reference: &str) -> Result<Location, String> {
        if reference.starts_with("data:") {
            return decode_data(reference).map(Location::Inline);
        }
        let url = self.url.join(reference);
        let url = url.map_err(|error| refused(reference, &error.to_string()))?;
        let is_file = url.scheme() == "file";
        let path = url.to_file_path().ok().filter(|_| is_file);
        let path = path.ok_or_else(|| refused(reference, "it is not a local file"))?;
        // By the names alone: outside, nothing is even looked at.
        if !path.starts_with(self.directory()) {
            return Err(refused(reference, OUTSIDE));
        }
        Ok(Location::File { url, path })
    }

    /// The content of its map file at `path`.
    pub fn read_map(&self, path: &Path) -> Result<Vec<u8>, String> {
        let name = path.to_string_lossy();
        let failed = |error| format!("cannot read its source map {name}: {error}");
        // Symbolic links may lead out of the directory.
        let real_path = path.canonicalize().map_err(failed)?;
        if !real_path.starts_with(self.directory().canonicalize().map_err(failed)?) {
            return Err(refused(&name, OUTSIDE));
        }
        file::read(&real_path).map_err(failed)
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Its text as V8 counts it: without a byte order mark.
    pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
        String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
    }
}

const OUTSIDE: &str = "it is outside the script's directory";

fn refused(reference: &str, why: &str) -> String {
    format!("refused to read its source map {reference:.200}: {why}")
}

/// Where a source map is.
pub enum Location {
    /// In the script itself.
    Inline(Vec<u8>),
    /// In a file.
    File { url: Url, path: PathBuf },
}

/// The content of a data: URL.
fn decode_data(url: &str) -> Result<Vec<u8>, String> {
    let content = DataUrl::process(url).ok().and_then(|url| url.decode_to_vec().ok());
    let (content, _fragment) = content.ok_or("its source map is a broken data: URL")?;
    Ok(content)
}

/// The source map that a script's text refers to: the comment must be on the last line that is not
/// empty and not another comment, so that code which speaks of such comments does not count.
pub fn reference(text: &str) -> Option<&str> {
    for line in text.lines().rev() {
        let line = line.trim();
        if let Some(url) = reference_in(line) {
            return Some(url);
        }
        if !line.is_empty() && !line.starts_with("//") {
            return None;
        }
    }
    None
}

fn reference_in(line: &str) -> Option<&str> {
    let markers = ["//# sourceMappingURL=", "//@ sourceMappingURL="];
    let (start, marker) =
        markers.iter().filter_map(|marker| Some((line.rfind(marker)?, marker))).max()?;
    let url = &line[start + marker.len()..];
    // After code, the comment may be a part of a string.
    let is_quoted = start > 0 && url.contains(['"', '\'', '`']);
    let is_one_word = !url.is_empty() && !url.contains(char::is_whitespace);
    (is_one_word && !is_quoted).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_absolute_paths_or_file_urls() {
        for name in ["/app/a b.js", "file:///app/a%20b.js", "file:///app/a%20b.js?v=2"] {
            let path = Script::named(name).map(|script| script.path);
            assert_eq!(path, Some("/app/a b.js".into()), "{name}");
        }
        for name in
            ["", "a.js", "node:fs", "evalmachine.<anonymous>", "wasm://wasm/1", "https://x/a.js"]
        {
            assert!(Script::named(name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_reference_is_the_last_comment() {
        for (text, expected) in [
            ("f()\n//# sourceMappingURL=a.js.map", Some("a.js.map")),
            ("f()\r\n//# sourceMappingURL=a.js.map\r\n\r\n", Some("a.js.map")),
            ("f()\n//@ sourceMappingURL=a.js.map\n// the end\n", Some("a.js.map")),
            ("f(); //# sourceMappingURL=a.js.map", Some("a.js.map")),
            ("//# sourceMappingURL=a.map\n//# sourceMappingURL=b.map", Some("b.map")),
            ("//# sourceMappingURL=data:application/json,{'}", Some("data:application/json,{'}")),
            ("//# sourceMappingURL=a.js.map\nf()", None),
            ("eval('f()//# sourceMappingURL=a.js.map')", None),
            ("const marker = `\n//# sourceMappingURL=a.js.map\n`;", None),
            ("//# sourceMappingURL=", None),
            ("//# sourceMappingURL=two words", None),
            ("", None),
        ] {
            assert_eq!(reference(text), expected, "{text}");
        }
    }

    #[test]
    fn data_urls_are_base64_or_percent_encoded() {
        for data in [
            "data:application/json;base64,e30=",
            "data:application/json;base64,e30",
            "data:application/json;charset=utf-8;base64,e30%3D",
            "data:application/json,%7B%7D",
            "data:,{}",
        ] {
            assert_eq!(decode_data(data).as_deref(), Ok(&b"{}"[..]), "{data}");
        }
        for data in [
            "data:application/json;base64,e",
            "data:application/json;base64,?",
            "data:application/json",
        ] {
            assert!(decode_data(data).is_err(), "{data}");
        }
    }
}
