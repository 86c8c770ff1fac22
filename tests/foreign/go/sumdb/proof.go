package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// proof reads the file strictly: Go's own decoder would pass over a carriage return in a hash.
func proof(proofFile string, verifier note.Verifier, entryFile string) (string, error) {
	raw, err := os.ReadFile(proofFile)
	if err != nil {
		return "", err
	}
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return "", err
	}
	head, signed, found := strings.Cut(string(raw), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		return "", errors.New("not a proof of this format")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return "", errors.New("no index")
	}
	index, err := number(strings.TrimPrefix(lines[0], "index "))
	if err != nil {
		return "", fmt.Errorf("index: %w", err)
	}
	var path tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize || base64.StdEncoding.EncodeToString(hash) != line {
			return "", fmt.Errorf("%q is not written as a hash", line)
		}
		path = append(path, tlog.Hash(hash))
	}
	tree, err := opened([]byte(signed), verifier)
	if err != nil {
		return "", err
	}
	if index >= tree.N {
		return "", fmt.Errorf("index %d of a log of %d", index, tree.N)
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		return "", err
	}
	return fmt.Sprintf("index %d of %d", index, tree.N), nil
}
