//! Choices out of bytes, for targets whose input is a story rather than one format.

/// Gives the input piece by piece, from the front; zeros once it has ended.
pub struct Lots<'a> {
    left: &'a [u8],
}

impl<'a> Lots<'a> {
    /// Choices from these bytes.
    pub fn new(bytes: &'a [u8]) -> Lots<'a> {
        Lots { left: bytes }
    }

    /// Whether the input has ended.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        self.left.split_off_first().copied().unwrap_or(0)
    }

    /// A number of 16 bits.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// A number of 64 bits.
    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A length of two bytes and that many bytes, fewer at the end.
    pub fn piece(&mut self) -> &'a [u8] {
        let length = usize::from(self.short()).min(self.left.len());
        let (piece, left) = self.left.split_at(length);
        self.left = left;
        piece
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        self.left
    }
}

/// Appends what [`Lots::piece`] reads; at most 65,535 bytes.
pub fn put_piece(out: &mut Vec<u8>, piece: &[u8]) {
    let length = u16::try_from(piece.len()).expect("seeds are small");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(piece);
}
