use lc_env::{Random, SeededRandom};

use super::{
    Bytes, CCtx, CParameter, Error, FrameDecoder, FrameEncoder, OutBuffer, TUNING, WINDOW_LOG_MAX, piece_head,
};

fn encode(encoder: &mut FrameEncoder, frames: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        encoder.begin(frame.len(), &mut out).unwrap();
        encoder.put(frame, &mut out).unwrap();
    }
    encoder.flush(&mut out).unwrap();
    out
}

fn drain(decoder: &mut FrameDecoder) -> Result<Vec<Bytes>, Error> {
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next_frame()? {
        frames.push(frame);
    }
    Ok(frames)
}

fn random_bytes(random: &SeededRandom, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.u64() as u8).collect()
}

#[test]
fn frames_survive_any_cutting_of_the_stream() {
    let random = SeededRandom::new(1);
    for chunk_bytes in [1, 2, 3, 7, 64, 1000, 100_000] {
        let mut encoder = FrameEncoder::new(TUNING).unwrap();
        let mut decoder = FrameDecoder::new(1 << 20, false).unwrap();
        let sent: Vec<Vec<u8>> =
            [0, 1, 3, 4, 5, 250, 70_000, 300_000].map(|length| random_bytes(&random, length)).into();
        let refs: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
        let mut got = Vec::new();
        for chunk in encode(&mut encoder, &refs).chunks(chunk_bytes) {
            decoder.feed(Bytes::copy_from_slice(chunk));
            got.extend(drain(&mut decoder).unwrap());
        }
        assert_eq!(got, sent, "in chunks of {chunk_bytes}");
    }
}

#[test]
fn every_flush_can_be_read_at_once() {
    let mut encoder = FrameEncoder::new(TUNING).unwrap();
    let mut decoder = FrameDecoder::new(1000, false).unwrap();
    for n in 0..1000_u32 {
        let frame = n.to_le_bytes();
        decoder.feed(encode(&mut encoder, &[&frame]).into());
        assert_eq!(drain(&mut decoder).unwrap(), [Bytes::copy_from_slice(&frame)]);
    }
}

#[test]
fn a_small_frame_compresses_against_earlier_ones() {
    let random = SeededRandom::new(2);
    let mut encoder = FrameEncoder::new(TUNING).unwrap();
    let frame = random_bytes(&random, 200);
    let first = encode(&mut encoder, &[&frame]).len();
    let again = encode(&mut encoder, &[&frame]).len();
    assert!(first > 200 && again < 30, "{first} then {again}");
}

#[test]
fn a_frame_above_the_bound_is_refused_by_its_length_alone() {
    let mut encoder = FrameEncoder::new(TUNING).unwrap();
    let mut decoder = FrameDecoder::new(1000, false).unwrap();
    let mut out = Vec::new();
    encoder.begin(u32::MAX as usize, &mut out).unwrap();
    encoder.flush(&mut out).unwrap();
    decoder.feed(out.into());
    let error = drain(&mut decoder).unwrap_err().to_string();
    assert!(error.contains("4294967295 bytes, the bound is 1000"), "{error}");
}

#[test]
fn a_compression_bomb_stops_at_the_bound() {
    // 8 MB of zeros in a few kilobytes: read as frames of no bytes, one at a time, never stored.
    let mut encoder = FrameEncoder::new(TUNING).unwrap();
    let mut out = Vec::new();
    for _ in 0..8 {
        encoder.put(&vec![0; 1 << 20], &mut out).unwrap();
    }
    encoder.flush(&mut out).unwrap();
    assert!(out.len() < 64 * 1024);
    let mut decoder = FrameDecoder::new(1000, false).unwrap();
    decoder.feed(out.into());
    let mut count = 0_u32;
    while let Some(frame) = decoder.next_frame().unwrap() {
        assert!(frame.is_empty());
        count += 1;
    }
    assert_eq!(count, 8 << 18);
}

