package audit

import (
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrProof says that a proof is malformed or does not prove what it is for.
var ErrProof = errors.New("audit: bad proof")

// maxProof is how many hashes a proof has at most: two for each level of the largest tree.
const maxProof = 128

// ParseProof reads a proof as the contract has it: hashes in lower-case hexadecimal.
func ParseProof(list []string) ([]tlog.Hash, error) {
	if len(list) > maxProof {
		return nil, fmt.Errorf("%w: %d hashes, the limit is %d", ErrProof, len(list), maxProof)
	}
	hashes := make([]tlog.Hash, len(list))
	for i, text := range list {
		if len(text) != 2*tlog.HashSize {
			return nil, fmt.Errorf("%w: hash %d has %d characters, want %d", ErrProof, i, len(text), 2*tlog.HashSize)
		}
		if _, err := hex.Decode(hashes[i][:], []byte(text)); err != nil || hex.EncodeToString(hashes[i][:]) != text {
			return nil, fmt.Errorf("%w: hash %d is not in lower-case hexadecimal", ErrProof, i)
		}
	}
	return hashes, nil
}

// CheckConsistency returns nil if the proof shows that the newer tree begins with the older one.
// The checkpoints' signatures are not looked at. Errors wrap ErrProof.
func CheckConsistency(old, newer Checkpoint, proof []string) error {
	hashes, err := ParseProof(proof)
	if err != nil {
		return err
	}
	switch {
	case old.N < 0 || newer.N < old.N || newer.N > maxSize:
		return fmt.Errorf("%w: a tree of %d within one of %d", ErrProof, old.N, newer.N)
	case old.N == newer.N || old.N == 0: // there is nothing to prove, so nothing may be said
		if len(hashes) > 0 || old.N == newer.N && old.Hash != newer.Hash {
			return fmt.Errorf("%w: two roots for %d records, or hashes that prove nothing", ErrProof, newer.N)
		}
		return nil
	}
	if err := tlog.CheckTree(hashes, newer.N, newer.Hash, old.N, old.Hash); err != nil {
		return fmt.Errorf("%w: it does not lead from one root to the other", ErrProof)
	}
	return nil
}

// CheckInclusion returns nil if the proof shows that the leaf is at the index of the
// checkpoint's tree. The checkpoint's signature is not looked at. Errors wrap ErrProof.
func CheckInclusion(in Checkpoint, e Entry, proof []string) error {
	hashes, err := ParseProof(proof)
	if err != nil {
		return err
	}
	if e.Index < 0 || e.Index >= in.N || in.N > maxSize {
		return fmt.Errorf("%w: record %d in a tree of %d", ErrProof, e.Index, in.N)
	}
	if err := tlog.CheckRecord(hashes, in.N, in.Hash, e.Index, e.Leaf); err != nil {
		return fmt.Errorf("%w: it does not lead to the root", ErrProof)
	}
	return nil
}
