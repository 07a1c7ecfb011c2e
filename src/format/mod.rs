//! Profiles to bytes, one file per format.

pub mod heapprofile;
mod json;
