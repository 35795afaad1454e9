package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"path/filepath"
	"strings"
	"testing"

	"github.com/muniment/muniment/api/identity"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// What follows is a verifier that was written from RFC 6962 and the C2SP documents, shares no
// line with the product and imports neither its packages nor x/mod: what it accepts, strangers'
// tools accept.

type hash = [32]byte

func leafHash(data []byte) hash { return sha256.Sum256(append([]byte{0}, data...)) }
func nodeHash(l, r hash) hash   { return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...)) }

// treeHash is MTH of RFC 6962, 2.1, word for word, over leaf hashes.
func treeHash(leaves []hash) hash {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	default:
		k := 1 << (bits.Len(uint(n-1)) - 1) // the largest power of two below n
		return nodeHash(treeHash(leaves[:k]), treeHash(leaves[k:]))
	}
}

// included follows an audit path (RFC 9162, 2.1.3.2).
func included(leaf hash, index, size int64, path []hash, root hash) error {
	if index < 0 || index >= size {
		return errors.New("no such leaf")
	}
	fn, sn, r := index, size-1, leaf
	for _, p := range path {
		if sn == 0 {
			return errors.New("the path is too long")
		}
		if fn&1 == 1 || fn == sn {
			r = nodeHash(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = nodeHash(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 || r != root {
		return errors.New("the path does not lead to the root")
	}
	return nil
}

// consistent follows a consistency proof (RFC 9162, 2.1.4.2).
func consistent(first, second int64, path []hash, firstRoot, secondRoot hash) error {
	if first == second && len(path) == 0 && firstRoot == secondRoot {
		return nil
	}
	if first < 1 || first >= second || len(path) == 0 {
		return errors.New("not two trees, or no proof")
	}
	if first&(first-1) == 0 {
		path = append([]hash{firstRoot}, path...)
	}
	fn, sn := first-1, second-1
	for fn&1 == 1 {
		fn, sn = fn>>1, sn>>1
	}
	fr, sr := path[0], path[0]
	for _, c := range path[1:] {
		if sn == 0 {
			return errors.New("the proof is too long")
		}
		if fn&1 == 1 || fn == sn {
			fr, sr = nodeHash(c, fr), nodeHash(c, sr)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			sr = nodeHash(sr, c)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 || fr != firstRoot || sr != secondRoot {
		return errors.New("the proof does not lead to both roots")
	}
	return nil
}

// signedTree is what a checkpoint says.
type signedTree struct {
	origin string
	size   int64
	root   hash
}

// openNote verifies a checkpoint with a key in the encoding of signed notes.
func openNote(msg, key string) (signedTree, error) {
	name, rest, _ := strings.Cut(key, "+")
	id, encoded, _ := strings.Cut(rest, "+")
	public, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(public) != 33 || public[0] != 1 {
		return signedTree{}, errors.New("no Ed25519 key")
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), public...))
	if hex.EncodeToString(sum[:4]) != id {
		return signedTree{}, errors.New("the key's id is not its own")
	}
	text, signatures, _ := strings.Cut(msg, "\n\n")
	text += "\n"
	for line := range strings.Lines(signatures) {
		signer, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "— "), " ")
		sig, err := base64.StdEncoding.DecodeString(value)
		if err != nil || signer != name || len(sig) != 68 || !bytes.Equal(sig[:4], sum[:4]) || !ed25519.Verify(public[1:], []byte(text), sig[4:]) {
			continue
		}
		lines := strings.Split(text, "\n")
		t := signedTree{origin: lines[0]}
		if _, err := fmt.Sscanf(lines[1], "%d", &t.size); err != nil {
			return t, err
		}
		root, err := base64.StdEncoding.DecodeString(lines[2])
		if copy(t.root[:], root) != 32 || err != nil {
			return t, errors.New("no root")
		}
		return t, nil
	}
	return signedTree{}, errors.New("not signed with the key")
}

// exported is a line of an export.
type exported struct {
	Index                  int64
	Commitment, Leaf, Salt string
	Outbox                 uint64
	Body                   json.RawMessage
	Erased                 bool
	Checkpoint             string
}

// verifyExported verifies a whole export with the key, and returns its leaves and checkpoint.
func verifyExported(t *testing.T, export, key string) (leaves []hash, tree signedTree) {
	t.Helper()
	for l := range strings.Lines(export) {
		var e exported
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Fatal(err)
		}
		if e.Checkpoint != "" {
			var err error
			if tree, err = openNote(e.Checkpoint, key); err != nil {
				t.Fatal(err)
			}
			continue
		}
		commitment, leaf := unhex(t, e.Commitment), unhex(t, e.Leaf)
		salt := unhex(t, e.Salt)
		if opened := sha256.Sum256(append(append([]byte("muniment audit record v1\n"), salt[:]...), e.Body...)); opened != commitment {
			t.Errorf("record %d does not open its commitment", e.Index)
		}
		if leafHash(commitment[:]) != leaf || e.Index != int64(len(leaves)) {
			t.Errorf("leaf %d is not that of its record", e.Index)
		}
		leaves = append(leaves, leaf)
	}
	if tree.size != int64(len(leaves)) || treeHash(leaves) != tree.root {
		t.Errorf("the root of %d records is not the signed one, of %d", len(leaves), tree.size)
	}
	return leaves, tree
}

func unhex(t *testing.T, s string) (h hash) {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		t.Fatalf("%q is no hash: %v", s, err)
	}
	return hash(b)
}

