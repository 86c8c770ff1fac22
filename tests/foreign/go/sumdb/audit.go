package main

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// audit computes everything anew from the entries and compares it with what the log says.
func audit(log folder, verifier note.Verifier, older []string) (string, error) {
	tree, err := log.checkpoint(verifier)
	if err != nil {
		return "", err
	}
	var stored memory
	for first := int64(0); first < tree.N; first += wide {
		if err := stored.bundle(log, first, int(min(wide, tree.N-first))); err != nil {
			return "", err
		}
	}
	root, err := tlog.TreeHash(tree.N, stored)
	if err != nil {
		return "", err
	}
	if root != tree.Hash {
		return "", fmt.Errorf("the entries have the root %v, the checkpoint says %v", root, tree.Hash)
	}
	for _, tile := range tlog.NewTiles(height, 0, tree.N) {
		if err := compare(log, tile, stored); err != nil {
			return "", err
		}
	}
	for _, file := range older {
		if err := grown(log, tree, file, verifier); err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
	}
	return fmt.Sprintf("%s size %d root %v, %d older checkpoints", verifier.Name(), tree.N, tree.Hash, len(older)), nil
}

// A memory holds hashes by tlog's own numbers for them.
type memory []tlog.Hash

func (m memory) ReadHashes(numbers []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(numbers))
	for i, number := range numbers {
		hashes[i] = m[number]
	}
	return hashes, nil
}

// bundle adds the hashes of so many entries; a full bundle in place of a partial one has more.
func (m *memory) bundle(log folder, first int64, count int) error {
	tile := tlog.Tile{H: height, L: -1, N: first / wide, W: count}
	raw, exact, err := log.tile(tile)
	if err != nil {
		return err
	}
	for i := range int64(count) {
		if len(raw) < 2 || len(raw)-2 < int(binary.BigEndian.Uint16(raw)) {
			return fmt.Errorf("%s: entry %d is not whole", name(tile), first+i)
		}
		end := 2 + int(binary.BigEndian.Uint16(raw))
		hashes, err := tlog.StoredHashes(first+i, raw[2:end], *m)
		if err != nil {
			return err
		}
		*m = append(*m, hashes...)
		raw = raw[end:]
	}
	if exact && len(raw) > 0 {
		return fmt.Errorf("%s: %d bytes after the last entry", name(tile), len(raw))
	}
	return nil
}

func compare(log folder, tile tlog.Tile, stored memory) error {
	want, err := tlog.ReadTileData(tile, stored)
	if err != nil {
		return err
	}
	got, exact, err := log.tile(tile)
	if err != nil {
		return err
	}
	if exact && len(got) != len(want) {
		return fmt.Errorf("%s has %d bytes, not %d", name(tile), len(got), len(want))
	}
	if !bytes.HasPrefix(got, want) {
		return fmt.Errorf("%s does not follow from the entries", name(tile))
	}
	return nil
}

// grown proves from the tiles that the tree of an older checkpoint is a beginning of this one.
func grown(log folder, tree tlog.Tree, file string, verifier note.Verifier) error {
	old, err := checkpoint(file, verifier)
	if err != nil {
		return err
	}
	if old.N > tree.N {
		return fmt.Errorf("it has %d entries and the log %d: rolled back", old.N, tree.N)
	}
	if old.N == 0 { // The library proves nothing about an empty tree, which begins every other.
		empty, err := tlog.TreeHash(0, nil)
		if err == nil && old.Hash != empty {
			err = fmt.Errorf("an empty log has another root")
		}
		return err
	}
	path, err := tlog.ProveTree(tree.N, old.N, tlog.TileHashReader(tree, log))
	if err != nil {
		return err
	}
	return tlog.CheckTree(path, tree.N, tree.Hash, old.N, old.Hash)
}
