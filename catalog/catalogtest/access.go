package catalogtest

import (
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

var (
	forAda = readers("user:corp/ada")
	forBob = readers("user:corp/bob")
)

var accessCases = []testCase{
	{"A document without access fields is nobody's", func(w *bench) {
		w.one(put("a", 1, "one"))
		w.expect(name("a"), false, false)
	}},
	{"A policy without layers is nobody's", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone)))
		w.one(access("a", 1, &acl.Policy{}))
		w.expect(name("a"), false, false)
		w.reopen()
		w.expect(name("a"), false, false)
	}},
	{"An access line changes only who may read", func(w *bench) {
		was := w.one(put("a", 1, "one", with(0, forAda))).Document
		now := w.one(access("a", 1, forBob)).Document
		w.expect(name("a"), false, true)
		if now.Rows != was.Rows || now.ContentAt != was.ContentAt || !now.Synced.Equal(was.Synced) || now.Version != was.Version {
			w.Fatalf("the content was touched: %+v, then %+v", was, now)
		}
		if !now.ACLSynced.Equal(w.now) {
			w.Fatalf("access synced at %v, want %v", now.ACLSynced, w.now)
		}
	}},
	{"ACL-15: older access fields are not applied, and the outcome says so", func(w *bench) {
		w.one(put("a", 1, "one", with(5, forAda)))
		if o := w.one(access("a", 4, forBob)); !o.AccessKept || o.Changed {
			w.Fatalf("an older access line: %+v", o)
		}
		o := w.one(put("a", 2, "two", with(0, forBob)))
		if !o.AccessKept || !o.Changed {
			w.Fatalf("a newer document with older access fields: %+v", o)
		}
		w.expect(name("a"), true, false)
		w.text("a", "two")
		if o := w.one(put("a", 2, "two", with(6, forBob))); !o.Changed || o.AccessKept {
			w.Fatalf("a repeated document with newer access fields: %+v", o)
		}
		w.expect(name("a"), false, true)
	}},
	{"An equal access version applies", func(w *bench) {
		w.one(put("a", 1, "one", with(5, forAda)))
		w.one(access("a", 5, forBob))
		w.expect(name("a"), false, true)
		if o := w.one(access("a", 5, forBob)); o.Changed || o.AccessKept {
			w.Fatalf("a repetition: %+v", o)
		}
	}},
	{"An access line may come before its document", func(w *bench) {
		if o := w.one(access("a", 3, forAda)); !o.Changed || o.Document == nil || o.Document.State != catalog.AccessOnly {
			w.Fatalf("outcome %+v", o)
		}
		w.expect(name("a"), false, false)
		w.reopen()
		if o := w.one(put("a", -7, "any version", with(2, forBob))); !o.AccessKept {
			w.Fatalf("the older access fields of the document were applied: %+v", o)
		}
		w.expect(name("a"), true, false)
	}},
	{"Access survives a deletion", func(w *bench) {
		w.one(put("a", 1, "one", with(5, forAda)))
		w.one(catalog.DeleteDocument{Document: name("a"), Version: 1})
		if o := w.one(put("a", 2, "two", with(4, everyone))); !o.AccessKept {
			w.Fatalf("older access fields returned after a deletion: %+v", o)
		}
		w.expect(name("a"), true, false)
	}},
	{"An access line reaches a deleted document and revives nothing", func(w *bench) {
		w.one(put("a", 1, "one", with(5, everyone)))
		w.one(catalog.DeleteDocument{Document: name("a"), Version: 1})
		w.one(access("a", 6, forBob))
		w.expect(name("a"), false, false)
		w.one(put("a", 2, "two"))
		w.expect(name("a"), false, true)
	}},
	{"Fields left out keep what is stored", func(w *bench) {
		label, folder := "confidential", "f"
		w.one(catalog.PutContainer{Container: catalog.Container{DocumentID: name("f"), Policy: everyone}})
		w.one(put("a", 1, "one", func(m *catalog.PutDocument) {
			m.Access = catalog.AccessPatch{Policy: forAda, Container: &folder, Sensitivity: &label}
		}))
		o := w.one(access("a", 1, everyone))
		w.same("access", o.Document.Access, catalog.Access{Version: 1, Policy: everyone, Container: "f", Sensitivity: label})
		o = w.one(put("a", 2, "two"))
		w.same("access", o.Document.Access, catalog.Access{Version: 1, Policy: everyone, Container: "f", Sensitivity: label})
		none := ""
		o = w.one(catalog.PutAccess{Document: name("a"), Access: catalog.AccessPatch{Version: 2, Container: &none, Sensitivity: &none}})
		w.same("access", o.Document.Access, catalog.Access{Version: 2, Policy: everyone})
	}},
	{"Sensitivity beyond the clearance hides", func(w *bench) {
		for label, visible := range map[string]bool{"": true, "public": true, "internal": true, "confidential": false, "unheard of": false} {
			w.one(put("a"+label, 1, "one", func(m *catalog.PutDocument) {
				m.Access = catalog.AccessPatch{Policy: everyone, Sensitivity: &label}
			}))
			w.expect(name("a"+label), visible, visible)
		}
	}},
	{"Sources beyond the app's scope hide", func(w *bench) {
		w.one(put("a", 1, "one", with(0, everyone)))
		scoped := ada
		scoped.Scope.AllSources, scoped.Scope.Sources = false, []string{"wiki"}
		if w.sees(w.pin(0), scoped, name("a")) {
			w.Fatal("the app sees a source outside its scope")
		}
		scoped.Scope.Sources = []string{"wiki", "handbook"}
		if !w.sees(w.pin(0), scoped, name("a")) {
			w.Fatal("the app does not see a source inside its scope")
		}
	}},
	{"Grants hold by the view's instant, to the nanosecond", func(w *bench) {
		end := time.Date(2027, 1, 1, 0, 0, 0, 1, time.UTC)
		w.one(put("a", 1, "one", with(0, &acl.Policy{Layers: []acl.Layer{{
			Allow: []acl.Grant{{Principal: "everyone", NotAfter: end}},
		}}})))
		w.reopen()
		for at, want := range map[time.Time]int{end.Add(-1): 1, end: 0} {
			n := w.pin(0)
			v, err := n.View(ada, at)
			w.must(err)
			got, err := n.Documents(w.Context(), v, []catalog.DocumentID{name("a")})
			w.must(err)
			w.same("documents", len(got), want)
		}
	}},
}
