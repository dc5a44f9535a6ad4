//! Runs the fuzz targets briefly, on inputs near their seeds. `fuzz/` runs them for longer.

use std::{fs, panic, path::PathBuf};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

const INPUTS: usize = 20_000;

type Target = fn(&[u8]);

/// Byte strings that are meaningful to one of the parsers.
const PIECES: [&str; 16] =
    ["-", ".", "0", "9", "_", "e", "\"", "\\u0000", "{", "}", "[", ":", ",", "null", "\u{e9}", "1e999"];

#[test]
fn fuzz_targets_pass_on_inputs_near_their_seeds() {
    let seed = std::env::var("ORDERWIRE_TEST_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("ORDERWIRE_TEST_SEED={seed}");
    let targets: [(&str, Target); 4] = [
        ("cursor", targets::cursor),
        ("decimal", targets::decimal),
        ("id", targets::id),
        ("websocket", targets::websocket),
    ];
    for (name, target) in targets {
        let mut random = StdRng::seed_from_u64(seed);
        let seeds = seeds(name);
        for seed in &seeds {
            target(seed);
        }
        for _ in 0..INPUTS {
            let mut input = seeds.choose(&mut random).unwrap().clone();
            for _ in 0..random.random_range(1..4) {
                mutate(&mut input, &mut random);
            }
            let result = panic::catch_unwind(|| target(&input));
            assert!(result.is_ok(), "{name}: {:?}", String::from_utf8_lossy(&input));
        }
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "fuzz", "seeds", target].iter().collect();
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

fn mutate(input: &mut Vec<u8>, random: &mut StdRng) {
    let at = random.random_range(0..=input.len());
    let to = (at + random.random_range(1..8)).min(input.len());
    match random.random_range(0..5) {
        0 => {
            input.drain(at..to);
        }
        1 => input.splice(at..at, input[at..to].to_vec()).for_each(drop),
        2 => input.splice(at..to, PIECES.choose(random).unwrap().bytes()).for_each(drop),
        3 if at < input.len() => input[at] = random.random(),
        _ if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
        _ => {}
    }
}
