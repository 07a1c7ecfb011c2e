//! Profiles to `.heapprofile`.

use std::collections::hash_map::Entry;
use std::io::{self, Write};

use foldhash::HashMap;
use serde::{Serialize, Serializer};

use crate::format::json::{write_number, write_text, write_value};
use crate::profile::path::Path;
use crate::profile::{Metadata, Node, Profile};

/// Writes the profile. `out` is written to in small pieces: give it a buffer.
pub fn write(profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{\"head\":")?;
    write_tree(profile, out)?;
    out.write_all(b",\"samples\":[")?;
    write_samples(profile, out)?;
    out.write_all(b"]")?;
    if profile.metadata != Metadata::default() {
        out.write_all(b",\"heapProfile\":")?;
        write_value(out, &Trailer::of(profile))?;
    }
    out.write_all(b"}")
}

fn write_tree(profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    let self_sizes = &profile.totals().self_sizes;
    let mut frames = CallFrames::of(profile);
    let mut open: Path<()> = Path::default();
    for (index, node) in profile.nodes.iter().enumerate() {
        let mut is_first = true;
        while open.leave(node.parent).is_some() {
            out.write_all(b"]}")?;
            is_first = false;
        }
        if !is_first {
            out.write_all(b",")?;
        }
        out.write_all(frames.encoded(node)?)?;
        write_number(out, self_sizes[index])?;
        out.write_all(b",\"id\":")?;
        write_value(out, &node.id)?;
        write_line(out, b",\"callLineNumber\":", node.call_line)?;
        out.write_all(b",\"children\":[")?;
        open.enter(index as u32, node.parent, ());
    }
    open.values().try_for_each(|_| out.write_all(b"]}"))
}

/// What identifies a function: name, script name, script id, line and column.
type Function = (u32, u32, i32, i32, i32);

/// The encoded starts of nodes, by function: a function has a hundred nodes or more.
struct CallFrames<'a> {
    profile: &'a Profile,
    encoded: HashMap<Function, Vec<u8>>,
}

impl CallFrames<'_> {
    fn of(profile: &Profile) -> CallFrames<'_> {
        CallFrames { profile, encoded: HashMap::default() }
    }

    /// A node up to its own size.
    fn encoded(&mut self, node: &Node) -> io::Result<&[u8]> {
        let Node { name, script_name, script_id, line_number, column_number, .. } = *node;
        let function = (name, script_name, script_id, line_number, column_number);
        match self.encoded.entry(function) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => {
                let mut out = Vec::new();
                write_call_frame(self.profile, node, &mut out)?;
                Ok(new.insert(out))
            }
        }
    }
}

fn write_call_frame(profile: &Profile, node: &Node, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{\"callFrame\":{\"functionName\":")?;
    write_text(out, &profile.strings[node.name as usize])?;
    out.write_all(b",\"scriptId\":\"")?;
    write_value(out, &node.script_id)?;
    out.write_all(b"\",\"url\":")?;
    write_text(out, &profile.strings[node.script_name as usize])?;
    out.write_all(b",\"lineNumber\":")?;
    write_value(out, &(node.line_number - 1))?;
    out.write_all(b",\"columnNumber\":")?;
    write_value(out, &(node.column_number - 1))?;
    out.write_all(b"},\"selfSize\":")
}

fn write_samples(profile: &Profile, out: &mut impl Write) -> io::Result<()> {
    for (position, sample) in profile.samples_by_age().enumerate() {
        out.write_all(if position == 0 { b"{\"size\":" } else { b",{\"size\":" })?;
        write_number(out, profile.bytes_of(sample))?;
        out.write_all(b",\"nodeId\":")?;
        write_value(out, &sample.node_id)?;
        out.write_all(b",\"ordinal\":")?;
        write_value(out, &sample.ordinal)?;
        write_line(out, b",\"lineNumber\":", sample.line)?;
        out.write_all(b"}")?;
    }
    Ok(())
}

/// A member of ours, 0-based as those of DevTools; nothing of a line that is unknown.
fn write_line(out: &mut impl Write, key: &[u8], line: i32) -> io::Result<()> {
    if line < 1 {
        return Ok(());
    }
    out.write_all(key)?;
    write_value(out, &(line - 1))
}

/// The `heapProfile` key: the metadata and what only the writer knows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trailer<'a> {
    #[serde(flatten)]
    metadata: Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    collected_ordinals: Option<Collected<'a>>,
}

impl Trailer<'_> {
    fn of(profile: &Profile) -> Trailer<'_> {
        let mut metadata = profile.metadata.clone();
        metadata.dropped_samples =
            metadata.dropped_samples.saturating_add(profile.totals().dropped_samples);
        let tells_collected = profile.knows_liveness && metadata.includes_collected();
        Trailer { metadata, collected_ordinals: tells_collected.then_some(Collected(profile)) }
    }
}

/// The ordinals of collected objects, in ascending order: the samples of DevTools' format have no
/// place for that.
struct Collected<'a>(&'a Profile);

