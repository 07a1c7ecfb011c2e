//! Where build.rs looks for Node's headers, and what it says when there are none.

#![allow(missing_docs, dead_code)]

#[path = "../build/headers.rs"]
mod headers;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

fn make_headers(root: &Path, modules: &str) -> io::Result<PathBuf> {
    let include = root.join(modules).join("include/node");
    fs::create_dir_all(&include)?;
    fs::write(include.join(headers::HEADER), "")?;
    let version = format!("#define NODE_MODULE_VERSION {modules}\n");
    fs::write(include.join("node_version.h"), version)?;
    Ok(include)
}

#[test]
fn the_first_place_with_verified_headers_is_taken() {
    let root = TempDir::new().unwrap();
    let make = |modules| make_headers(root.path(), modules).unwrap();
    let (newer, node_18) = (make("999"), make("108"));
    let places = [
        ("unset", Err("not set".into())),
        ("empty", Ok(root.path().to_owned())),
        ("newer", Ok(newer)),
        ("18", Ok(node_18.clone())),
        ("later", Ok(make("115"))),
    ];
    assert_eq!(headers::find(places.into_iter()), Ok(node_18));
}

#[test]
fn an_error_names_every_place_and_what_to_do() {
    let root = TempDir::new().unwrap();
    let newer = make_headers(root.path(), "999").unwrap();
    let places = [
        ("unset", Err("not set".into())),
        ("gone", Ok("/gone".into())),
        ("newer", Ok(newer.clone())),
    ];
    let message = headers::find(places.into_iter()).unwrap_err();
    for part in [
        "unset: not set",
        "gone: /gone: no v8-profiler.h there",
        &format!("newer: {}: NODE_MODULE_VERSION 999", newer.display()),
        "Set NODE_INCLUDE_DIR",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn the_places_come_in_the_documented_order() {
    let names = headers::places().map(|(name, _)| name).take(4).collect::<Vec<_>>();
    let expected =
        ["NODE_INCLUDE_DIR", "next to the running node", "npm's nodedir", "node-gyp's cache"];
    assert_eq!(names, expected);
}
