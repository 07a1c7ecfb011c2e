//! Profiles to bytes and back, one place per format.

pub mod error;
pub mod heapprofile;
mod json;
mod json_reader;
