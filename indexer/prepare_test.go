package indexer_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// open opens an indexer on plain indexes, closed when the test ends.
func open(t testing.TB, c indexer.Config) *indexer.Indexer {
	t.Helper()
	x, err := indexer.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// changed is the document after the change.
func changed(change func(m *catalog.PutDocument)) catalog.PutDocument {
	m := catalog.PutDocument{
		Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "handbook", ID: "leave.md"}, Version: 1, Title: "Leave", Owner: "group:people"},
		Text:     "Twenty-eight days.", Access: readable(acl.Everyone),
	}
	change(&m)
	return m
}

func vectors(space string, list ...[]float32) func(m *catalog.PutDocument) {
	return func(m *catalog.PutDocument) {
		m.Document.VectorSpace = space
		for _, v := range list {
			m.Passages = append(m.Passages, catalog.Passage{Text: "Twenty-eight days.", Vector: v})
		}
	}
}

var (
	nan        = float32(math.NaN())
	infinity   = float32(math.Inf(1))
	unknown    = "top secret"
	badGrant   = &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: "ada"}}}}}
	manyLayers = &acl.Policy{Layers: make([]acl.Layer, acl.MaxLayers+1)}
)

// refusals is every reason for which Prepare refuses a mutation, with the field it names.
var refusals = []struct {
	reason, field string
	mutation      catalog.Mutation
}{
	{"TEXT_TOO_LONG", "document.text", changed(func(m *catalog.PutDocument) { m.Text = strings.Repeat("a", indexer.MaxTextBytes+1) })},
	{"UNSUPPORTED_MIME", "document.mime", changed(func(m *catalog.PutDocument) { m.Document.MIME = "application/pdf" })},
	{"UNSUPPORTED_MIME", "document.mime", changed(func(m *catalog.PutDocument) { m.Document.MIME = "text/html; charset=latin-1" })},
	{"TOO_MANY_LABELS", "document.labels", changed(func(m *catalog.PutDocument) {
		m.Document.Labels = map[string]string{}
		for i := range indexer.MaxLabels + 1 {
			m.Document.Labels[strconv.Itoa(i)] = ""
		}
	})},
	{"INVALID_PRINCIPAL", "document.owner", changed(func(m *catalog.PutDocument) { m.Document.Owner = "people" })},
	{"INVALID_PRINCIPAL", "document.verified.by", changed(func(m *catalog.PutDocument) { m.Document.Verified.By = "ada" })},
	{"INVALID_PRINCIPAL", "document.verified.by", changed(func(m *catalog.PutDocument) { m.Document.Verified.At = now })},
	{"INVALID_INTERVAL", "document.valid_until", changed(func(m *catalog.PutDocument) { m.Document.ValidFrom, m.Document.ValidUntil = now, now })},
	{"SUPERSEDES_ITSELF", "document.supersedes[1]", changed(func(m *catalog.PutDocument) {
		m.Document.Supersedes = []catalog.DocumentID{{Source: "handbook", ID: "old.md"}, m.Document.DocumentID}
	})},
	{"TOO_MANY_PASSAGES", "document.text", changed(func(m *catalog.PutDocument) {
		m.Document.MIME, m.Text = "text/markdown", strings.Repeat("# A\n\nb\n\n", indexer.MaxPassages+1)
	})},
	{"MISSING_VECTOR", "document.vector_space", changed(vectors("unit/2"))},
	{"MISSING_VECTOR", "document.vector_space", changed(vectors("unit/2", nil))},
	{"UNKNOWN_VECTOR_SPACE", "document.vector_space", changed(vectors("elsewhere/2", []float32{1, 0}))},
	{"UNKNOWN_VECTOR_SPACE", "document.vector_space", changed(vectors("", []float32{1, 0}))},
	{"VECTOR_SIZE", "document.passages[1].vector", changed(vectors("unit/2", []float32{1, 0}, []float32{1, 0, 0}))},
	{"VECTOR_SIZE", "document.passages[1].vector", changed(vectors("unit/2", []float32{1, 0}, nil))},
	{"VECTOR_NOT_FINITE", "document.passages[0].vector", changed(vectors("unit/2", []float32{nan, 1}))},
	{"VECTOR_NOT_FINITE", "document.passages[0].vector", changed(vectors("unit/2", []float32{1, infinity}))},
	{"VECTOR_NOT_FINITE", "document.passages[0].vector", changed(vectors("unit/2", []float32{0, 0}))},
	{"UNKNOWN_SENSITIVITY", "document.sensitivity", changed(func(m *catalog.PutDocument) { m.Access.Sensitivity = &unknown })},
	{"UNKNOWN_SENSITIVITY", "access.sensitivity", catalog.PutAccess{Access: catalog.AccessPatch{Sensitivity: new(string)}}},
	{"INVALID_POLICY", "document.policy", changed(func(m *catalog.PutDocument) { m.Access.Policy = manyLayers })},
	{"INVALID_POLICY", "access.policy", catalog.PutAccess{Access: catalog.AccessPatch{Policy: badGrant}}},
	{"INVALID_POLICY", "container.policy", catalog.PutContainer{Container: catalog.Container{DocumentID: catalog.DocumentID{Source: "s", ID: "a"}, Policy: badGrant}}},
	{"CONTAINER_CYCLE", "container.parent", catalog.PutContainer{Container: catalog.Container{DocumentID: catalog.DocumentID{Source: "s", ID: "a"}, Parent: "a"}}},
	{"INVALID_PRINCIPAL", "group.name", catalog.PutGroup{Group: "user:local/ada"}},
	{"INVALID_PRINCIPAL", "group.members[1]", catalog.PutGroup{Group: "group:a", Members: []acl.Principal{"group:b", acl.Everyone}}},
	{"INVALID_PRINCIPAL", "group.members[0]", catalog.PutGroup{Group: "group:a", Members: []acl.Principal{""}}},
	{"INVALID_PRINCIPAL", "principal", catalog.PutEntry{Entry: catalog.Entry{Principal: "service:chat"}}},
	{"INVALID_PRINCIPAL", "members[0]", catalog.PutEntry{Entry: catalog.Entry{Principal: "group:a"}, Members: []acl.Principal{acl.Everyone}}},
	{"TOO_MANY_MEMBERS", "group.members", catalog.PutGroup{Group: "group:a", Members: make([]acl.Principal, acl.MaxMembers+1)}},
}

