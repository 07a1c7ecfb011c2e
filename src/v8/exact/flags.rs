//! Flags of V8's with which no stack can be recorded beside a program that runs.

use std::env;

use super::Refusal;

/// With it V8 takes a lock to tell what a frame is. Where the signal of a CPU profile, ours as well, comes
/// while the lock is taken, the thread waits for itself for ever.
const DEADLOCKS: &str = "interpreted-frames-native-stack";

/// Refuses where Node.js was started with such a flag.
pub fn check() -> Result<(), Refusal> {
    let arguments = env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let options = env::var_os("NODE_OPTIONS").unwrap_or_default().to_string_lossy().into_owned();
    let mut all = arguments.chain(options.split_whitespace().map(str::to_owned));
    match all.any(|argument| is_flag(&argument, DEADLOCKS)) {
        true => Err(Refusal(format!("V8 may wait for ever with --{DEADLOCKS}"))),
        false => Ok(()),
    }
}

/// V8 takes underscores for hyphens.
fn is_flag(argument: &str, flag: &str) -> bool {
    argument.trim_start_matches('-').replace('_', "-") == flag && argument.starts_with('-')
}
