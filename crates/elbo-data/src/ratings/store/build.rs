//! Building a store: three passes, none of which needs more memory than a batch.
//!
//! 1. The source is read; triplets go to a file as they come, and each user's are counted.
//! 2. The counts say which users make up a batch and where it lies; triplets are dealt out to their
//!    batches.
//! 3. Batch by batch, triplets are sorted by user, repeated pairs dropped, and the holdout is drawn.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use elbo_math::random;

use super::super::duplicates::{self, Duplicate, Duplicates};
use super::super::read::Triplets;
use super::super::{IdMap, RatingsOptions};
use super::batches::GroupingWriter;
use super::{RatingsStore, Scratch, StoreOptions};
use crate::DataError;

/// Bytes of a triplet on disk.
const TRIPLET: usize = 12;

/// Memory for dealing out triplets, shared by all batches.
const DEALING: usize = 1 << 24;

#[derive(Debug, Clone, Copy)]
struct Triplet {
    user: u32,
    item: u32,
    value: f32,
}

impl Triplet {
    fn to_bytes(self) -> [u8; TRIPLET] {
        let mut bytes = [0; TRIPLET];
        bytes[..4].copy_from_slice(&self.user.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.item.to_le_bytes());
        bytes[8..].copy_from_slice(&self.value.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; TRIPLET]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
        Self {
            user: u32::from_le_bytes([a, b, c, d]),
            item: u32::from_le_bytes([e, f, g, h]),
            value: f32::from_le_bytes([i, j, k, l]),
        }
    }
}

/// The users of a batch, and its place among the triplets that are dealt out.
struct Slot {
    users: std::ops::Range<usize>,
    first: u64,
    n: usize,
}

pub(super) fn build(
    path: &Path,
    options: &RatingsOptions,
    scratch: Scratch,
    store: &StoreOptions,
) -> Result<RatingsStore, DataError> {
    let (raw, dealt) = (scratch.file("raw"), scratch.file("dealt"));
    let (users, items, counts) = spill(path, options, &raw)?;
    let slots = slots(&counts, store.ratings_per_batch);
    deal(&raw, &dealt, &slots, counts.len()).map_err(|e| DataError::from_write(&dealt, e))?;
    remove(&raw)?;

    let mut sorter = Sorter {
        duplicates: Duplicates::default(),
        users: &users,
        items: &items,
        kept: GroupingWriter::create(&scratch.file("kept"), counts.len())?,
        held_out: GroupingWriter::create(&scratch.file("held_out"), counts.len())?,
        options: store,
    };
    let mut source = File::open(&dealt).map_err(|e| DataError::from_read(&dealt, e))?;
    for slot in &slots {
        let triplets =
            read_triplets(&mut source, slot.n).map_err(|e| DataError::from_read(&dealt, e))?;
        sorter.sort(slot, &triplets)?;
    }
    let (kept, held_out) = (sorter.kept.finish()?, sorter.held_out.finish()?);
    let duplicates = sorter.duplicates;
    remove(&dealt)?;
    let (users, items) = (Arc::new(users), Arc::new(items));
    Ok(RatingsStore {
        users,
        items,
        duplicates,
        kept,
        held_out,
        _scratch: scratch,
    })
}

fn remove(path: &Path) -> Result<(), DataError> {
    fs::remove_file(path).map_err(|e| DataError::from_write(path, e))
}

/// Pass 1: the triplets as they come, the ids, and the number of triplets of each user.
fn spill(
    path: &Path,
    options: &RatingsOptions,
    raw: &Path,
) -> Result<(IdMap, IdMap, Vec<u32>), DataError> {
    let file = File::create(raw).map_err(|e| DataError::from_write(raw, e))?;
    let mut output = BufWriter::with_capacity(1 << 17, file);
    let mut counts: Vec<u32> = Vec::new();
    let (users, items) =
        Triplets::open(path, options, true)?.read(&mut |user, item, value, _| {
            // Users are numbered as they come, so a new one is always the next.
            if user as usize == counts.len() {
                counts.push(0);
            }
            let count = &mut counts[user as usize];
            *count = count.checked_add(1).ok_or_else(|| DataError::TooMany {
                path: path.to_path_buf(),
                what: "ratings of one user",
                limit: u64::from(u32::MAX),
            })?;
            let bytes = Triplet { user, item, value }.to_bytes();
            output
                .write_all(&bytes)
                .map_err(|e| DataError::from_write(raw, e))
        })?;
    output.flush().map_err(|e| DataError::from_write(raw, e))?;
    Ok((users, items, counts))
}

/// Consecutive users, as many as a batch has room for.
fn slots(counts: &[u32], room: usize) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    let mut first = 0;
    for (user, count) in counts.iter().enumerate() {
        let count = *count as usize;
        match slots.last_mut() {
            Some(slot) if slot.n + count <= room => {
                slot.users.end = user + 1;
                slot.n += count;
            }
            _ => slots.push(Slot {
                users: user..user + 1,
                first,
                n: count,
            }),
        }
        first += count as u64;
    }
    slots
}