#[test]
fn a_window_above_the_bound_is_refused() {
    let mut context = CCtx::create();
    context.set_parameter(CParameter::WindowLog(WINDOW_LOG_MAX + 3)).unwrap();
    let mut encoder = FrameEncoder { context };
    let mut decoder = FrameDecoder::new(1000, false).unwrap();
    decoder.feed(encode(&mut encoder, &[b"x"]).into());
    assert!(matches!(drain(&mut decoder), Err(Error::Malformed { .. })));
}

#[test]
fn a_stream_that_ends_is_an_error() {
    let mut encoder = FrameEncoder::new(TUNING).unwrap();
    let mut out = encode(&mut encoder, &[b"last"]);
    out.reserve(1000);
    let at = out.len();
    encoder.context.end_stream(&mut OutBuffer::around_pos(&mut out, at)).unwrap();
    let mut decoder = FrameDecoder::new(1000, false).unwrap();
    decoder.feed(out.into());
    assert!(matches!(drain(&mut decoder), Err(Error::Malformed { .. })));
}

#[test]
fn random_bytes_never_panic() {
    let random = SeededRandom::new(3);
    for round in 0..3000 {
        let mut decoder = FrameDecoder::new(10_000, round % 3 == 0).unwrap();
        let length = random.u64() as usize % 600;
        let mut bytes = random_bytes(&random, length);
        // Every other one gets past the magic number, to reach deeper.
        if round % 2 == 0 && bytes.len() > 4 {
            bytes[..4].copy_from_slice(&0xFD2F_B528_u32.to_le_bytes());
        }
        decoder.feed(bytes.into());
        let _ = drain(&mut decoder);
    }
}

#[test]
fn a_damaged_stream_never_panics_nor_passes_the_bound() {
    let random = SeededRandom::new(4);
    for _ in 0..2000 {
        let mut encoder = FrameEncoder::new(TUNING).unwrap();
        let frames: Vec<Vec<u8>> = (0..8).map(|n| vec![n; random.u64() as usize % 900]).collect();
        let refs: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
        let mut bytes = encode(&mut encoder, &refs);
        for _ in 0..1 + random.u64() % 4 {
            let at = random.u64() as usize % bytes.len();
            bytes[at] ^= 1 << (random.u64() % 8);
        }
        let mut decoder = FrameDecoder::new(1000, false).unwrap();
        decoder.feed(bytes.into());
        while let Ok(Some(frame)) = decoder.next_frame() {
            assert!(frame.len() <= 1000);
        }
    }
}

/// What comes out of a compressor may differ from release to release; what went in must not.
#[test]
fn the_stream_of_an_earlier_release_is_read() {
    let frames: [&[u8]; 5] = [b"first", b"", &[7; 3000], b"first", b"last"];
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/frame_stream_1");
    if std::env::var_os("UPDATE").is_some() && !path.exists() {
        let mut encoder = FrameEncoder::new(TUNING).unwrap();
        let bursts = [encode(&mut encoder, &frames[..3]), encode(&mut encoder, &frames[3..])];
        std::fs::write(&path, bursts.concat()).unwrap();
    }
    let mut decoder = FrameDecoder::new(1 << 20, false).unwrap();
    decoder.feed(std::fs::read(&path).unwrap().into());
    assert_eq!(drain(&mut decoder).unwrap(), frames);
}

