//! The few x64 instructions that V8 puts between an allocation and the use of its object: their length
//! and what they do. Everything else is unknown, and so is what was cut off.

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its bytes.
    pub length: usize,
    /// What it does.
    pub kind: Kind,
}

/// As far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Changes registers only, `pop` among them.
    Move,
    /// Writes memory at that base register; none for an address without one.
    Store(Option<u8>),
    /// Compares, or jumps on what was compared.
    Check,
    /// Jumps, so far from its end.
    Jump(i32),
}

/// What a ModRM byte names.
enum Operand {
    Register,
    Memory(Option<u8>),
}

/// The instruction at the start of the bytes.
pub fn decode(code: &[u8]) -> Option<Instruction> {
    let first = *code.first()?;
    match first {
        0xc4 | 0xc5 => decode_avx(code),
        0x66 | 0xf2 | 0xf3 => decode_sse(code, 1),
        0x0f => decode_two_bytes(code, 0, 0),
        0x40..=0x4f if code.get(1) == Some(&0x0f) => decode_two_bytes(code, 1, first),
        0x40..=0x4f => decode_plain(code, 1, first),
        _ => decode_plain(code, 0, 0),
    }
}

/// With an opcode of one byte after `prefixes` bytes.
fn decode_plain(code: &[u8], prefixes: usize, rex: u8) -> Option<Instruction> {
    let opcode = *code.get(prefixes)?;
    let head = prefixes + 1;
    let fixed = |length, kind| Some(Instruction { length: head + length, kind });
    let immediate = |at: usize| Some(i32::from_le_bytes(*code.get(at..)?.first_chunk()?));
    match opcode {
        0xe9 => fixed(4, Kind::Jump(immediate(head)?)),
        0xeb => fixed(1, Kind::Jump(i32::from(*code.get(head)? as i8))),
        0x58..=0x5f | 0x90 => fixed(0, Kind::Move),
        0xb8..=0xbf => fixed(if rex & 8 != 0 { 8 } else { 4 }, Kind::Move),
        0x70..=0x7f | 0xa8 => fixed(1, Kind::Check),
        _ => {
            let (length, operand) = operand(code, head, rex)?;
            let field = code[head] >> 3 & 7;
            let (immediate, kind) = with_operand(opcode, field, &operand)?;
            fixed(length + immediate, kind)
        }
    }
}

/// How many bytes of immediate follow, and what the instruction does.
fn with_operand(opcode: u8, field: u8, operand: &Operand) -> Option<(usize, Kind)> {
    let change = match operand {
        Operand::Register => Kind::Move,
        Operand::Memory(base) => Kind::Store(*base),
    };
    match (opcode, operand) {
        // mov, lea, movsxd, add, sub, xor into a register
        (0x8b | 0x8d | 0x63 | 0x03 | 0x2b | 0x33, _) => Some((0, Kind::Move)),
        // mov
        (0x89 | 0x88, _) => Some((0, change)),
        (0xc7, _) if field == 0 => Some((4, change)),
        (0xc6, _) if field == 0 => Some((1, change)),
        // cmp, test
        (0x39 | 0x3b | 0x85, Operand::Register) => Some((0, Kind::Check)),
        (0xf6, Operand::Register) if field == 0 => Some((1, Kind::Check)),
        (0x83, Operand::Register) if field == 7 => Some((1, Kind::Check)),
        (0x81, Operand::Register) if field == 7 => Some((4, Kind::Check)),
        // add, or, and, sub, xor; shifts; xchg; inc, dec
        (0x83 | 0xc1, Operand::Register) => Some((1, Kind::Move)),
        (0x81, Operand::Register) => Some((4, Kind::Move)),
        (0x01 | 0x31 | 0x87 | 0xd1, Operand::Register) => Some((0, Kind::Move)),
        (0xff, Operand::Register) if field < 2 => Some((0, Kind::Move)),
        _ => None,
    }
}

/// `0f` and an opcode.
fn decode_two_bytes(code: &[u8], prefixes: usize, rex: u8) -> Option<Instruction> {
    let opcode = *code.get(prefixes + 1)?;
    let head = prefixes + 2;
    if (0x80..=0x8f).contains(&opcode) {
        let length = head + 4;
        return (code.len() >= length).then_some(Instruction { length, kind: Kind::Check });
    }
    // movzx, movsx
    let extends = [0xb6, 0xb7, 0xbe, 0xbf].contains(&opcode);
    if extends { moved(code, head, rex, false) } else { decode_sse(code, prefixes) }
}

/// Moves between memory and vector registers, without AVX: `[66|f2|f3] [rex] 0f opcode`.
fn decode_sse(code: &[u8], prefixes: usize) -> Option<Instruction> {
    let (rex, at) = match *code.get(prefixes)? {
        rex @ 0x40..=0x4f => (rex, prefixes + 1),
        _ => (if prefixes == 1 && code[0] & 0xf0 == 0x40 { code[0] } else { 0 }, prefixes),
    };
    if *code.get(at)? != 0x0f {
        return None;
    }
    vector(code, *code.get(at + 1)?, at + 2, rex)
}

/// The same with AVX.
fn decode_avx(code: &[u8]) -> Option<Instruction> {
    match *code {
        [0xc5, _, opcode, ..] => vector(code, opcode, 3, 0),
        [0xc4, second, _, opcode, ..] => {
            let rex = u8::from(second & 0x20 == 0) | u8::from(second & 0x40 == 0) << 1;
            vector(code, opcode, 4, rex)
        }
        _ => None,
    }
}

fn vector(code: &[u8], opcode: u8, head: usize, rex: u8) -> Option<Instruction> {
    match opcode {
        0x10 | 0x28 | 0x2a | 0x57 | 0x6e => moved(code, head, rex, false),
        0x11 | 0x29 => moved(code, head, rex, true),
        _ => None,
    }
}

fn moved(code: &[u8], head: usize, rex: u8, writes: bool) -> Option<Instruction> {
    let (length, operand) = operand(code, head, rex)?;
    let kind = match operand {
        Operand::Memory(base) if writes => Kind::Store(base),
        _ => Kind::Move,
    };
    Some(Instruction { length: head + length, kind })
}

/// The bytes of ModRM, SIB and displacement, and what they name.
fn operand(code: &[u8], at: usize, rex: u8) -> Option<(usize, Operand)> {
    let modrm = *code.get(at)?;
    let (mode, register) = (modrm >> 6, modrm & 7);
    let extension = (rex & 1) << 3;
    let displacement = [0, 1, 4, 0][usize::from(mode)];
    let (length, operand) = match (mode, register) {
        (3, _) => (1, Operand::Register),
        (0, 5) => (5, Operand::Memory(None)),
        (_, 4) => match (mode, *code.get(at + 1)? & 7) {
            (0, 5) => (6, Operand::Memory(None)),
            (_, base) => (2 + displacement, Operand::Memory(Some(base | extension))),
        },
        _ => (1 + displacement, Operand::Memory(Some(register | extension))),
    };
    (code.len() >= at + length).then_some((length, operand))
}
