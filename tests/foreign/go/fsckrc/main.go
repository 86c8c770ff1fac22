// Command fsckrc runs the library behind Tessera's fsck over a log's folder and says the outcome
// by its exit code, which cmd/fsck does not.
//
//	fsckrc FOLDER VKEY    0 accepted, 1 rejected, 2 wrong call
//
// The library may wait for ever after a bad tile: whoever calls this sets a time-out and takes its
// end for a rejection.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

const (
	bundleEntries = 256
	workers       = 64
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: fsckrc FOLDER VKEY")
		os.Exit(2)
	}
	verifier, err := note.NewVerifier(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "vkey:", err)
		os.Exit(2)
	}
	files := &client.FileFetcher{Root: os.Args[1]}
	check := fsck.New(verifier.Name(), verifier, files, leafHashes, fsck.Opts{N: workers})
	if err := check.Check(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "rejected: %.300s\n", err.Error())
		os.Exit(1)
	}
	fmt.Println("accepted")
}

// leafHashes refuses a bundle with more entries than a full one has; cmd/fsck passes over them.
func leafHashes(raw []byte) ([][]byte, error) {
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(raw); err != nil {
		return nil, err
	}
	if len(bundle.Entries) > bundleEntries {
		return nil, fmt.Errorf("a bundle has %d entries", len(bundle.Entries))
	}
	hashes := make([][]byte, len(bundle.Entries))
	for i, entry := range bundle.Entries {
		hashes[i] = rfc6962.DefaultHasher.HashLeaf(entry)
	}
	return hashes, nil
}
