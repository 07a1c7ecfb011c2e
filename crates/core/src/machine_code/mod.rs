//! What compiled code of V8 (x64) tells of an allocation: where in it the object is filled in.
//!
//! V8's optimizing compilers allocate inline. The call that is made when the space runs out, the only
//! one in which the sampler sees an object, lies in a block of its own, mostly at the end of the code,
//! which has no place in the source: V8's table of positions answers for it with whatever stands before
//! it. The code that goes on with the object has the right place. [`better_pc`] finds it, and only where
//! the bytes leave no doubt.

mod x64;

use x64::{Instruction, Kind, decode};

/// `rsp`, `rbp` and `r13` (V8's root register) hold no new object.
const STACK: [u8; 2] = [4, 5];
const NEVER_AN_OBJECT: [u8; 3] = [4, 5, 13];

/// Bytes before the return address in which the call lies, its arguments, and the jump that skips it.
const CALL_WINDOW: usize = 64;
/// Of these, those in which the size is.
const ARGUMENTS_WINDOW: usize = 32;
/// Bytes that a block after the call may take until it jumps back, or a new object until it is filled.
const BLOCK_WINDOW: usize = 200;
const BLOCK_INSTRUCTIONS: usize = 28;
/// Bytes before the target in which the jump to the call's block lies.
const MAIN_WINDOW: usize = 192;
/// Bytes from the start of the call's block to the return address.
const BLOCK_START: usize = 160;
/// Code of one function is not longer, for us.
const FARTHEST: usize = 1 << 20;

/// A pc of the same function whose place in the source is that of the allocation, for a call that
/// returns to `return_address` and allocates `size` bytes. None where the call is not in a block of its
/// own, or where that cannot be told.
///
/// `read` copies the bytes at an address, as many as can be read, and tells how many.
pub fn better_pc(
    mut read: impl FnMut(usize, &mut [u8]) -> usize,
    return_address: usize,
    size: usize,
) -> Option<usize> {
    let mut before = [0; CALL_WINDOW];
    let start = return_address.checked_sub(CALL_WINDOW)?;
    if read(start, &mut before) != CALL_WINDOW {
        return None;
    }
    let call = call_start(&before)?;
    let mut block = [0; BLOCK_WINDOW];
    let length = read(return_address, &mut block);
    let is_allocation = takes_size(&before[CALL_WINDOW - ARGUMENTS_WINDOW..call], size);
    let skipped_to = is_allocation.then(|| skipped_to(&before, call, &block[..length])).flatten();
    if let Some(target) = skipped_to.and_then(|offset| return_address.checked_add(offset)) {
        return Some(target + filled(&mut read, target)?);
    }
    let target = jump_back(&block[..length], return_address, !is_allocation)?;
    let mut main = [0; MAIN_WINDOW];
    let main_start = target.checked_sub(MAIN_WINDOW)?;
    if read(main_start, &mut main) != MAIN_WINDOW || !branches(&main, main_start, return_address) {
        return None;
    }
    if !is_allocation {
        return Some(target);
    }
    let pc = target + filled(&mut read, target)?;
    (pc < return_address).then_some(pc)
}

/// Bytes from the address on until something has been stored into an object.
fn filled(mut read: impl FnMut(usize, &mut [u8]) -> usize, address: usize) -> Option<usize> {
    let mut code = [0; BLOCK_WINDOW];
    let length = read(address, &mut code);
    first_store(&code[..length])
}

/// For a call that lies in the way: how far after it the conditional jump leads that skips it. Between
/// both are only moves.
fn skipped_to(before: &[u8; CALL_WINDOW], call: usize, block: &[u8]) -> Option<usize> {
    (0..=call.checked_sub(6)?).rev().find_map(|at| {
        let [0x0f, 0x80..=0x8f, a, b, c, d] = before[at..at + 6] else { return None };
        let distance = usize::try_from(i32::from_le_bytes([a, b, c, d])).ok()?;
        let target = (at + 6).checked_add(distance)?.checked_sub(CALL_WINDOW)?;
        (are_moves(&before[at + 6..call]) && are_moves(block.get(..target)?)).then_some(target)
    })
}

/// Whether all of it are whole instructions that move.
fn are_moves(code: &[u8]) -> bool {
    let mut at = 0;
    while let Some(Instruction { length, kind }) = code.get(at..).and_then(decode) {
        match kind {
            Kind::Move => {}
            Kind::Store(Some(base)) if STACK.contains(&base) => {}
            _ => return false,
        }
        at += length;
    }
    at == code.len()
}

/// Where in the bytes the call starts that ends them.
fn call_start(before: &[u8; CALL_WINDOW]) -> Option<usize> {
    match before {
        // call rel32
        [.., 0xe8, _, _, _, _] => Some(CALL_WINDOW - 5),
        // call [r8-r15 + disp8]
        [.., 0x41, 0xff, 0x50..=0x57, _] => Some(CALL_WINDOW - 4),
        // call [r8-r15 + disp32]
        [.., 0x41, 0xff, 0x90..=0x97, _, _, _, _] => Some(CALL_WINDOW - 7),
        // call r8-r15
        [.., 0x41, 0xff, 0xd0..=0xd7] => Some(CALL_WINDOW - 3),
        // call rax-rdi
        [.., 0xff, 0xd0..=0xd7] => Some(CALL_WINDOW - 2),
        _ => None,
    }
}

/// Whether `mov edx, size` is among the bytes: the argument of V8's allocating builtins.
fn takes_size(arguments: &[u8], size: usize) -> bool {
    let Ok(size) = u32::try_from(size) else { return false };
    let [a, b, c, d] = size.to_le_bytes();
    arguments.windows(5).any(|bytes| bytes == [0xba, a, b, c, d])
}

/// Where the block after the call jumps to: backwards, past moves only. With `checks` it may also
/// compare and leave for a deoptimization.
fn jump_back(block: &[u8], return_address: usize, checks: bool) -> Option<usize> {
    let mut at = 0;
    for _ in 0..BLOCK_INSTRUCTIONS {
        let Instruction { length, kind } = decode(block.get(at..)?)?;
        at += length;
        match kind {
            Kind::Jump(distance) => {
                let target =
                    return_address.checked_add(at)?.checked_add_signed(distance as isize)?;
                let is_back = target < return_address - 16;
                return (is_back && return_address - target < FARTHEST).then_some(target);
            }
            Kind::Move => {}
            Kind::Store(Some(base)) if STACK.contains(&base) => {}
            Kind::Check if checks => {}
            _ => return None,
        }
    }
    None
}

/// Whether a conditional jump of the code leads into the block that the call is in: so both are of one
/// function.
fn branches(main: &[u8], main_start: usize, return_address: usize) -> bool {
    let block = return_address.saturating_sub(BLOCK_START)..return_address - 1;
    main.windows(6).enumerate().any(|(at, bytes)| match *bytes {
        [0x0f, 0x80..=0x8f, a, b, c, d] => {
            let distance = i32::from_le_bytes([a, b, c, d]) as isize;
            (main_start + at + 6).checked_add_signed(distance).is_some_and(|to| block.contains(&to))
        }
        _ => false,
    })
}

/// Where the first store into an object ends.
fn first_store(code: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..BLOCK_INSTRUCTIONS {
        let Instruction { length, kind } = decode(code.get(at..)?)?;
        at += length;
        match kind {
            Kind::Store(Some(base)) if !NEVER_AN_OBJECT.contains(&base) => return Some(at),
            Kind::Move | Kind::Store(_) => {}
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests;
