package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A folder holds a log as it would be served: `checkpoint`, `tile/LEVEL/…`, `tile/entries/…`.
type folder string

const (
	height = 8 // Of a tile: 256 hashes.
	wide   = 1 << height
)

// Height, ReadTiles and SaveTiles make it a tlog.TileReader.
func (f folder) Height() int { return height }

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(tiles))
	for i, tile := range tiles {
		raw, _, err := f.tile(tile)
		if err != nil {
			return nil, err
		}
		want := tile.W * tlog.HashSize
		if len(raw) < want {
			return nil, fmt.Errorf("%s has %d bytes of %d", name(tile), len(raw), want)
		}
		read[i] = raw[:want]
	}
	return read, nil
}

// name is the path by C2SP, which leaves out the height and calls the level of data "entries".
func name(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	if rest, found := strings.CutPrefix(path, "data/"); found {
		path = "entries/" + rest
	}
	return "tile/" + path
}

// tile is what the file of the tile has, and whether the file is of just this width: a partial
// tile may have been dropped once the full one was there.
func (f folder) tile(tile tlog.Tile) (raw []byte, exact bool, err error) {
	raw, err = os.ReadFile(filepath.Join(string(f), name(tile)))
	if tile.W == wide || !errors.Is(err, fs.ErrNotExist) {
		return raw, true, err
	}
	tile.W = wide
	raw, err = os.ReadFile(filepath.Join(string(f), name(tile)))
	return raw, false, err
}

func (f folder) checkpoint(verifier note.Verifier) (tlog.Tree, error) {
	return checkpoint(filepath.Join(string(f), "checkpoint"), verifier)
}

func checkpoint(file string, verifier note.Verifier) (tlog.Tree, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return tlog.Tree{}, err
	}
	return opened(raw, verifier)
}

// opened is the tree that a signed note speaks of: origin, size and root on lines of their own.
func opened(signed []byte, verifier note.Verifier) (tree tlog.Tree, err error) {
	text, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, fmt.Errorf("checkpoint: %w", err)
	}
	lines := strings.Split(text.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("checkpoint: of %q, not of %q", lines[0], verifier.Name())
	}
	if tree.N, err = number(lines[1]); err != nil {
		return tree, fmt.Errorf("checkpoint: size: %w", err)
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// number is a count as the formats want it: no sign and no leading zero.
func number(text string) (int64, error) {
	value, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (value < 0 || strconv.FormatInt(value, 10) != text) {
		err = fmt.Errorf("%q is not written as a number", text)
	}
	return value, err
}
