//! Which partition a key belongs to: the one that the clients of the Kafka project choose, so that other programs find a key, and
//! topics can be joined.

/// Kafka's seed of the hash.
const SEED: u32 = 0x9747_b28c;
/// The multiplier of MurmurHash2.
const M: u32 = 0x5bd1_e995;

/// The partition, from 0 to `partitions` - 1, which must not be 0.
pub(super) fn partition(key: &[u8], partitions: usize) -> usize {
    // Kafka's clients drop the sign.
    (murmur2(key) & 0x7fff_ffff) as usize % partitions
}

/// MurmurHash2 of 32 bits, by Austin Appleby.
fn murmur2(data: &[u8]) -> u32 {
    // Keys are short, so the length is exact.
    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0_u32, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_kafka_project() {
        // From UtilsTest of Apache Kafka.
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()).cast_signed(), hash, "{text}");
        }
    }

    #[test]
    fn every_partition_gets_keys() {
        let used: std::collections::BTreeSet<usize> =
            (0..100).map(|number| partition(format!("ord_{number}").as_bytes(), 3)).collect();
        assert_eq!(used.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(partition(b"", 1), 0);
    }
}
