#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lc_fuzz::member_frames::run(data));
