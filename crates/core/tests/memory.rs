//! What the readers promise of memory, with a limit of the system's on the process: a file that takes more
//! aborts it.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::env;
use std::io::{Cursor, Read, Write, repeat};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use heap_profile_core::format::limits::Limits;
use heap_profile_core::format::{self, heapprofile};

/// Which case a process is to run.
const CASE: &str = "HEAP_PROFILE_MEMORY_CASE";

/// A name, the limit in MB, and what is read under it.
type Case = (&'static str, u32, fn());

const CASES: [Case; 7] = [
    ("a gigabyte of what nobody knows", 50, unknown_value),
    ("half a million nodes in 150 MB", 160, many_nodes),
    ("what gzip knows by heart", 300, recursion),
    ("80 KB of nodes", 350, || hostile("{\"head\":", "{\"children\":[")),
    ("80 KB of ordinals", 350, || hostile("{\"heapProfile\":{\"collectedOrdinals\":[0", ",0")),
    ("80 KB of labels", 350, || hostile("{\"heapProfile\":{\"labels\":{\"\":\"\"", ",\"\":\"\"")),
    ("80 KB of samples", 350, || hostile("", "\x12\0")),
];

fn main() {
    match env::var(CASE) {
        Ok(name) => {
            let (.., run) = CASES.iter().find(|case| case.0 == name).expect("a case of ours");
            run();
        }
        Err(_) => CASES.iter().for_each(run_limited),
    }
}

fn run_limited((name, megabytes, _): &Case) {
    let status = Command::new("sh")
        .args(["-c", &format!("ulimit -v {} && exec \"$0\"", megabytes * 1000)])
        .arg(env::current_exe().unwrap())
        .env(CASE, name)
        .status();
    assert!(status.unwrap().success(), "{name} in {megabytes} MB");
    println!("{name}: ok");
}

const FRAME: &str = r#""callFrame":{"functionName":"f","scriptId":"1","url":"file:///srv/app/node_modules/package/lib/index.js","lineNumber":10,"columnNumber":20},"selfSize":0,"children":["#;

fn unknown_value() {
    let start = Cursor::new(format!("{{\"head\":{{{FRAME}]}},\"x\":\""));
    let source = start.chain(repeat(b'a').take(1 << 30)).chain(Cursor::new("\"}"));
    let profile = heapprofile::read(source, Limits::of(1 << 30)).unwrap();
    assert_eq!(profile.nodes.len(), 1);
}

fn many_nodes() {
    let (nodes, node) = (500_000, format!(",{{{FRAME}]}}"));
    let start = Cursor::new(format!("{{\"head\":{{{FRAME}{{{FRAME}]}}"));
    let more = Again { text: node.as_bytes(), at: 0 }.take(nodes * node.len() as u64);
    let source = start.chain(more).chain(Cursor::new("]}}"));
    let profile = heapprofile::read(source, Limits::of(nodes * node.len() as u64)).unwrap();
    assert_eq!(profile.nodes.len() as u64, nodes + 2);
}

/// A text again and again.
struct Again<'a> {
    text: &'a [u8],
    at: usize,
}

impl Read for Again<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = (&self.text[self.at..]).read(out)?;
        self.at = (self.at + count) % self.text.len();
        Ok(count)
    }
}

/// Trees of few functions shrink more than any others, and are no bombs.
fn recursion() {
    let mut text = format!("{{\"head\":{{\"id\":0,{FRAME}");
    for chain in 0..200 {
        text += if chain > 0 { "," } else { "" };
        for node in 1..=1_000 {
            text += &format!("{{\"id\":{},{FRAME}", chain * 1_000 + node);
        }
        text += &"]}".repeat(1_000);
    }
    text += "]}}";
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text.as_bytes()).unwrap();
    let bytes = gzip.finish().unwrap();
    assert!(text.len() > 50 * bytes.len(), "{} of {}", bytes.len(), text.len());
    assert_eq!(format::read(&bytes).unwrap().nodes.len(), 200_001);
}

/// As much of a piece as may be inflated from so few bytes.
fn hostile(start: &str, piece: &str) {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let piece = piece.repeat(1 << 10);
    let pieces = (76 << 20) / piece.len();
    gzip.write_all(start.as_bytes()).unwrap();
    for _ in 0..pieces {
        gzip.write_all(piece.as_bytes()).unwrap();
    }
    let bytes = gzip.finish().unwrap();
    let error = format::read(&bytes).unwrap_err().to_string();
    assert!(!error.contains("inflates to more"), "{} bytes: {error}", bytes.len());
}
