#![no_main]

mod round_trip;

use heap_profile_core::format::limits::Limits;
use heap_profile_core::format::pprof;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| round_trip::check(pprof::read(bytes, Limits::of(bytes.len() as u64))));
