#![no_main]

mod round_trip;

use heap_profile_core::format::heapprofile;
use heap_profile_core::format::limits::Limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| round_trip::check(heapprofile::read(
    bytes,
    Limits::of(bytes.len() as u64)
)));