impl Serialize for Collected<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let collected = self.0.samples_by_age().filter(|sample| !sample.is_live);
        serializer.collect_seq(collected.map(|sample| sample.ordinal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Include, Text, testing};
    use serde_json::Value;
    use std::sync::Arc;

    fn encode(profile: &Profile) -> String {
        let mut out = Vec::new();
        write(profile, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn writes_what_devtools_reads() {
        let mut profile = testing::profile(&[
            (1, 0, "(root)"),
            (2, 0, "a"),
            (3, 1, "b"),
            (4, 1, "c"),
            (5, 0, "d"),
        ]);
        profile.parts_mut().samples =
            Arc::new(vec![testing::sample(4, 1 << 40, 1), testing::sample(2, 1 << 39, 1)]);
        let frame = |name: &str, line: u32| {
            format!(
                r#"{{"callFrame":{{"functionName":"{name}","scriptId":"7","url":"/app/server.js","lineNumber":{line},"columnNumber":0}}"#
            )
        };
        let head = [
            &frame("(root)", 0),
            r#","selfSize":0,"id":1,"children":["#,
            &frame("a", 1),
            r#","selfSize":549755813888,"id":2,"children":["#,
            &frame("b", 2),
            r#","selfSize":0,"id":3,"children":[]},"#,
            &frame("c", 3),
            r#","selfSize":1099511627776,"id":4,"children":[]}]},"#,
            &frame("d", 4),
            r#","selfSize":0,"id":5,"children":[]}]}"#,
        ]
        .concat();
        let samples = r#"[{"size":549755813888,"nodeId":2,"ordinal":549755815888},{"size":1099511627776,"nodeId":4,"ordinal":1099511631776}]"#;
        let metadata = r#"{"version":"1.2.3","sessionId":"5e55","startedAt":"2023-11-14T22:13:20.000Z","sampleIntervalBytes":524288,"stackDepth":64,"forceGC":false,"include":"live","takenAt":"2023-11-14T22:13:20.000Z","pid":0,"threadId":0,"nodeVersion":"","v8Version":"","heapSizeLimit":0.0,"droppedSamples":0}"#;
        let expected = format!(r#"{{"head":{head},"samples":{samples},"heapProfile":{metadata}}}"#);
        assert_eq!(encode(&profile), expected);
    }

    #[test]
    fn lines_that_are_known_are_members_of_ours_counted_from_0() {
        let mut profile = testing::profile(&[(1, 0, "(root)"), (2, 0, "a"), (3, 1, "b")]);
        let parts = profile.parts_mut();
        Arc::make_mut(&mut parts.nodes)[2].call_line = 1;
        let sample = |line| crate::profile::Sample { line, ..testing::sample(3, 16, 1) };
        parts.samples = Arc::new(vec![sample(0), sample(8)]);
        let text = encode(&profile);
        let value: Value = serde_json::from_str(&text).unwrap();
        let (head, samples) = (&value["head"], &value["samples"]);
        let calls = &head["children"][0]["children"][0];
        assert_eq!(calls["callLineNumber"], 0);
        assert_eq!(calls["callFrame"]["lineNumber"], 2);
        assert_eq!(samples[1]["lineNumber"], 7);
        for unknown in [&head["callLineNumber"], &samples[0]["lineNumber"]] {
            assert!(unknown.is_null());
        }
        let again = crate::format::read(text.as_bytes()).unwrap();
        assert_eq!(encode(&again), text);
        assert_eq!((again.nodes[2].call_line, again.samples[1].line), (1, 8));
    }

    #[test]
    fn names_of_any_content_and_length_survive() {
        let names = [
            Text::from("\"quoted\" \\ </script>"),
            Text::from("nul\0 newline\n \u{2028}"),
            Text::from("💩".repeat(250_000).as_str()),
            Text::from_utf16(&[0x61, 0xd800, 0x62]),
        ];
        for name in names {
            let mut profile = testing::profile(&[(1, 0, "(root)")]);
            profile.parts_mut().strings = Arc::new(vec![name.clone(), name.clone()]);
            let json = encode(&profile);
            if let Text::Utf8(text) = &name {
                let value: Value = serde_json::from_str(&json).unwrap();
                let frame = &value["head"]["callFrame"];
                assert_eq!(frame["functionName"], **text);
                assert_eq!(frame["url"], **text);
            } else {
                assert!(json.contains(r#""functionName":"a\ud800b""#), "{json}");
            }
        }
    }

    #[test]
    fn a_tree_of_any_depth_is_written_without_recursion() {
        let depth = 200_000;
        let chain: Vec<_> = (0..depth).map(|i: u32| (i + 1, i.saturating_sub(1), "f")).collect();
        let json = encode(&testing::profile(&chain));
        assert_eq!(json.matches("\"children\":[").count(), depth as usize);
        assert_eq!(json.matches(",\"id\":").count(), depth as usize);
        let end = json.find(",\"samples\"").unwrap();
        assert!(json[..end].ends_with(&"]}".repeat(depth as usize)));
    }

    #[test]
    fn says_which_samples_were_collected_and_how_many_were_dropped() {
        let mut profile = testing::profile(&[(1, 0, "(root)")]);
        profile.parts_mut().metadata.include = Some(Include::Allocated);
        profile.parts_mut().samples =
            Arc::new(vec![testing::sample(1, 16, 1), testing::sample(1, 32, 1)]);
        Arc::make_mut(&mut profile.parts_mut().samples)[0].is_live = false;
        Arc::make_mut(&mut profile.parts_mut().samples).push(testing::sample(77, 16, 1));
        let value: Value = serde_json::from_str(&encode(&profile)).unwrap();
        assert_eq!(value["heapProfile"]["collectedOrdinals"], serde_json::json!([1016]));
        assert_eq!(value["heapProfile"]["droppedSamples"], 1);
        assert_eq!(value["samples"].as_array().unwrap().len(), 2);
    }
}
