//! Addresses of locations. JavaScript has none that last: V8 moves code. But those who compute what
//! changed between two profiles tell stacks apart by the addresses of their locations and by nothing
//! else. So ours are made of what the place is called, and are the same in every profile of the code.

/// The 64-bit FNV-1a hash (<http://www.isthe.com/chongo/tech/comp/fnv/>), which is the same on every
/// machine and in every version: of a million places two have one address once in 37 million profiles.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// Ends a text: no UTF-8 has this byte.
const END: u8 = 0xff;

/// The address of a place, never 0, which means that there is none.
pub fn address(name: &str, file: &str, numbers: &[i32]) -> u64 {
    let texts = [name, file].into_iter().flat_map(|text| text.bytes().chain([END]));
    let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
    hash_of(texts.chain(numbers)).max(1)
}

/// The same of a stack, made of those of its locations.
pub fn address_of_stack(addresses: impl Iterator<Item = u64>) -> u64 {
    hash_of(addresses.flat_map(u64::to_le_bytes))
}

fn hash_of(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::address;
    use std::collections::HashSet;

    #[test]
    fn an_address_never_changes() {
        assert_eq!(address("handle", "/srv/app.js", &[12, 3]), 0x971d_0896_f217_b6ef);
        assert_eq!(address("", "", &[]), 0x0a99_c907_b6f6_4763);
    }

    #[test]
    fn places_that_differ_in_anything_have_addresses_of_their_own() {
        let mut seen = HashSet::new();
        for name in ["a", "b", "ab", "", "(anonymous)"] {
            for file in ["a", "b", "ba", "", "/srv/app.js"] {
                for line in -1..200 {
                    for column in -1..80 {
                        assert!(seen.insert(address(name, file, &[line, column])), "{name} {file}");
                    }
                }
            }
        }
    }
}
