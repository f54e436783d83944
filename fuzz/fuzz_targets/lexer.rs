#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|sql: &[u8]| laggard_fuzz::statement(sql));
