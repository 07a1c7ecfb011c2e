//! The whole way: scripts and maps in a directory, nodes in, nodes out.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::{Value, json};
use sourcemap::{SourceMap, SourceMapBuilder};
use tempfile::TempDir;

use super::map::Map;
use super::*;

/// Two functions, a class and an arrow function with minified names.
const CODE: &str = "function a(b){}class c{constructor(d){}}const e=f=>f;\nexports.g=function(){}";
/// Their positions, 1-based, as V8 has them, and names.
const FUNCTIONS: [(i32, i32, &str); 5] =
    [(1, 1, ""), (1, 11, "a"), (1, 35, "c"), (1, 49, "e"), (2, 19, "exports.g")];

/// The map of [`CODE`], made of `first.ts` and `second.ts`: functions in lines 10, 20, 30, 40.
fn map() -> SourceMap {
    let mut builder = SourceMapBuilder::new(None);
    let mut add = |line, column, source_line, source, name: Option<&str>| {
        builder.add(line, column, source_line, 4, Some(source), name, false);
    };
    add(0, 0, 9, "../src/first.ts", None);
    add(0, 9, 9, "../src/first.ts", Some("allocate"));
    add(0, 21, 18, "../src/first.ts", Some("Cache"));
    add(0, 23, 19, "../src/first.ts", None);
    add(0, 46, 29, "../src/second.ts", Some("entries"));
    add(0, 48, 29, "../src/second.ts", None);
    add(1, 0, 39, "../src/second.ts", Some("exports"));
    add(1, 8, 39, "../src/second.ts", Some("getAll"));
    builder.into_sourcemap()
}

