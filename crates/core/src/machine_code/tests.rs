use super::*;

/// Memory of these ranges.
fn memory(ranges: &[(usize, Vec<u8>)]) -> impl FnMut(usize, &mut [u8]) -> usize {
    move |at, buffer| {
        let byte = |at: usize| {
            let mut found = ranges.iter().filter_map(|(start, bytes)| {
                at.checked_sub(*start).and_then(|offset| bytes.get(offset))
            });
            found.next().copied()
        };
        let mut count = 0;
        while count < buffer.len()
            && let Some(value) = byte(at + count)
        {
            buffer[count] = value;
            count += 1;
        }
        count
    }
}

const BASE: usize = 0x7f00_0000_0000;
const TARGET: usize = 0x200;
const RETURN: usize = 0x400;

/// 4 KiB of code: `main` ends at `TARGET`, where `filled` goes on; `call` ends at `RETURN`, and `after`
/// it comes a jump to `TARGET`.
fn code(main: &[u8], filled: &[u8], call: &[u8], after: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut bytes = vec![0xcc; 0x1000];
    bytes[TARGET - main.len()..TARGET].copy_from_slice(main);
    bytes[TARGET..TARGET + filled.len()].copy_from_slice(filled);
    bytes[RETURN - call.len()..RETURN].copy_from_slice(call);
    let jump = RETURN + after.len();
    bytes[RETURN..jump].copy_from_slice(after);
    bytes[jump] = 0xe9;
    let distance = TARGET as i32 - (jump as i32 + 5);
    bytes[jump + 1..jump + 5].copy_from_slice(&distance.to_le_bytes());
    vec![(BASE, bytes)]
}

/// `jae` to the block, 20 bytes before the return address, and three bytes of something.
fn jump_to_block() -> Vec<u8> {
    let distance = (RETURN - 20) as i32 - (TARGET as i32 - 3);
    [&[0x0f, 0x83], distance.to_le_bytes().as_slice(), &[0x90; 3]].concat()
}

/// `mov edx, size; call [r13 + 0x4a8]`.
fn allocation(size: u32) -> Vec<u8> {
    let call = [0x41, 0xff, 0x95, 0xa8, 0x04, 0x00, 0x00];
    [&[0xba], size.to_le_bytes().as_slice(), &call].concat()
}

/// `mov rcx, [r13 + 8]; mov [rax - 1], rcx`: the second ends at 8.
const FILLED: [u8; 8] = [0x49, 0x8b, 0x4d, 0x08, 0x48, 0x89, 0x48, 0xff];
/// `mov rbx, rax; pop rdi`.
const MOVES: [u8; 4] = [0x48, 0x8b, 0xd8, 0x5f];

#[test]
fn an_allocation_in_a_block_of_its_own_has_the_place_where_the_object_is_filled() {
    let ranges = code(&jump_to_block(), &FILLED, &allocation(64), &MOVES);
    let found = better_pc(memory(&ranges), BASE + RETURN, 64);
    assert_eq!(found, Some(BASE + TARGET + 8));
}

#[test]
fn another_call_in_a_block_has_the_place_to_which_it_returns() {
    // test al, 1; jz: leaves where the call says so.
    let checks = [0xa8, 0x01, 0x0f, 0x84, 0x00, 0x01, 0x00, 0x00];
    let ranges = code(&jump_to_block(), &FILLED, &allocation(65), &checks);
    assert_eq!(better_pc(memory(&ranges), BASE + RETURN, 64), Some(BASE + TARGET));
    // The block of an allocation has no checks.
    assert_eq!(better_pc(memory(&ranges), BASE + RETURN, 65), None);
}