func unhexAll(t *testing.T, list []string) (hashes []hash) {
	for _, s := range list {
		hashes = append(hashes, unhex(t, s))
	}
	return hashes
}

// TestSecondVerifier: the other verifier accepts the record of an answer with its proof, and
// that any two checkpoints are of one log, both as the server sends them; and it accepts the log
// as a file. It refuses each with one bit changed.
func TestSecondVerifier(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	auditor := s.as(identity.Request{Subject: "user:local/auditor", Roles: []identity.Grant{{Role: identity.RoleAuditor}}})
	client := pb.NewAuditServiceClient(s.conn)
	key := strings.TrimSpace(program(t, "audit", "key", "--data", s.dir).stdout)
	s.mustSend(documentItem(page("one")))
	var trees []signedTree
	for range 12 {
		resp, err := s.retrieval().Retrieve(s.user("user:local/ada"), &pb.RetrieveRequest{Query: "stored"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.GetRecord(auditor, &pb.GetRecordRequest{Receipt: resp.GetReceipt()})
		if err != nil {
			t.Fatal(err)
		}
		tree, err := openNote(got.GetCheckpoint(), key)
		if err != nil {
			t.Fatal(err)
		}
		leaf, path := unhex(t, got.GetLeafHash()), unhexAll(t, got.GetInclusionProof())
		if err := included(leaf, got.GetIndex(), tree.size, path, tree.root); err != nil {
			t.Errorf("record %d in a tree of %d: %v", got.GetIndex(), tree.size, err)
		}
		for i := range path {
			path[i][i] ^= 1
			if included(leaf, got.GetIndex(), tree.size, path, tree.root) == nil {
				t.Errorf("hash %d of the path may be another", i)
			}
			path[i][i] ^= 1
		}
		if _, err := openNote(strings.Replace(got.GetCheckpoint(), "\n", "1\n", 1), key); err == nil {
			t.Error("the checkpoint's origin may be another")
		}
		trees = append(trees, tree)
	}
	for i, old := range trees {
		for _, tree := range trees[i:] {
			resp, err := client.GetConsistencyProof(auditor, &pb.GetConsistencyProofRequest{OldSize: old.size, Size: tree.size})
			if err != nil {
				t.Fatal(err)
			}
			proof := unhexAll(t, resp.GetProof())
			if err := consistent(old.size, tree.size, proof, old.root, tree.root); err != nil {
				t.Errorf("%d and %d: %v", old.size, tree.size, err)
			}
			for i := range proof {
				proof[i][i] ^= 1
				if consistent(old.size, tree.size, proof, old.root, tree.root) == nil {
					t.Errorf("%d and %d: hash %d of the proof may be another", old.size, tree.size, i)
				}
				proof[i][i] ^= 1
			}
		}
	}
	for name, req := range map[string]*pb.GetConsistencyProofRequest{
		"the wrong way round": {OldSize: 9, Size: 3}, "beyond the log": {OldSize: 3, Size: 1 << 62}, "of nothing": {OldSize: 0, Size: 3}, "negative": {OldSize: -1, Size: 3},
	} {
		if _, err := client.GetConsistencyProof(auditor, req); exitCode(err) != exitRefused {
			t.Errorf("a proof of sizes that are %s: %v", name, err)
		}
	}
	s.stop()
	export := program(t, "audit", "export", "--data", s.dir).stdout
	leaves, tree := verifyExported(t, export, key)
	for _, old := range trees {
		if treeHash(leaves[:old.size]) != old.root {
			t.Errorf("the file's first %d records are not those of the checkpoint", old.size)
		}
	}
	if stored, err := openNote(readFile(t, filepath.Join(s.dir, "audit", "checkpoint")), key); err != nil || stored != tree {
		t.Errorf("the file checkpoint says %v, %v", stored, err)
	}
}
