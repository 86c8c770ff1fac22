// Command torchwood asks the library of that name about proofs and checkpoints under a policy.
//
//	torchwood proof POLICY ENTRY PROOF        a c2sp.org/tlog-proof@v1 file proves the entry
//	torchwood checkpoint POLICY CHECKPOINT    the checkpoint has the signatures that are asked for
//
// All arguments are files. A policy has one item a line: `log VKEY` (the library knows only one),
// `witness NAME VKEY`, `group NAME any|all|COUNT WITNESS…`, `quorum NAME|none`.
// It ends with 0 when accepted, 1 when rejected, 2 when called wrongly.
package main

import (
	"fmt"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	arguments := os.Args[1:]
	var said string
	var err error
	switch {
	case len(arguments) == 4 && arguments[0] == "proof":
		said, err = proof(arguments[1], arguments[2], arguments[3])
	case len(arguments) == 3 && arguments[0] == "checkpoint":
		said, err = checkpoint(arguments[1], arguments[2])
	default:
		fmt.Fprintln(os.Stderr, "usage: torchwood proof POLICY ENTRY PROOF | checkpoint POLICY CHECKPOINT")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "rejected: %T %v\n", err, err)
		os.Exit(1)
	}
	fmt.Println("accepted:", said)
}

func proof(policyFile, entryFile, proofFile string) (string, error) {
	policy, err := readPolicy(policyFile)
	if err != nil {
		return "", err
	}
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(proofFile)
	if err != nil {
		return "", err
	}
	return "the entry is in the log", torchwood.VerifyProof(policy, tlog.RecordHash(entry), raw)
}

func checkpoint(policyFile, checkpointFile string) (string, error) {
	policy, err := readPolicy(policyFile)
	if err != nil {
		return "", err
	}
	raw, err := os.ReadFile(checkpointFile)
	if err != nil {
		return "", err
	}
	tree, _, err := torchwood.VerifyCheckpoint(raw, policy)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s size %d root %v", tree.Origin, tree.N, tree.Hash), nil
}

func readPolicy(file string) (torchwood.Policy, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return torchwood.ParsePolicy(raw)
}
