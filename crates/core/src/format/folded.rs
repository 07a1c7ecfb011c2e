//! Folded stacks: `frame;frame;frame bytes`, a line for each node with bytes of its own.
//!
//! What stackcollapse scripts write and flame graph tools read
//! (<https://github.com/brendangregg/FlameGraph#2-fold-stacks>).

use std::io::{self, Write};

use crate::profile::lines::ByLine;
use crate::profile::path::Path;
use crate::profile::{Node, Profile};

/// Stacks that add up to more are not written: 4 KB of a file can be nodes in nodes that would fill a disk.
/// A million nodes have that with 25 frames each.
const MAX_BYTES: usize = 1 << 30;

/// Writes the profile, its estimates rounded to whole bytes.
pub fn write(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let by_line = ByLine::of(profile);
    let profile = by_line.profile();
    let mut left = MAX_BYTES;
    let self_sizes = &profile.totals().self_sizes;
    let mut stack: Path<String> = Path::default();
    for (index, node) in (0..).zip(profile.nodes.iter()) {
        stack.enter(index, node.parent, frame_of(profile, node, by_line.line(index as usize)));
        let bytes = self_sizes[index as usize].round();
        if bytes >= 1.0 {
            let frames: Vec<&str> = stack.values().map(String::as_str).collect();
            let length = frames.iter().map(|frame| frame.len() + 1).sum();
            left = left.checked_sub(length).ok_or_else(too_large)?;
            writeln!(out, "{} {bytes}", frames.join(";"))?;
        }
    }
    Ok(())
}

fn too_large() -> io::Error {
    let message = format!("more than {} MiB of stacks", MAX_BYTES >> 20);
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}

/// `name (file:line)`, without what the format gives a meaning: the line that allocates or calls the
/// next, or where it is not known the one where the function starts.
fn frame_of(profile: &Profile, node: &Node, line: i32) -> String {
    let name = profile.strings[node.name as usize].to_utf8();
    let name = if name.is_empty() { "(anonymous)" } else { &name };
    let file = profile.strings[node.script_name as usize].to_utf8();
    let frame = match (file.as_ref(), if line > 0 { line } else { node.line_number }) {
        ("", _) => name.to_owned(),
        (file, ..=0) => format!("{name} ({file})"),
        (file, line) => format!("{name} ({file}:{line})"),
    };
    frame.replace(';', ":").replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Text, testing};
    use std::sync::Arc;

    #[test]
    fn stacks_that_add_up_to_too_much_are_not_written() {
        let name = "f".repeat(10_000);
        let chain: Vec<_> = (0..1000).map(|i: u32| (i + 1, i.saturating_sub(1), &*name)).collect();
        let mut profile = testing::profile(&chain);
        profile.parts_mut().samples =
            Arc::new((1..=1000).map(|node_id| testing::sample(node_id, 16, 1)).collect());
        let error = write(&profile, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn frames_have_the_lines_that_allocate_and_call_where_these_are_known() {
        let mut profile = testing::profile(&[(1, 0, "(root)"), (2, 0, "a"), (3, 1, "b")]);
        let parts = profile.parts_mut();
        Arc::make_mut(&mut parts.nodes)[2].call_line = 11;
        let sample = |line| crate::profile::Sample { line, ..testing::sample(3, 1 << 40, 1) };
        parts.samples = Arc::new(vec![sample(0), sample(12), sample(12)]);
        let mut out = Vec::new();
        write(&profile, &mut out).unwrap();
        let expected = [
            "(root) (/app/server.js:1);a (/app/server.js:11);b (/app/server.js:3) 1099511627776",
            "(root) (/app/server.js:1);a (/app/server.js:11);b (/app/server.js:12) 2199023255552",
            "",
        ];
        assert_eq!(String::from_utf8(out).unwrap(), expected.join("\n"));
    }

    #[test]
    fn writes_a_line_for_each_stack_that_holds_bytes() {
        let mut profile =
            testing::profile(&[(1, 0, "(root)"), (2, 0, "a;b\nc"), (3, 1, ""), (4, 0, "d")]);
        profile.parts_mut().samples = Arc::new(vec![
            testing::sample(3, 1 << 40, 1),
            testing::sample(2, 1 << 39, 1),
            testing::sample(4, 1 << 38, 1),
        ]);
        Arc::make_mut(&mut profile.parts_mut().strings).push(Text::from(""));
        let last = profile.strings.len() as u32 - 1;
        Arc::make_mut(&mut profile.parts_mut().nodes)[0].script_name = last;
        Arc::make_mut(&mut profile.parts_mut().nodes)[3].line_number = 0;
        let mut out = Vec::new();
        write(&profile, &mut out).unwrap();
        let expected = [
            "(root);a:b c (/app/server.js:2) 549755813888",
            "(root);a:b c (/app/server.js:2);(anonymous) (/app/server.js:3) 1099511627776",
            "(root);d (/app/server.js) 274877906944",
            "",
        ];
        assert_eq!(String::from_utf8(out).unwrap(), expected.join("\n"));
    }
}