/// Pass 2: each triplet to its batch, in the order of the file within each.
fn deal(raw: &Path, dealt: &Path, slots: &[Slot], n_users: usize) -> io::Result<()> {
    let mut slot_of_user = vec![0u32; n_users];
    for (index, slot) in (0..).zip(slots) {
        slot_of_user[slot.users.clone()].fill(index);
    }
    let room = (DEALING / slots.len() / TRIPLET).clamp(64, 1 << 14) * TRIPLET;
    let mut hands: Vec<Vec<u8>> = vec![Vec::new(); slots.len()];
    let mut next: Vec<u64> = slots
        .iter()
        .map(|slot| slot.first * TRIPLET as u64)
        .collect();
    let mut output = File::create(dealt)?;
    let mut put = |slot: usize, hand: &mut Vec<u8>| {
        output.seek(SeekFrom::Start(next[slot]))?;
        output.write_all(hand)?;
        next[slot] += hand.len() as u64;
        hand.clear();
        io::Result::Ok(())
    };
    let mut input = BufReader::with_capacity(1 << 17, File::open(raw)?);
    let n: u64 = slots.iter().map(|slot| slot.n as u64).sum();
    let mut bytes = [0; TRIPLET];
    for _ in 0..n {
        input.read_exact(&mut bytes)?;
        let slot = slot_of_user[Triplet::from_bytes(bytes).user as usize] as usize;
        hands[slot].extend_from_slice(&bytes);
        if hands[slot].len() >= room {
            put(slot, &mut hands[slot])?;
        }
    }
    for (slot, hand) in hands.iter_mut().enumerate() {
        put(slot, hand)?;
    }
    Ok(())
}

fn read_triplets(source: &mut File, n: usize) -> io::Result<Vec<Triplet>> {
    const PIECE: usize = 1 << 14;
    let mut triplets = Vec::with_capacity(n);
    let mut bytes = vec![0; TRIPLET * PIECE.min(n)];
    while triplets.len() < n {
        let piece = &mut bytes[..TRIPLET * PIECE.min(n - triplets.len())];
        source.read_exact(piece)?;
        let (chunks, _) = piece.as_chunks::<TRIPLET>();
        triplets.extend(chunks.iter().map(|bytes| Triplet::from_bytes(*bytes)));
    }
    Ok(triplets)
}

/// Pass 3.
struct Sorter<'a> {
    duplicates: Duplicates,
    users: &'a IdMap,
    items: &'a IdMap,
    kept: GroupingWriter,
    held_out: GroupingWriter,
    options: &'a StoreOptions,
}

/// The rows of a batch being put together.
#[derive(Default)]
struct Rows {
    counts: Vec<u32>,
    items: Vec<u32>,
    values: Vec<f32>,
}

impl Rows {
    fn push(&mut self, triplet: Triplet) {
        *self.counts.last_mut().expect("a row has been begun") += 1;
        self.items.push(triplet.item);
        self.values.push(triplet.value);
    }
}

impl Sorter<'_> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "numbers of users have 32 bits"
    )]
    fn sort(&mut self, slot: &Slot, triplets: &[Triplet]) -> Result<(), DataError> {
        let rows: Vec<u32> = triplets
            .iter()
            .map(|t| t.user - slot.users.start as u32)
            .collect();
        let items: Vec<u32> = triplets.iter().map(|t| t.item).collect();
        let keep = self.keep(triplets, &rows, &items, slot.users.len());
        let (starts, order) = duplicates::group(&rows, slot.users.len());
        let (mut kept, mut held_out) = (Rows::default(), Rows::default());
        for (row, bounds) in starts.windows(2).enumerate() {
            kept.counts.push(0);
            held_out.counts.push(0);
            let user = slot.users.start + row;
            let mut rng = random::stream(self.options.seed, "ratings/store-holdout", user as u64);
            let of_user = order[bounds[0]..bounds[1]].iter().map(|p| *p as usize);
            for position in of_user.filter(|p| keep[*p]) {
                let aside =
                    self.options.holdout > 0.0 && random::uniform(&mut rng) < self.options.holdout;
                let side = if aside { &mut held_out } else { &mut kept };
                side.push(triplets[position]);
            }
        }
        self.kept.push(&kept.counts, &kept.items, &kept.values)?;
        self.held_out
            .push(&held_out.counts, &held_out.items, &held_out.values)
    }

    /// Marks the triplets that no later one replaces.
    fn keep(
        &mut self,
        triplets: &[Triplet],
        rows: &[u32],
        items: &[u32],
        n_rows: usize,
    ) -> Vec<bool> {
        let found = duplicates::replaced(rows, items, n_rows, self.items.len());
        self.duplicates.count += found.positions.len();
        if let (None, Some(position)) = (&self.duplicates.first, found.first) {
            let first = triplets[position as usize];
            self.duplicates.first = Some(Duplicate {
                user: self.users.name(first.user).to_owned(),
                item: self.items.name(first.item).to_owned(),
                place: None,
            });
        }
        let mut keep = vec![true; triplets.len()];
        for position in found.positions {
            keep[position as usize] = false;
        }
        keep
    }
}
