// Command sumdb checks a C2SP tlog-tiles log with nothing but golang.org/x/mod, the code that Go's
// own checksum database rests on.
//
//	sumdb audit FOLDER VKEY [CHECKPOINT...]    every entry and tile, the root, growth from each older checkpoint
//	sumdb inclusion FOLDER VKEY INDEX ENTRY    one entry, proved from tiles
//	sumdb proof PROOF VKEY ENTRY               a c2sp.org/tlog-proof@v1 file, without the log
//
// VKEY and INDEX are text, the others files. It ends with 0 when accepted, 1 when rejected, 2 when
// called wrongly. It does not see files that nothing refers to; without older checkpoints it
// cannot see that a log was rolled back or that this is another branch of it.
package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	said, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "rejected:", err)
		os.Exit(1)
	}
	fmt.Println("accepted:", said)
}

func run(arguments []string) (string, error) {
	command := ""
	if len(arguments) > 2 {
		command = arguments[0]
	}
	switch {
	case command == "audit":
		return audit(folder(arguments[1]), key(arguments[2]), arguments[3:])
	case command == "inclusion" && len(arguments) == 5:
		index, err := strconv.ParseInt(arguments[3], 10, 64)
		if err != nil {
			return "", err
		}
		return inclusion(folder(arguments[1]), key(arguments[2]), index, arguments[4])
	case command == "proof" && len(arguments) == 4:
		return proof(arguments[1], key(arguments[2]), arguments[3])
	}
	wrongCall("usage: sumdb audit FOLDER VKEY [CHECKPOINT...] | inclusion FOLDER VKEY INDEX ENTRY | proof PROOF VKEY ENTRY")
	return "", nil
}

func key(vkey string) note.Verifier {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		wrongCall("vkey: " + err.Error())
	}
	return verifier
}

func wrongCall(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(2)
}

func inclusion(log folder, verifier note.Verifier, index int64, entryFile string) (string, error) {
	tree, err := log.checkpoint(verifier)
	if err != nil {
		return "", err
	}
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return "", err
	}
	path, err := tlog.ProveRecord(tree.N, index, tlog.TileHashReader(tree, log))
	if err != nil {
		return "", err
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		return "", err
	}
	return fmt.Sprintf("index %d of %d", index, tree.N), nil
}