func TestRefusals(t *testing.T) {
	x := open(t, config(newStore(t), newPlain(), newPlain()))
	seen := map[string]bool{}
	for _, tc := range refusals {
		_, err := x.Prepare(t.Context(), tc.mutation)
		refusal, ok := errors.AsType[*indexer.Refusal](err)
		if !ok || refusal.Reason != tc.reason || refusal.Field != tc.field {
			t.Errorf("%s of %s: %#v", tc.reason, tc.field, err)
			continue
		}
		if refusal.Message == "" || err.Error() != refusal.Field+": "+refusal.Message {
			t.Errorf("%s of %s says %q", tc.reason, tc.field, err)
		}
		seen[tc.reason] = true
	}
	for _, reason := range reasons(t) {
		if !seen[reason] {
			t.Errorf("no case is refused as %s", reason)
		}
	}
}

// reasons lists the reasons that the source gives to refuse.
func reasons(t *testing.T) (list []string) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "refuse" {
				reason, err := strconv.Unquote(call.Args[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, reason)
			}
			return true
		})
	}
	if len(list) < 10 {
		t.Fatalf("found only the reasons %q: this test looks for them in the wrong place", list)
	}
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// What is just within a limit is accepted.
func TestLimitsAreInclusive(t *testing.T) {
	x := open(t, config(newStore(t), newPlain(), newPlain()))
	for name, m := range map[string]catalog.Mutation{
		"text": changed(func(m *catalog.PutDocument) { m.Text = strings.Repeat("a", indexer.MaxTextBytes) }),
		"passages": changed(func(m *catalog.PutDocument) {
			m.Document.MIME, m.Text = "text/markdown", strings.Repeat("# A\n\nb\n\n", indexer.MaxPassages)
		}),
		"labels": changed(func(m *catalog.PutDocument) {
			m.Document.Labels = map[string]string{}
			for i := range indexer.MaxLabels {
				m.Document.Labels[strconv.Itoa(i)] = ""
			}
		}),
		"an instant of validity": changed(func(m *catalog.PutDocument) { m.Document.ValidFrom, m.Document.ValidUntil = now, now.Add(1) }),
		"nothing but an id":      catalog.PutDocument{Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "s", ID: "i"}}},
		"an empty policy":        catalog.PutAccess{Access: catalog.AccessPatch{Policy: &acl.Policy{}}},
		"an empty group":         catalog.PutGroup{Group: "group:a"},
		"a huge vector":          changed(vectors("unit/2", []float32{math.MaxFloat32, math.MaxFloat32})),
		"a tiny vector":          changed(vectors("unit/2", []float32{math.SmallestNonzeroFloat32, 0})),
	} {
		if _, err := x.Prepare(t.Context(), m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