/// As a writer puts it: `true` for a frame that goes as it is.
fn in_pieces(encoder: &mut FrameEncoder, frames: &[(bool, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (as_it_is, frame) in frames {
        let piece = if *as_it_is { frame.to_vec() } else { encode(encoder, &[frame]) };
        out.extend(piece_with_head(&piece, *as_it_is));
    }
    out
}

fn piece_with_head(piece: &[u8], is_frame: bool) -> Vec<u8> {
    [&piece_head(piece.len(), is_frame), piece].concat()
}

#[test]
fn frames_that_go_as_they_are_stand_among_others_in_their_order_however_they_are_cut() {
    let random = SeededRandom::new(5);
    for chunk_bytes in [1, 2, 5, 64, 1000, 1_000_000] {
        let mut encoder = FrameEncoder::new(TUNING).unwrap();
        let mut decoder = FrameDecoder::new(1 << 20, true).unwrap();
        let sent: Vec<(bool, Vec<u8>)> =
            (0..40).map(|n| (n % 3 == 0, random_bytes(&random, 1 + random.u64() as usize % (1 << (n % 18))))).collect();
        let refs: Vec<(bool, &[u8])> = sent.iter().map(|(alone, frame)| (*alone, frame.as_slice())).collect();
        let mut got = Vec::new();
        for chunk in in_pieces(&mut encoder, &refs).chunks(chunk_bytes) {
            decoder.feed(Bytes::copy_from_slice(chunk));
            got.extend(drain(&mut decoder).unwrap());
        }
        assert!(got.iter().zip(&sent).all(|(got, (_, sent))| got == sent) && got.len() == sent.len());
    }
}

#[test]
fn what_is_no_piece_is_refused() {
    let refused = |bytes: &[u8]| {
        let mut decoder = FrameDecoder::new(1000, true).unwrap();
        decoder.feed(Bytes::copy_from_slice(bytes));
        drain(&mut decoder).unwrap_err().to_string()
    };
    assert!(refused(&piece_with_head(&[7; 1001], true)).contains("1001 bytes, the bound is 1000"));
    assert!(refused(&[0xff; 6]).contains("does not end"));
    assert!(refused(&[0]).contains("of nothing") && refused(&[1]).contains("of nothing"));
    let mut encoder = FrameEncoder::new(TUNING).unwrap();
    let mut half = Vec::new();
    encoder.begin(100, &mut half).unwrap();
    encoder.flush(&mut half).unwrap();
    let inside = [piece_with_head(&half, false), piece_with_head(b"x", true)].concat();
    assert!(refused(&inside).contains("inside of another"));
}

#[test]
fn a_length_alone_takes_no_memory() {
    let mut decoder = FrameDecoder::new(1 << 30, true).unwrap();
    decoder.feed(Bytes::from(piece_head(1 << 30, true)));
    assert_eq!(drain(&mut decoder).unwrap(), [] as [Bytes; 0]);
    let super::Piece::Frame { body, .. } = &decoder.piece else { panic!("a frame has begun") };
    assert!(body.capacity() < 1 << 20);
}

#[test]
fn damaged_pieces_never_panic_nor_pass_the_bound() {
    let random = SeededRandom::new(6);
    for _ in 0..2000 {
        let mut encoder = FrameEncoder::new(TUNING).unwrap();
        let frames: Vec<Vec<u8>> = (0..8).map(|n| vec![n; 1 + random.u64() as usize % 900]).collect();
        let refs: Vec<(bool, &[u8])> =
            frames.iter().map(|frame| (random.u64().is_multiple_of(2), frame.as_slice())).collect();
        let mut bytes = in_pieces(&mut encoder, &refs);
        for _ in 0..1 + random.u64() % 4 {
            let at = random.u64() as usize % bytes.len();
            bytes[at] ^= 1 << (random.u64() % 8);
        }
        let mut decoder = FrameDecoder::new(1000, true).unwrap();
        decoder.feed(bytes.into());
        while let Ok(Some(frame)) = decoder.next_frame() {
            assert!(frame.len() <= 1000);
        }
    }
}

/// The stream of links of version 3.
#[test]
fn the_pieces_of_an_earlier_release_are_read() {
    let frames: [(bool, &[u8]); 5] =
        [(false, b"first"), (true, b"as it is"), (false, &[7; 3000]), (true, &[9; 300]), (false, b"first")];
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/frame_stream_3");
    if std::env::var_os("UPDATE").is_some() && !path.exists() {
        let mut encoder = FrameEncoder::new(TUNING).unwrap();
        std::fs::write(&path, in_pieces(&mut encoder, &frames)).unwrap();
    }
    let mut decoder = FrameDecoder::new(1 << 20, true).unwrap();
    decoder.feed(std::fs::read(&path).unwrap().into());
    assert_eq!(drain(&mut decoder).unwrap(), frames.map(|(_, frame)| frame));
}
