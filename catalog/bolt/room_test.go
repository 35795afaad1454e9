package bolt

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/muniment/muniment/catalog"
)

// TestReserve: with less room than the reserve no content is taken in, and what is urgent
// still is.
func TestReserve(t *testing.T) {
	path := file(t)
	s, err := Open(path, Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, line("a", 1), line("b", 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := freeBytes(path); err != nil {
		t.Skipf("free space is not known here: %v", err)
	}

	s = open(t, path, Options{Reserve: math.MaxInt64}) // no disk has as much
	before := everything(s, 2)
	_, err = s.Commit(t.Context(), catalog.Commit{Mutations: []catalog.Mutation{
		catalog.DeleteDocument{Document: catalog.DocumentID{Source: "handbook", ID: "a"}, Version: 2}, line("b", 2),
	}})
	if !errors.Is(err, catalog.ErrFull) || !strings.Contains(err.Error(), "MiB are free") {
		t.Fatalf("content on a nearly full disk: %v, want ErrFull that says how full", err)
	}
	served(t, before, everything(s, 2), "after the refusal")
	a := catalog.DocumentID{Source: "handbook", ID: "a"}
	commit(t, s, catalog.PutAccess{Document: catalog.DocumentID{Source: "handbook", ID: "b"}, Access: catalog.AccessPatch{Version: 5}},
		catalog.PutGroup{Group: "group:x"}, catalog.DeleteDocument{Document: a, Version: 2})
	n := pin(t, s, 0)
	if d, err := n.Documents(t.Context(), view(t, n), []catalog.DocumentID{a}); err != nil || len(d) != 0 {
		t.Fatalf("the deleted document: %v, %v", d, err)
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
}
