//! What windows have of two profiles, and what is left of one that is too large.

use super::*;
use crate::profile::{Include, testing};
use flate2::read::MultiGzDecoder;
use prost::Message;
use std::io::Read;
use std::sync::Arc;

/// `(root) -> a -> b` and `(root) -> c`, with objects of so many sizes each.
fn profile(sizes: &[(u32, u64)]) -> Profile {
    let mut profile =
        testing::profile(&[(1, 0, "(root)"), (2, 0, "a"), (3, 1, "b"), (4, 0, "c"), (5, 0, "d")]);
    profile.parts_mut().metadata.labels.insert("service".into(), "shop".into());
    for (node, size) in sizes {
        Arc::make_mut(&mut profile.parts_mut().samples).push(testing::sample(*node, *size, 1));
    }
    profile
}

fn allocated(sizes: &[(u32, u64)], live: usize) -> Profile {
    let mut profile = profile(sizes);
    profile.parts_mut().metadata.include = Some(Include::Allocated);
    for sample in Arc::make_mut(&mut profile.parts_mut().samples).iter_mut().skip(live) {
        sample.is_live = false;
    }
    profile
}

fn window(profile: &Profile, window: &Window<'_>) -> (Proto, Folded) {
    let mut bytes = Vec::new();
    let folded = write_window(profile, window, &mut bytes).unwrap();
    let mut inflated = Vec::new();
    MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut inflated).unwrap();
    (Proto::decode(inflated.as_slice()).unwrap(), folded)
}

fn since<'a>(base: &'a Profile, difference: Difference) -> Window<'a> {
    Window { since: Some((base, difference)), ..Window::default() }
}

/// The innermost function and the values of each sample.
fn rows(proto: &Proto) -> Vec<(String, Vec<i64>)> {
    let name = |id: u64| {
        let location = proto.location.iter().find(|location| location.id == id).unwrap();
        let function = location.line[0].function_id;
        let function = proto.function.iter().find(|one| one.id == function).unwrap();
        proto.string_table[function.name as usize].clone()
    };
    let rows = proto.sample.iter();
    let mut rows: Vec<_> =
        rows.map(|sample| (name(sample.location_id[0]), sample.value.clone())).collect();
    rows.sort();
    rows
}

#[test]
fn a_difference_has_what_came_and_less_than_nothing_of_what_went() {
    let size = 1 << 40;
    let before = profile(&[(3, size), (4, size), (5, size)]);
    let now = profile(&[(3, size), (3, size), (4, size)]);
    let (proto, _) = window(&now, &since(&before, Difference::All));
    let size = size as i64;
    assert_eq!(rows(&proto), [("b".into(), vec![1, size]), ("d".into(), vec![-1, -size])]);
    // What is gone has its labels and the size of its objects, too.
    for sample in &proto.sample {
        let keys = sample.label.iter().map(|label| &proto.string_table[label.key as usize]);
        assert_eq!(keys.collect::<Vec<_>>(), ["bytes", "thread id", "service"]);
    }
    assert!(proto.string_table.last().unwrap().starts_with("heap-profile:"));
}

#[test]
fn of_what_was_allocated_only_the_new_and_of_what_is_live_all() {
    let size = 1 << 40;
    let before = allocated(&[(3, size), (4, size)], 2);
    let now = allocated(&[(3, size), (4, size), (4, size), (5, size)], 2);
    let (proto, _) = window(&now, &since(&before, Difference::Allocated));
    let size = size as i64;
    let expected = [
        ("b".into(), vec![0, 0, 1, size]),
        ("c".into(), vec![1, size, 1, size]),
        ("d".into(), vec![1, size, 0, 0]),
    ];
    assert_eq!(rows(&proto), expected);
}

#[test]
fn what_leads_is_what_was_allocated_if_that_is_known() {
    for (profile, expected) in
        [(profile(&[(3, 64)]), "inuse_space"), (allocated(&[(3, 64)], 1), "alloc_space")]
    {
        let (proto, _) =
            window(&profile, &Window { leads_with_allocated: true, ..Window::default() });
        assert_eq!(proto.string_table[proto.default_sample_type as usize], expected);
    }
}

#[test]
fn profiles_of_other_types_are_not_subtracted() {
    let (one, other) = (profile(&[(3, 1 << 40)]), allocated(&[(3, 1 << 40)], 1));
    let mut out = Vec::new();
    assert!(write_window(&one, &since(&other, Difference::All), &mut out).is_err());
}

#[test]
fn the_smaller_sites_become_one() {
    let size: i64 = 1 << 40;
    let sizes = [(3, 4 << 40), (3, 3 << 40), (4, 1 << 40), (5, 1 << 40), (2, 1 << 40)];
    let profile = profile(&sizes);
    let limit =
        |samples, bytes| Window { limit: Some(Limit { samples, bytes }), ..Window::default() };
    let (all, folded) = window(&profile, &limit(4, 1 << 20));
    assert_eq!((folded, all.sample.len()), (Folded::default(), 4));
    let (few, folded) = window(&profile, &limit(2, 1 << 20));
    assert_eq!(folded, Folded { samples: 3, bytes: 3 * size });
    let rest = ("(smaller sites)".into(), vec![3, 3 * size]);
    assert_eq!(rows(&few), [rest, ("b".into(), vec![2, 7 * size])]);
    assert!(!few.string_table.contains(&"c".to_owned()));
    assert_eq!(few.string_table[few.default_sample_type as usize], "inuse_space");
    // The labels stay, but for the sizes.
    for sample in &few.sample {
        let texts = sample.label.iter().map(|label| &few.string_table[label.str as usize]);
        assert_eq!(texts.collect::<Vec<_>>(), ["0", "shop"]);
    }
}

#[test]
fn bytes_are_bounded_too() {
    let names: Vec<String> = (0..1000).map(|index| format!("function number {index}")).collect();
    let mut nodes = vec![(1, 0, "(root)")];
    nodes.extend(names.iter().enumerate().map(|(index, name)| (index as u32 + 2, 0, &**name)));
    let mut profile = testing::profile(&nodes);
    for index in 0..1000 {
        let sample = testing::sample(index + 2, 1000 + u64::from(index), 1);
        Arc::make_mut(&mut profile.parts_mut().samples).push(sample);
    }
    let (whole, _) = window(&profile, &Window::default());
    for bytes in [whole.encoded_len() / 2, 4096, 1] {
        let limit = Some(Limit { samples: 16_000, bytes });
        let (smaller, folded) = window(&profile, &Window { limit, ..Window::default() });
        assert!(smaller.encoded_len() <= bytes.max(700), "{} {bytes}", smaller.encoded_len());
        assert_eq!(folded.samples + smaller.sample.len() - 1, 1000);
        let sum = |proto: &Proto| proto.sample.iter().map(|sample| sample.value[1]).sum::<i64>();
        assert_eq!(sum(&smaller), sum(&whole));
    }
}
