package indexer_test

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// notContent are the fields of a document that its line does not say, or that name the line.
var notContent = []string{
	"DocumentID", "Version", // a version of another document, or another version
	"Signature", "Hidden", "ContentHash", "LineHash", // derived from the rest
	"Access", "Synced", "ACLSynced", "Rows", "State", "ContentAt", "Pending", "VectorsAt", "Settlements", // set by the store
}

// full is a document with something in every field.
func full() catalog.PutDocument {
	return catalog.PutDocument{
		Document: catalog.Document{
			DocumentID: catalog.DocumentID{Source: "handbook", ID: "leave.md"}, Version: 5, Title: "Leave", MIME: "text/plain",
			URI: "https://pages.example/leave", Owner: "group:people", Labels: map[string]string{"team": "north"},
			Modified: now, Verified: catalog.Verification{By: "user:local/ada", At: now}, ReviewInterval: time.Hour,
			ValidFrom: now, ValidUntil: now.AddDate(7973, 0, 0), RetentionClass: "guidance", VectorSpace: "unit/2",
			Supersedes:   []catalog.DocumentID{{Source: "handbook", ID: "old.md"}},
			SupersededBy: []catalog.DocumentID{{Source: "wiki", ID: "leave"}},
		},
		Text:     "Twenty-eight days.",
		Passages: []catalog.Passage{{Text: "Twenty-eight days.", Headings: []string{"Leave"}, Vector: []float32{1, 0}}},
		Access:   readable(acl.Everyone),
	}
}

// variants are documents that differ from the full one in one field each. Fields of the
// document are found by reflection: one that is added and forgotten in the hash shows.
func variants(t *testing.T) map[string]catalog.PutDocument {
	list := map[string]catalog.PutDocument{}
	add := func(name string, change func(m *catalog.PutDocument)) {
		m := full()
		change(&m)
		list[name] = m
	}
	document := reflect.TypeFor[catalog.Document]()
	for i := range document.NumField() {
		name := document.Field(i).Name
		if slices.Contains(notContent, name) {
			continue
		}
		if reflect.ValueOf(full().Document).Field(i).IsZero() {
			t.Errorf("the full document has no %s", name)
		}
		switch name {
		case "MIME":
			add(name, func(m *catalog.PutDocument) { m.Document.MIME = "text/markdown" })
		case "VectorSpace":
			add(name, func(m *catalog.PutDocument) { m.Document.VectorSpace = "other/2" })
		case "Verified":
			add("Verified.By", func(m *catalog.PutDocument) { m.Document.Verified.By = "user:local/ben" })
			add("Verified.At", func(m *catalog.PutDocument) { m.Document.Verified.At = now.Add(1) })
			add("Verified, gone", func(m *catalog.PutDocument) { m.Document.Verified = catalog.Verification{} })
		default:
			add(name, func(m *catalog.PutDocument) { vary(t, name, reflect.ValueOf(&m.Document).Elem().Field(i)) })
			add(name+", gone", func(m *catalog.PutDocument) { reflect.ValueOf(&m.Document).Elem().Field(i).SetZero() })
		}
	}
	add("the value of a label", func(m *catalog.PutDocument) { m.Document.Labels = map[string]string{"team": "south"} })
	add("the order of what is superseded", func(m *catalog.PutDocument) {
		m.Document.Supersedes = append([]catalog.DocumentID{{Source: "handbook", ID: "older.md"}}, m.Document.Supersedes...)
	})
	add("Text", func(m *catalog.PutDocument) { m.Text += " Or more." })
	add("the text of a passage", func(m *catalog.PutDocument) { m.Passages[0].Text = "Twenty-eight" })
	add("a passage more", func(m *catalog.PutDocument) { m.Passages = append(m.Passages, m.Passages[0]) })
	add("a heading", func(m *catalog.PutDocument) { m.Passages[0].Headings = []string{"Leave", "Annual"} })
	add("a vector", func(m *catalog.PutDocument) { m.Passages[0].Vector = []float32{0, 1} })
	add("no vectors", func(m *catalog.PutDocument) { m.Passages[0].Vector, m.Document.VectorSpace = nil, "" })
	add("no passages", func(m *catalog.PutDocument) { m.Passages, m.Document.VectorSpace = nil, "" })
	return list
}

// vary changes the value a little.
func vary(t *testing.T, name string, v reflect.Value) {
	switch value := v.Addr().Interface().(type) {
	case *string:
		*value += "x"
	case *acl.Principal:
		*value += "x"
	case *time.Duration:
		*value += 1
	case *time.Time:
		*value = value.Add(1)
	case *map[string]string:
		*value = map[string]string{"team": "north", "site": "dock"}
	case *[]catalog.DocumentID:
		*value = append(*value, catalog.DocumentID{Source: "handbook", ID: "older.md"})
	default:
		t.Fatalf("field %s: this test does not know how to change a %s", name, v.Type())
	}
}

// A version that is sent again is known again; one that is used again for anything else is
// refused, whichever field differs.
func TestOneVersionOneContent(t *testing.T) {
	x := open(t, config(newStore(t), newPlain(), newPlain()))
	if o := submit(t, x, full()); o.Refused != nil || !o.Changed {
		t.Fatalf("the first version: %+v", o)
	}
	hashes := map[[sha256.Size]byte]string{}
	for name, m := range variants(t) {
		prepared, err := x.Prepare(t.Context(), m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		hash := prepared.(catalog.PutDocument).Document.LineHash
		if other, same := hashes[hash]; same {
			t.Errorf("%q and %q have one hash", name, other)
		}
		hashes[hash] = name
		if o := commit(t, x, prepared); !errors.Is(o.Refused, catalog.ErrVersionReused) {
			t.Errorf("other content (%s) at the same version: %+v", name, o)
		}
	}
	for name, change := range map[string]func(m *catalog.PutDocument){
		"again":                       func(m *catalog.PutDocument) {},
		"with a vector twice as long": func(m *catalog.PutDocument) { m.Passages[0].Vector = []float32{2, 0} },
		"with the instant of another time zone": func(m *catalog.PutDocument) {
			m.Document.Modified = m.Document.Modified.In(time.FixedZone("east", 3600))
		},
		"with the type of text spelled out or not": func(m *catalog.PutDocument) { m.Document.MIME = "" },
	} {
		m := full()
		change(&m)
		if o := submit(t, x, m); o.Refused != nil || o.Changed {
			t.Errorf("the same content %s: %+v", name, o)
		}
	}
	access := full()
	access.Access = readable("user:local/ada")
	if o := submit(t, x, access); o.Refused != nil || !o.Changed {
		t.Errorf("other access at the same version: %+v", o)
	}
}

// submit prepares and commits a mutation and returns what became of it.
func submit(t testing.TB, x *indexer.Indexer, m catalog.Mutation) catalog.Outcome {
	t.Helper()
	prepared, err := x.Prepare(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return commit(t, x, prepared)
}

// commit submits a prepared mutation and waits for what becomes of it.
func commit(t testing.TB, x *indexer.Indexer, prepared catalog.Mutation) catalog.Outcome {
	t.Helper()
	ticket, err := x.Submit(t.Context(), indexer.Actor{}, prepared, catalog.Request{})
	if err != nil {
		t.Fatal(err)
	}
	o, _, err := ticket.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return o
}
