package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// house is one data directory over the lives of the servers in it, with the clients it has.
type house struct {
	*model
	t       *testing.T
	rand    *rand.Rand
	program builtProgram
	dir     string
	scratch string  // for what the harness makes beside it
	folders *lane   // containers and groups
	lanes   []*lane // all, folders first
	lives   int
	opening time.Duration // of the last server
}

func newHouse(t *testing.T, r *report, p builtProgram, seed uint64) *house {
	t.Helper()
	h := &house{model: newModel(r), t: t, rand: rand.New(rand.NewPCG(seed, 3)), program: p, dir: t.TempDir(), scratch: t.TempDir(), opening: time.Second}
	write(t, filepath.Join(h.dir, "muniment.yaml"),
		"apps: {handbook-chat: {sources: [handbook]}, board-chat: {clearance: confidential}}\n"+
			"vector_spaces: [{id: brought/4, dimensions: 4}]\n")
	h.folders = &lane{world: newWorld(10 * seed), model: h.model, does: directoryOperations}
	h.lanes = append(h.lanes, h.folders)
	for i, source := range crashSources {
		h.lanes = append(h.lanes, &lane{world: newWorld(10*seed + 1 + uint64(i)), model: h.model, source: source, does: documentOperations})
	}
	return h
}

// furnish brings the containers that documents lie in, and reports whether they are there.
func (h *house) furnish(v *victim) bool {
	items := h.folders.again()
	for _, source := range crashSources {
		for _, id := range []string{"top", "a", "b"} {
			if !h.now(thing{"container", source, id}).known {
				items = append(items, h.folders.container(source, id))
			}
		}
	}
	return h.folders.work(v, each(items, nothing))
}

// finish has every client send again what was not acknowledged, so that nothing is open.
func (h *house) finish(v *victim) bool {
	for _, l := range h.lanes {
		if !l.work(v, each(l.again(), nothing)) {
			return false
		}
	}
	return true
}

// removeIndex takes an index away, or both.
func (h *house) removeIndex() {
	parts := []string{"keyword", "vector", "."}
	if err := os.RemoveAll(filepath.Join(h.dir, "index", parts[h.rand.IntN(len(parts))])); err != nil {
		h.t.Fatal(err)
	}
}

// settled compares what a server has left with the model.
func (h *house) settled() {
	for _, l := range h.lanes {
		h.note(func() { h.unacknowledged += len(l.pending) })
	}
	found, err := leftBehind(h.dir, h.scratch)
	if err != nil {
		h.fault(broken, "the catalog that was left: %v", err)
		return
	}
	h.note(func() { h.stores++ })
	for x := range found {
		if _, known := h.things[x]; !known {
			h.fault(half, "%v is stored, and nobody sent it", x)
		}
	}
	h.settle(func(x thing, s state) []string { return s.differs(found[x]) })
	for _, l := range h.lanes {
		h.note(func() { h.storedInVain += l.settled() })
	}
}