/// As in a block `catch` of Node.js 20.
#[test]
fn an_allocation_that_is_skipped_mostly_has_the_place_where_the_object_is_filled() {
    let before = [
        0x4d, 0x39, 0x45, 0x60, // cmp [r13 + 0x60], r8
        0x0f, 0x87, 0x0e, 0x00, 0x00, 0x00, // ja to where rdi is the object's end
        0xba, 0x50, 0x02, 0x00, 0x00, // mov edx, 592
        0xe8, 0xe3, 0x03, 0xe1, 0x1f, // call
    ];
    let after = [
        0x48, 0x8d, 0x78, 0xff, // lea rdi, [rax - 1]
        0x49, 0x89, 0x4d, 0x58, // mov [r13 + 0x58], rcx
        0x48, 0x89, 0x79, 0xff, // mov [rcx - 1], rdi
        0xc3,
    ];
    let found = |before: &[u8], after: &[u8]| {
        let ranges = code(&[], &[], before, after);
        better_pc(memory(&ranges), BASE + RETURN, 592)
    };
    assert_eq!(found(&before, &after), Some(BASE + RETURN + 12));
    // A store into an object on the way, and a jump into the middle of an instruction.
    let mut others = [before; 2];
    others[0][12..17].copy_from_slice(&[0x48, 0x89, 0x79, 0x00, 0xba]);
    others[1][6] = 0x0d;
    for other in others {
        assert_eq!(found(&other, &after), None);
    }
}

#[test]
fn what_is_not_proven_is_left_alone() {
    let (main, call) = (jump_to_block(), allocation(64));
    let found = |main: &[u8], filled: &[u8], call: &[u8], after: &[u8]| {
        let ranges = code(main, filled, call, after);
        better_pc(memory(&ranges), BASE + RETURN, 64)
    };
    assert_eq!(found(&[0x90; 9], &FILLED, &call, &MOVES), None, "no jump to the block");
    assert_eq!(found(&main, &[0xc3], &call, &MOVES), None, "returns before the object is filled");
    assert_eq!(found(&main, &FILLED, &[0x90; 12], &MOVES), None, "no call");
    assert_eq!(found(&main, &FILLED, &call, &[0xc3]), None, "returns after the call");
    // mov [rbx], rax writes to an object in the block already.
    assert_eq!(found(&main, &FILLED, &call, &[0x48, 0x89, 0x03]), None, "a store in the block");
    // mov [rbp - 8], rax does not.
    let spill = [0x48, 0x89, 0x45, 0xf8];
    assert_eq!(found(&main, &FILLED, &call, &spill), Some(BASE + TARGET + 8));
}

#[test]
fn memory_that_ends_is_not_an_error() {
    let (_, bytes) = code(&jump_to_block(), &FILLED, &allocation(64), &MOVES).remove(0);
    for (start, end) in [(RETURN, 0x1000), (0, RETURN), (0, RETURN + 6), (TARGET, 0x1000), (0, 0)] {
        let ranges = [(BASE + start, bytes[start..end].to_vec())];
        assert_eq!(better_pc(memory(&ranges), BASE + RETURN, 64), None, "{start} {end}");
    }
    for address in [0, 1, 63, 64, 500, usize::MAX, usize::MAX - 200] {
        assert_eq!(better_pc(memory(&[]), address, 64), None);
    }
}

/// Any bytes anywhere: an answer is within the megabyte before the call, and nothing is read or added
/// out of range.
#[test]
fn no_bytes_do_harm() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    const LIKELY: [u8; 16] = [
        0x0f, 0x83, 0xe9, 0xe8, 0xba, 0x48, 0x89, 0x8b, 0x41, 0xff, 0xeb, 0xc5, 0x66, 0x00, 0xf2, 4,
    ];
    for _ in 0..200_000 {
        let address = random() as usize;
        let read = |_: usize, buffer: &mut [u8]| {
            buffer.iter_mut().for_each(|byte| {
                let random = random();
                *byte =
                    if random & 3 > 0 { LIKELY[random as usize >> 8 & 15] } else { random as u8 };
            });
            if random() % 8 == 0 { buffer.len() / 4 } else { buffer.len() }
        };
        if let Some(pc) = better_pc(read, address, 64) {
            assert!(pc.abs_diff(address) < FARTHEST);
        }
    }
}
