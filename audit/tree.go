package audit

import (
	"crypto/sha256"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// domain separates commitments from every other hash; a new form of record gets a new one.
const domain = "muniment audit record v1\n"

// Commitment returns what the tree holds of a body. The salt, 32 random bytes, keeps a short body from being
// guessed from its commitment once it is erased. Domain and salt have fixed lengths, so that no
// two (salt, body) pairs give the same input.
func Commitment(salt *[32]byte, body []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte(domain))
	h.Write(salt[:])
	h.Write(body)
	var c [32]byte
	h.Sum(c[:0])
	return c
}

// Leaf returns the leaf hash of a commitment.
func Leaf(commitment [32]byte) tlog.Hash { return tlog.RecordHash(commitment[:]) }

// Tree is the right edge of a Merkle tree: all that is needed to add leaves and to know the root.
// The zero Tree is empty.
//
// tlog.StoredHashes would read the same hashes back from the storage for each record; the edge
// holds them, one per set bit of the size: edge[i] is the root of the i'th largest complete subtree.
type Tree struct {
	size int64
	edge []tlog.Hash
}

// Add appends a leaf and returns the hashes to store for it, appended to hashes in tlog's order.
func (t *Tree) Add(leaf tlog.Hash, hashes []tlog.Hash) []tlog.Hash {
	hashes = append(hashes, leaf)
	for range bits.TrailingZeros64(^uint64(t.size)) { // each trailing 1 bit completes a subtree
		leaf = tlog.NodeHash(t.edge[len(t.edge)-1], leaf)
		t.edge = t.edge[:len(t.edge)-1]
		hashes = append(hashes, leaf)
	}
	t.edge = append(t.edge, leaf)
	t.size++
	return hashes
}

// clone returns a tree that shares nothing with t.
func (t *Tree) clone() Tree { return Tree{t.size, slices.Clone(t.edge)} }

// Size returns the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Root returns the tree hash; of the empty tree it is the hash of nothing.
func (t *Tree) Root() tlog.Hash {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	root := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		root = tlog.NodeHash(t.edge[i], root)
	}
	return root
}

// ReadTree returns the tree of the first size leaves from stored hashes.
func ReadTree(size int64, hashes tlog.HashReader) (Tree, error) {
	var indexes []int64
	for at, level := int64(0), 62; level >= 0; level-- {
		if size&(1<<level) != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(level, at>>level))
			at += 1 << level
		}
	}
	edge, err := hashes.ReadHashes(indexes)
	if err != nil {
		return Tree{}, err
	}
	return Tree{size: size, edge: edge}, nil
}