fn json_of(map: &SourceMap) -> String {
    let mut bytes = Vec::new();
    map.to_writer(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// An application's directory with a script in `dist`.
struct App {
    directory: TempDir,
}

impl App {
    /// With `code` and a reference to a map in dist/app.js.
    fn new(code: &str, reference: &str) -> App {
        let app = App { directory: TempDir::new().unwrap() };
        app.write("dist/app.js", format!("{code}\n//# sourceMappingURL={reference}\n"));
        app
    }

    /// With [`CODE`] in dist/app.js, its map beside it.
    fn mapped(map: &str) -> App {
        let app = App::new(CODE, "app.js.map");
        app.write("dist/app.js.map", map);
        app
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Maps [`FUNCTIONS`].
    fn apply(&self) -> (Vec<String>, Vec<String>) {
        self.apply_to(&FUNCTIONS)
    }

    /// Maps functions of dist/app.js. See [`apply`]; the application's directory is left out.
    fn apply_to(&self, functions: &[(i32, i32, &str)]) -> (Vec<String>, Vec<String>) {
        let script = self.path("dist/app.js");
        let (frames, warnings) = apply_to(script.to_str().unwrap(), functions);
        let relative = |text: String| text.replace(self.path("").to_str().unwrap(), "");
        (frames.into_iter().map(relative).collect(), warnings.into_iter().map(relative).collect())
    }
}

/// Maps functions of a script: `name source:line:column` each, and the warnings `count message`.
fn apply_to(script: &str, functions: &[(i32, i32, &str)]) -> (Vec<String>, Vec<String>) {
    let mut strings = Strings::default();
    let node = |(&(line_number, column_number, name), id)| Node {
        id,
        parent: 0,
        name: strings.intern(name),
        script_name: strings.intern(script),
        script_id: 7,
        start_position: 3,
        line_number,
        column_number,
        call_line: 0,
        allocations_end: id,
    };
    let nodes: Vec<Node> = functions.iter().zip(1..).map(node).collect();
    let strings = strings.into_vec();
    let mapped = apply(&strings, &nodes, &[]);
    assert!(mapped.strings.starts_with(&strings));
    assert_eq!(mapped.nodes.len(), nodes.len());
    let text = |index: u32| match &mapped.strings[index as usize] {
        Text::Utf8(text) => text.to_string(),
        Text::Utf16(_) => unreachable!(),
    };
    let frames = mapped.nodes.iter().zip(&nodes).map(|(node, before)| {
        let rest = |node: &Node| (node.id, node.parent, node.script_id, node.allocations_end);
        assert_eq!(rest(node), rest(before));
        let (name, source) = (text(node.name), text(node.script_name));
        format!("{name} {source}:{}:{}", node.line_number, node.column_number)
    });
    let warnings = mapped.warnings.iter().map(|warning| {
        assert_eq!(warning.url, script);
        format!("{} {}", warning.count, warning.message)
    });
    (frames.collect(), warnings.collect())
}

const UNMAPPED: [&str; 5] = [
    " dist/app.js:1:1",
    "a dist/app.js:1:11",
    "c dist/app.js:1:35",
    "e dist/app.js:1:49",
    "exports.g dist/app.js:2:19",
];
const MAPPED: [&str; 5] = [
    " dist/app.js:1:1",
    "allocate src/first.ts:10:5",
    "Cache src/first.ts:20:5",
    "entries src/second.ts:30:5",
    "exports.getAll src/second.ts:40:5",
];

#[track_caller]
fn assert_mapped(app: &App) {
    let (frames, warnings) = app.apply();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(frames, MAPPED);
}

/// Everything is as it was, and one warning for all five frames says why.
#[track_caller]
fn assert_refused(app: &App, reason: &str) {
    let (frames, warnings) = app.apply();
    assert_eq!(frames, UNMAPPED);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("5 ") && warnings[0].contains(reason), "{}", warnings[0]);
}

#[test]
fn lines_in_functions_are_mapped_where_all_of_a_line_says_the_same() {
    let app = App::mapped(&json_of(&map()));
    let script = app.path("dist/app.js");
    let mut strings = Strings::default();
    let node = |(line_number, column_number, name): (i32, i32, &str)| Node {
        id: 1,
        parent: 0,
        name: strings.intern(name),
        script_name: strings.intern(script.to_str().unwrap()),
        script_id: 7,
        start_position: 3,
        line_number,
        column_number,
        call_line: 0,
        allocations_end: 0,
    };
    let nodes = [FUNCTIONS[1], FUNCTIONS[4]].map(node);
    // The first line is of several, the second is of another source than the function, there is no fourth.
    let asked = [(0, 1), (0, 2), (0, 4), (0, 0), (1, 2), (1, 1)];
    let lines = apply(&strings.into_vec(), &nodes, &asked).lines;
    assert_eq!(lines, [0, 0, 0, 0, 40, 0]);
}

#[test]
fn maps_by_a_file_beside_the_script() {
    assert_mapped(&App::mapped(&json_of(&map())));
}

#[test]
fn maps_by_files_however_they_are_referred_to() {
    let json = json_of(&map()).replace("../src", "../../src");
    for reference in ["./maps/app%20js.map", "maps/../maps/app%20js.map?v=1"] {
        let app = App::new(CODE, reference);
        app.write("dist/maps/app js.map", &json);
        assert_mapped(&app);
    }
    let app = App::new(CODE, "");
    app.write("dist/maps/app.js.map", json);
    let path = app.path("dist/maps/app.js.map");
    app.write("dist/app.js", format!("{CODE}\n//# sourceMappingURL={}", path.display()));
    assert_mapped(&app);
}

#[test]
fn maps_by_data_urls() {
    assert_mapped(&App::new(CODE, &map().to_data_url().unwrap()));
    let plain = json_of(&map()).replace('%', "%25").replace(' ', "%20");
    assert_mapped(&App::new(CODE, &format!("data:application/json,{plain}")));
}

#[test]
fn maps_by_sections() {
    let line = |line: u32| {
        let mut builder = SourceMapBuilder::new(None);
        for token in map().tokens().filter(|token| token.get_dst_line() == line) {
            let (source_line, source_column) = token.get_src();
            let (source, name) = (token.get_source(), token.get_name());
            builder.add(0, token.get_dst_col(), source_line, source_column, source, name, false);
        }
        serde_json::from_str::<Value>(&json_of(&builder.into_sourcemap())).unwrap()
    };
    let section =
        |line: u32, map: Value| json!({"offset": {"line": line, "column": 0}, "map": map});
    let inner = json!({"version": 3, "sections": [section(0, line(1))]});
    let outer = json!({"version": 3, "sections": [section(0, line(0)), section(1, inner)]});
    assert_mapped(&App::mapped(&outer.to_string()));
}

#[test]
fn a_section_begins_at_its_column() {
    let app = App::new("before();function a(){}", "app.js.map");
    let mut builder = SourceMapBuilder::new(None);
    builder.add(0, 9, 1, 0, Some("/a.ts"), Some("allocate"), false);
    let map = serde_json::from_str::<Value>(&json_of(&builder.into_sourcemap())).unwrap();
    let sections = json!([{"offset": {"line": 0, "column": 9}, "map": map}]);
    app.write("dist/app.js.map", json!({"version": 3, "sections": sections}).to_string());
    assert_eq!(app.apply_to(&[(1, 20, "a")]).0, ["allocate /a.ts:2:1"]);
    assert_eq!(app.apply_to(&[(1, 7, "b")]).0, ["b dist/app.js:1:7"]);
}

#[test]
fn names_sources_in_the_style_of_the_script() {
    let app = App::mapped(&json_of(&map()));
    let url = url::Url::from_file_path(app.path("dist/app.js")).unwrap();
    let source = url.join("../src/first.ts").unwrap();
    let (frames, warnings) = apply_to(url.as_str(), &[(1, 11, "a")]);
    assert_eq!(frames, [format!("allocate {source}:10:5")]);
    assert!(warnings.is_empty());
}

#[test]
fn keeps_webpack_urls_and_puts_the_source_root_before_relative_sources() {
    let mut webpack = map();
    webpack.set_source(0, "webpack://name/./src/first.ts");
    webpack.set_source_root(Some("../root/"));
    webpack.set_source(1, "second.ts");
    let app = App::mapped(&json_of(&webpack).replace("../root//", "../root/"));
    let frames = app.apply().0;
    assert_eq!(frames[1], "allocate webpack://name/src/first.ts:10:5");
    assert_eq!(frames[3], "entries root/second.ts:30:5");
}

#[test]
fn the_top_level_is_mapped_if_there_is_one_source() {
    let mut builder = SourceMapBuilder::new(None);
    builder.add(0, 0, 7, 0, Some("../src/only.ts"), None, false);
    let app = App::mapped(&json_of(&builder.into_sourcemap()));
    assert_eq!(app.apply().0[0], " src/only.ts:1:1");
}

#[test]
fn keeps_what_is_not_certain() {
    let app = App::mapped(&json_of(&map()));
    let functions = [
        // No position; a position that the code does not have; a line without mappings.
        (0, 0, "a"),
        (1, 1000, "a"),
        (3, 1, "a"),
        (900, 1, "a"),
        (i32::MAX, i32::MAX, "a"),
    ];
    for (function, frame) in functions.iter().zip(app.apply_to(&functions).0) {
        let (line, column, name) = function;
        assert_eq!(frame, format!("{name} dist/app.js:{line}:{column}"));
    }
    // Another name than the code has, and none.
    let frames = app.apply_to(&[(1, 11, "get a"), (1, 11, "other"), (1, 11, "")]).0;
    let expected = ["get a src/first.ts:10:5", "other src/first.ts:10:5", " src/first.ts:10:5"];
    assert_eq!(frames, expected);
}

#[test]
fn a_name_must_be_that_of_the_very_identifier() {
    let app = App::new("function a(){}", "app.js.map");
    let mut builder = SourceMapBuilder::new(None);
    builder.add(0, 0, 1, 0, Some("/a.ts"), Some("somethingElse"), false);
    app.write("dist/app.js.map", json_of(&builder.into_sourcemap()));
    assert_eq!(app.apply_to(&[(1, 11, "a")]).0, ["a /a.ts:2:1"]);
}

#[test]
fn a_function_that_only_the_bundler_wrote_stays() {
    let app = App::new("a();},7:(b,c)=>{}", "app.js.map");
    let mut builder = SourceMapBuilder::new(None);
    builder.add(0, 0, 1, 0, Some("/a.ts"), None, false);
    app.write("dist/app.js.map", json_of(&builder.into_sourcemap()));
    assert_eq!(app.apply_to(&[(1, 9, "7")]).0, ["7 dist/app.js:1:9"]);
}

#[test]
fn scripts_without_maps_are_left_alone_silently() {
    let app = App::new(CODE, "");
    assert_eq!(app.apply(), (UNMAPPED.map(str::to_owned).to_vec(), vec![]));
    for script in ["", "node:fs", "evalmachine.<anonymous>", "wasm://wasm/1", "http://a/b.js"] {
        let (frames, warnings) = apply_to(script, &[(1, 2, "f")]);
        assert_eq!(frames, [format!("f {script}:1:2")]);
        assert!(warnings.is_empty());
    }
}

#[test]
fn warns_of_maps_and_scripts_that_cannot_be_read() {
    assert_refused(&App::new(CODE, "app.js.map"), "No such file");
    let app = App::new(CODE, "maps");
    fs::create_dir(app.path("dist/maps")).unwrap();
    assert_refused(&app, "not a regular file");
    fs::remove_file(app.path("dist/app.js")).unwrap();
    assert_refused(&app, "cannot read the script: No such file");
}

#[test]
fn refuses_the_network_and_what_is_outside_of_the_directory() {
    for reference in [
        "http://localhost/app.js.map",
        "https://example.org/app.js.map",
        "//example.org/app.js.map",
        "webpack:///app.js.map",
    ] {
        assert_refused(&App::new(CODE, reference), "it is not a local file");
    }
    for reference in [
        "../app.js.map",
        "%2e%2e/app.js.map",
        "..%2Fapp.js.map",
        "/etc/passwd",
        "file:///etc/passwd",
    ] {
        let app = App::new(CODE, reference);
        app.write("app.js.map", json_of(&map()));
        assert_refused(&app, "it is outside the script's directory");
    }
    // Nobody learns whether a file is there.
    assert_refused(&App::new(CODE, "../missing.map"), "it is outside the script's directory");
}

#[cfg(unix)]
#[test]
fn follows_symbolic_links_only_within_the_directory() {
    let link = |app: &App, target: &str| {
        std::os::unix::fs::symlink(app.path(target), app.path("dist/app.js.map")).unwrap();
    };
    let app = App::new(CODE, "app.js.map");
    app.write("dist/real.map", json_of(&map()));
    link(&app, "dist/real.map");
    assert_mapped(&app);
    let app = App::new(CODE, "app.js.map");
    app.write("real.map", json_of(&map()));
    link(&app, "real.map");
    assert_refused(&app, "it is outside the script's directory");
}

#[test]
fn waits_for_no_pipe_and_reads_no_device() {
    let make_pipe = |path: &Path| mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
    let app = App::new(CODE, "app.js.map");
    make_pipe(&app.path("dist/app.js.map"));
    assert_refused(&app, "it is not a regular file");
    fs::remove_file(app.path("dist/app.js")).unwrap();
    make_pipe(&app.path("dist/app.js"));
    assert_refused(&app, "cannot read the script: it is not a regular file");
    let (_, warnings) = apply_to("/dev/zero", &FUNCTIONS);
    assert_eq!(warnings, ["5 cannot read the script: it is not a regular file"]);
}

#[test]
fn refuses_files_that_are_too_large() {
    let grow = |path: &Path| fs::File::create(path).unwrap().set_len((256 << 20) + 1).unwrap();
    let app = App::mapped("");
    grow(&app.path("dist/app.js.map"));
    assert_refused(&app, "larger than 256 MiB");
    grow(&app.path("dist/app.js"));
    assert_refused(&app, "cannot read the script: it is larger than 256 MiB");
}

#[test]
fn warns_of_broken_maps() {
    let nested = "[".repeat(100_000);
    let sections = r#"{"sections":[{"offset":{"line":0,"column":0},"map":"#.repeat(1000);
    let many = format!(r#"{{"mappings":"{}"}}"#, ",".repeat((1 << 24) + 1));
    for broken in [
        "",
        "null",
        "[]",
        "not JSON",
        &nested,
        &sections,
        &many,
        r#"{"mappings":7}"#,
        r#"{"sources":["a.ts"],"mappings":"A!"}"#,
        r#"{"sources":["a.ts"],"mappings":"ACAA"}"#,
        r#"{"sources":["a.ts"],"mappings":"ADAA"}"#,
        r#"{"sources":["a.ts"],"names":[],"mappings":"AAAAA"}"#,
        r#"{"sources":["a.ts"],"mappings":"AA"}"#,
        r#"{"sources":["a.ts"],"mappings":"gggggggggggggggggggggggggA"}"#,
        r#"{"sections":[{"offset":{"line":-1,"column":0}}]}"#,
    ] {
        assert_refused(&App::mapped(broken), "its source map is broken");
    }
    assert_refused(&App::new(CODE, "data:application/json;base64,???"), "broken data: URL");
}

#[test]
fn maps_without_usable_mappings_change_nothing() {
    for map in [
        "{}",
        r#"{"version":3,"sources":[],"mappings":""}"#,
        r#"{"version":3,"sections":[]}"#,
        r#"{"version":3,"sections":[{"offset":{"line":0,"column":0},"url":"b.map"}]}"#,
        r#"{"version":3,"sources":[null,"b.ts"],"mappings":"AAAA;AAAA"}"#,
        // Lines and columns below 0 and beyond 2^31.
        r#"{"version":3,"sources":["a.ts","b.ts"],"mappings":"AADA;AAAD"}"#,
        r#"{"version":3,"sources":["a.ts","b.ts"],"mappings":"AA+/////DA;AAAA"}"#,
    ] {
        let (frames, warnings) = App::mapped(map).apply();
        assert_eq!(
            (&frames[..], &warnings[..]),
            (&UNMAPPED.map(str::to_owned)[..], &[][..]),
            "{map}"
        );
    }
}

#[test]
fn names_and_sources_of_any_length_are_not_kept() {
    let long = "x".repeat(10_000);
    let frames = App::mapped(&json_of(&map()).replace("allocate", &long)).apply().0;
    assert_eq!(frames[1], "a src/first.ts:10:5");
    let frames = App::mapped(&json_of(&map()).replace("first", &long)).apply().0;
    assert_eq!(frames[1], UNMAPPED[1]);
}

/// Changes bytes at random, always the same ones: nothing may panic.
#[test]
fn survives_maps_and_code_with_random_bytes() {
    let json = json_of(&map());
    let sections = format!(
        r#"{{"version":3,"sections":[{{"offset":{{"line":0,"column":3}},"map":{json}}}]}}"#,
    );
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut mutate = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            bytes[at] = b"AD+/zg,;09\"{}[]-\xff"[random(17)];
        }
        bytes
    };
    let script = Script::named("/app/dist/app.js").unwrap();
    let functions: Vec<Function> = FUNCTIONS
        .map(|(line, column, name)| Function {
            inner_line: None,
            line: line as u32 - 1,
            column: column as u32 - 1,
            name: name.into(),
        })
        .to_vec();
    let mut decoded = 0;
    for map in [json.as_bytes(), sections.as_bytes()].repeat(10_000) {
        let code = mutate(CODE.as_bytes());
        let code = Script::decode(&code);
        script::reference(&code);
        if let Ok(mut map) = Map::decode(&mutate(map), script.url.clone(), &script) {
            assert_eq!(map.originals(&code, functions.clone()).len(), functions.len());
            decoded += 1;
        }
    }
    // Some were still maps.
    assert!(decoded > 1000, "{decoded}");
}

#[test]
fn answers_are_kept_until_a_file_changes() {
    let app = App::mapped(&json_of(&map()));
    let stamp = fs::metadata(app.path("dist/app.js.map")).unwrap().modified().unwrap();
    let rewrite = |content: &str, age: u64| {
        app.write("dist/app.js.map", content);
        let file = fs::File::options().write(true).open(app.path("dist/app.js.map")).unwrap();
        file.set_modified(stamp - std::time::Duration::from_secs(age)).unwrap();
    };
    assert_eq!(app.apply_to(&FUNCTIONS[..2]).0, MAPPED[..2]);
    // As long and as old as before: known answers are not read again, others are.
    let other = json_of(&map()).replace("allocate", "ALLOCATE").replace("Cache", "CACHE");
    rewrite(&other, 0);
    assert_eq!(app.apply_to(&FUNCTIONS[..2]).0, MAPPED[..2]);
    let frames = app.apply_to(&FUNCTIONS[..3]).0;
    assert_eq!(frames[..2], MAPPED[..2]);
    assert_eq!(frames[2], "CACHE src/first.ts:20:5");
    rewrite(&other, 1);
    assert_eq!(app.apply_to(&FUNCTIONS[..2]).0[1], "ALLOCATE src/first.ts:10:5");
    // A map that goes and comes back.
    fs::remove_file(app.path("dist/app.js.map")).unwrap();
    assert_refused(&app, "No such file");
    rewrite(&json_of(&map()), 2);
    assert_mapped(&app);
}
